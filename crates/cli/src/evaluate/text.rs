//! `evaluate` on one text: how much autoencoders lose.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use explorer::{LimitsChoice, SAMPLE_TEXT, Session};
use wire::Evaluations;

use super::args::Evaluate;
use crate::error::Error;
use crate::place::Places;
use crate::table::{Side, align, or_dash};
use crate::{load, print_json};

/// Runs each autoencoder for itself, because each says whether a BOS goes first, and prints what it loses.
pub async fn on_text(arguments: &Evaluate) -> Result<(), Error> {
    let common = &arguments.common;
    let text = match &arguments.text {
        Some(path) => load::text(path, "the text's file")?,
        None => SAMPLE_TEXT.to_owned(),
    };
    let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
    let places = Places::new(&common.downloads);
    load::model(&mut session, &places, &common.model).await?;
    let (mut saes, mut ids) = (Vec::new(), Vec::new());
    for given in &arguments.sae {
        let before = ids.len();
        load::saes(&mut session, &places, given, false, &mut ids).await?;
        for id in ids.iter().skip(before) {
            saes.push(session.evaluate(&text, id, common.bos.into()).await?);
            // Its place on the device goes to the next.
            session.unload_sae(id)?;
        }
    }
    let info = session.info();
    let evaluation = Evaluations {
        model: info.model.map(|model| model.name).unwrap_or_default(),
        text,
        saes,
        backend: info.backend,
        adapter: info.adapter,
    };
    let mut out = io::stdout().lock();
    if common.json {
        return print_json(&mut out, &evaluation);
    }
    Ok(out.write_all(table(&evaluation, arguments.text.is_none()).as_bytes())?)
}

fn table(evaluation: &Evaluations, is_sample: bool) -> String {
    let mut out = String::new();
    let Evaluations {
        model,
        backend,
        adapter,
        ..
    } = evaluation;
    let text = if is_sample {
        "the built-in sample text"
    } else {
        "the given text"
    };
    let backend = backend.to_uppercase();
    let _ = writeln!(out, "{model} on {text}, on the {backend} ({adapter})");
    let _ = writeln!(
        out,
        "losses and KL in nats; FVU in the space that the autoencoder was trained in; a BOS does not count, but in ΔCE the prediction made at it\n"
    );
    let mut rows = vec![
        [
            "autoencoder",
            "hook",
            "latents",
            "tokens",
            "bos",
            "FVU",
            "rel. error",
            "cosine",
            "L0",
            "loss",
            "spliced",
            "ΔCE",
            "KL",
        ]
        .map(str::to_owned),
    ];
    for found in &evaluation.saes {
        let (info, metrics) = (&found.info, &found.metrics);
        rows.push([
            info.id.clone(),
            info.hook.clone(),
            info.n_latents.to_string(),
            metrics.positions.to_string(),
            (if found.bos_prepended { "yes" } else { "no" }).to_owned(),
            or_dash(metrics.fvu, false),
            or_dash(metrics.relative_error, false),
            or_dash(metrics.cosine, false),
            or_dash(metrics.l0, false),
            or_dash(found.loss, false),
            or_dash(metrics.spliced_loss, false),
            or_dash(metrics.delta_ce, true),
            or_dash(metrics.kl, false),
        ]);
    }
    let mut sides = [Side::Right; 13];
    sides[..2].fill(Side::Left);
    align(&mut out, &rows, &sides);
    if let Some(found) = evaluation.saes.iter().find(|found| found.windows > 1) {
        let _ = writeln!(
            out,
            "\nread in {} windows of at most {} tokens; the means are over the tokens of all",
            found.windows, found.window_tokens
        );
    }
    let cautions = evaluation.saes.iter().flat_map(|sae| &sae.cautions);
    for (i, caution) in cautions.enumerate() {
        out.push_str(if i == 0 { "\n" } else { "" });
        let _ = writeln!(out, "{caution}");
    }
    out
}
