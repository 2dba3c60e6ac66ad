//! A grid of trainings for a terminal.

use std::fmt::Write as _;
use std::path::Path;

use wire::{ScalingLaw, TrainingSweep};

use crate::table::{Side, align, or_dash};

/// The table of the trainings, the law, and where the files are.
pub fn text(sweep: &TrainingSweep, out: &Path) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} at {}: {} autoencoders, each trained on the same {} tokens (seed {})",
        sweep.model,
        sweep.hook,
        sweep.points.len(),
        sweep.tokens,
        sweep.seed,
    );
    let _ = writeln!(
        text,
        "loss: mean FVU of the batches of the last tenth of the steps, each measured before it was trained on\n"
    );
    let mut rows = vec![
        [
            "latents", "k", "loss", "L0", "dead", "law", "residual", "folder",
        ]
        .map(str::to_owned),
    ];
    for point in &sweep.points {
        let dead = point.dead.map(|dead| format!("{:.1} %", 100.0 * dead));
        rows.push([
            point.latents.to_string(),
            point.k.to_string(),
            or_dash(point.loss, false),
            or_dash(point.l0, false),
            dead.unwrap_or_else(|| "–".to_owned()),
            or_dash(point.law, false),
            or_dash(point.residual, true),
            point.folder.clone(),
        ]);
    }
    let mut sides = [Side::Right; 8];
    sides[7] = Side::Left;
    align(&mut text, &rows, &sides);
    let _ = writeln!(text);
    match (&sweep.law, &sweep.law_missing) {
        (Some(fitted), _) => {
            let _ = writeln!(
                text,
                "law: L(n, k) = exp(α + β_k ln k + β_n ln n + γ ln k ln n) + exp(ζ + η ln k)"
            );
            let _ = writeln!(text, "  fitted to these:     {}", coefficients(&fitted.law));
            let _ = writeln!(
                text,
                "  GPT-4, of the paper: {}  (other activations, not comparable)",
                coefficients(&sweep.paper_gpt4)
            );
            let _ = writeln!(
                text,
                "  residual: ln loss − ln law; root mean square {:.4}. The part that does not fall with n is at most {:.1} % of the law",
                fitted.rms,
                100.0 * fitted.floor_share,
            );
            if fitted.floor_share < 0.01 {
                let _ = writeln!(text, "  so little that ζ and η mean nothing here");
            }
        }
        (None, missing) => {
            let missing = missing.as_deref().unwrap_or("unknown");
            let _ = writeln!(text, "no law: {missing}");
        }
    }
    let _ = writeln!(
        text,
        "{}: an autoencoder per folder, sweep.json, sweep.svg",
        out.display()
    );
    text
}

fn coefficients(law: &ScalingLaw) -> String {
    let ScalingLaw {
        alpha,
        beta_k,
        beta_n,
        gamma,
        zeta,
        eta,
    } = law;
    format!("α {alpha:.4}  β_k {beta_k:.4}  β_n {beta_n:.4}  γ {gamma:.4}  ζ {zeta:.4}  η {eta:.4}")
}
