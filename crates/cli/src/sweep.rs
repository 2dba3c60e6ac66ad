//! `sweep`: one feature's value moved, and what becomes of the predictions.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use explorer::{Edit, EditOperation, Edited, LimitsChoice, NextToken, Session, TraceOptions};
use serde::Serialize;

use crate::args::{Operation, Sweep};
use crate::error::Error;
use crate::place::Places;
use crate::table::{or_dash, visible};
use crate::{load, print_json};

/// A sweep, as `--json` prints it.
#[derive(Serialize)]
struct JsonSweep<'a> {
    sae: &'a str,
    latent: u32,
    operation: &'a str,
    /// The prompt as it is.
    clean: Point<'a>,
    /// One entry per value, in the order of the values.
    points: Vec<Point<'a>>,
    backend: &'a str,
    adapter: &'a str,
}

#[derive(Serialize)]
struct Point<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f32>,
    /// Mean loss, nats.
    loss: Option<f64>,
    /// Mean KL from the clean run, nats.
    kl: Option<f64>,
    /// The tracked tokens after the last one.
    tracked: &'a [NextToken],
    /// The likeliest tokens there.
    next: &'a [NextToken],
}

impl<'a> Point<'a> {
    fn new(value: Option<f32>, edited: &'a Edited) -> Self {
        Self {
            value,
            loss: edited.loss,
            kl: edited.mean_kl,
            tracked: &edited.tracked,
            next: &edited.next,
        }
    }
}

/// Runs the prompt once per value and prints losses, divergences and the tracked tokens' probabilities.
pub async fn sweep(arguments: &Sweep) -> Result<(), Error> {
    let common = &arguments.common;
    let prompt = load::prompt(&arguments.prompt)?;
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
    let target = &arguments.edit_target;
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
    let points = arguments.values.iter().zip(&edited);
    let sweep = JsonSweep {
        sae: &target.sae,
        latent: target.latent,
        operation: name,
        clean: Point::new(None, &clean),
        points: points
            .map(|(value, edited)| Point::new(Some(*value), edited))
            .collect(),
        backend: info.backend,
        adapter: &info.adapter,
    };
    let mut out = io::stdout().lock();
    match common.json {
        true => print_json(&mut out, &sweep),
        false => Ok(out.write_all(table(&sweep).as_bytes())?),
    }
}

fn table(sweep: &JsonSweep<'_>) -> String {
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
