//! `sweep --values`: one feature's value moved, and what becomes of the predictions.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use explorer::{Edit, EditOperation, LimitsChoice, Session, TraceOptions};
use wire::{Sweep as Swept, SweepPoint, Target};

use super::args::{Operation, ValueSweep};
use crate::args::{Common, Prompt};
use crate::error::Error;
use crate::place::Places;
use crate::table::{or_dash, visible};
use crate::{Answer, load, print_json};

/// Runs the prompt once per value and prints losses, divergences and the tracked tokens' probabilities.
pub async fn of_value(
    common: &Common,
    arguments: &ValueSweep,
    target: &Target,
) -> Result<(), Error> {
    let prompt = load::prompt(&Prompt {
        prompt: arguments.prompt.clone(),
        prompt_file: arguments.prompt_file.clone(),
    })?;
    let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
    let places = Places::new(&common.downloads);
    load::model(&mut session, &places, &common.model).await?;
    load::sets(&mut session, &places, &arguments.sets).await?;
    let track = arguments.track.iter();
    let track = track.map(|text| load::token(&session, "--track", text));
    let options = TraceOptions {
        bos: common.bos.into(),
        track: track.collect::<Result<_, _>>()?,
        ..TraceOptions::default()
    };
    let (name, operation): (_, fn(f32) -> EditOperation) = match arguments.operation {
        Operation::Set => ("set", EditOperation::Set),
        Operation::Add => ("add", EditOperation::Add),
        Operation::Scale => ("scale", EditOperation::Scale),
    };
    let lists: Vec<Vec<Edit>> = arguments
        .values
        .iter()
        .map(|value| {
            vec![Edit {
                positions: arguments.positions.clone(),
                ..Edit::new(&target.sae, target.latent, operation(*value))
            }]
        })
        .collect();
    let clean = session.edited(&prompt, &[], &options).await?;
    let edited = session.edit_batch(&prompt, &lists, &options).await?;
    let info = session.info();
    let points = arguments.values.iter().zip(edited);
    let sweep = Swept {
        sae: target.sae.clone(),
        latent: target.latent,
        operation: name.to_owned(),
        clean: SweepPoint::new(None, clean),
        points: points
            .map(|(value, edited)| SweepPoint::new(Some(*value), edited))
            .collect(),
    };
    let mut out = io::stdout().lock();
    match common.json {
        true => print_json(&mut out, &Answer::new(&sweep, &info)),
        false => Ok(out.write_all(table(&sweep).as_bytes())?),
    }
}

fn table(sweep: &Swept) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}:{}, {}; loss and mean KL from the clean run in nats, then probabilities after the last token\n",
        sweep.sae, sweep.latent, sweep.operation
    );
    let mut rows = vec![vec!["value".to_owned(), "loss".to_owned(), "KL".to_owned()]];
    rows[0].extend(sweep.clean.tracked.iter().map(|token| visible(&token.text)));
    rows[0].push("likeliest".to_owned());
    for point in std::iter::once(&sweep.clean).chain(&sweep.points) {
        let mut row = vec![
            point
                .value
                .map_or_else(|| "clean".to_owned(), |value| value.to_string()),
            or_dash(point.loss, false),
            or_dash(point.kl, false),
        ];
        row.extend(
            point
                .tracked
                .iter()
                .map(|token| format!("{:.4}", token.prob)),
        );
        row.push(
            point
                .next
                .first()
                .map_or_else(String::new, |next| visible(&next.text)),
        );
        rows.push(row);
    }
    let columns = rows[0].len();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let line: String = cells
            .map(|(cell, width)| format!("  {cell:>width$}"))
            .collect();
        let _ = writeln!(out, "{line}");
    }
    out
}
