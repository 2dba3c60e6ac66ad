//! `effects`: what ablating each active feature of a prompt changes.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::ops::ControlFlow;

use explorer::{Effect, EffectsOptions, LimitsChoice, RankBy, Session};

use crate::args::{Effects, Rank};
use crate::error::Error;
use crate::place::Places;
use crate::table::{Side, align, or_dash, visible};
use crate::{Answer, load, print_json};

/// Features that a table lists.
const LISTED: usize = 40;
/// Tokens that a table lists per feature and direction.
const TOKENS: usize = 3;

/// Ablates every active feature, ranks them and prints them.
pub async fn effects(arguments: &Effects) -> Result<(), Error> {
    let common = &arguments.common;
    let prompt = load::prompt(&arguments.prompt)?;
    let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
    let places = Places::new(&common.downloads);
    load::model(&mut session, &places, &common.model).await?;
    let ids = load::sets(&mut session, &places, &arguments.sets).await?;
    let tokens = load::compared(&session, &arguments.target, &arguments.distractor)?;
    let options = EffectsOptions {
        positions: arguments.positions.clone(),
        tokens,
        rank_by: match (arguments.rank, tokens) {
            (Some(Rank::Loss), _) => RankBy::Loss,
            (Some(Rank::Kl), _) | (None, None) => RankBy::Kl,
            (Some(Rank::Logits), _) | (None, Some(_)) => RankBy::LogitDifference,
        },
        top: arguments.top,
        within: arguments.within,
        bos: common.bos.into(),
        ..EffectsOptions::new(load::chosen_set(arguments.set.as_deref(), &ids)?)
    };
    let going_on = |_: &[Effect]| ControlFlow::Continue(());
    let found = session.effects(&prompt, &options, going_on).await?;
    let info = session.info();
    let mut out = io::stdout().lock();
    if !common.json {
        return Ok(out.write_all(table(&found, &info.backend).as_bytes())?);
    }
    print_json(&mut out, &Answer::new(&found, &info))
}

fn table(found: &explorer::Effects, backend: &str) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} features of {} are active; each ablated by itself, the error term kept, on the {}",
        found.effects.len(),
        found.sae,
        backend.to_uppercase()
    );
    let _ = writeln!(
        out,
        "clean loss {}; loss and KL in nats, ablated minus clean",
        or_dash(found.loss, false)
    );
    if found.effects.iter().any(|effect| effect.within > 0.0) {
        let _ = writeln!(
            out,
            "±: the most that KL and loss are off, proven: logits of some tokens are bounded and not computed"
        );
    }
    if let (Some(target), Some(distractor)) = (&found.target, &found.distractor) {
        let _ = writeln!(
            out,
            "logits: {} minus {} after the last token, {} when clean; direct: by the direct path alone",
            visible(&target.text),
            visible(&distractor.text),
            or_dash(found.logit_difference, true)
        );
    }
    out.push('\n');
    let mut rows = vec![
        [
            "latent", "active", "largest", "at", "loss", "KL", "logits", "direct", "up", "down",
        ]
        .map(str::to_owned),
    ];
    for effect in found.effects.iter().take(LISTED) {
        let token = found.tokens.get(effect.position);
        let moved = |changes: &[explorer::TokenChange]| {
            let changes = changes.iter().take(TOKENS);
            let listed =
                changes.map(|change| format!("{} {:+.2}", visible(&change.text), change.logit));
            listed.collect::<Vec<_>>().join(", ")
        };
        rows.push([
            effect.latent.to_string(),
            effect.active.to_string(),
            format!("{:.3}", effect.activation),
            format!(
                "{} {}",
                effect.position,
                token.map_or_else(String::new, |token| visible(&token.text))
            ),
            or_dash(effect.loss, true),
            effect.kl.map_or_else(
                || "–".to_owned(),
                |kl| match effect.within {
                    0.0 => format!("{kl:.2e}"),
                    within => format!("{kl:.2e} ± {within:.0e}"),
                },
            ),
            or_dash(effect.logit_difference, true),
            or_dash(effect.direct, true),
            moved(&effect.up),
            moved(&effect.down),
        ]);
    }
    let mut sides = [Side::Right; 10];
    for left in [3, 8, 9] {
        sides[left] = Side::Left;
    }
    align(&mut out, &rows, &sides);
    if found.effects.len() > LISTED {
        let _ = writeln!(out, "\n{} more with --json", found.effects.len() - LISTED);
    }
    out
}
