//! `patch`: what another prompt's residual stream brings of its answer.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::Args;
use explorer::{LimitsChoice, Session, StreamPatchOptions, StreamPatching};

use crate::args::{Common, Prompt};
use crate::error::Error;
use crate::place::Places;
use crate::table::visible;
use crate::{Answer, load, print_json};

/// Options of `patch`.
#[derive(Debug, Args)]
pub struct Patch {
    /// Options of every command that runs a model.
    #[command(flatten)]
    pub common: Common,

    /// The text.
    #[command(flatten)]
    pub prompt: Prompt,

    /// The text that the stream comes from: as many tokens, with another answer
    #[arg(long, value_name = "TEXT")]
    pub source: String,

    /// A token whose logit after the last token is compared with the distractor's: one token, as " king" [default: the
    /// likeliest after the source]
    #[arg(long, value_name = "TOKEN", requires = "distractor")]
    pub target: Option<String>,

    /// The token that the target is compared with [default: the likeliest after the prompt]
    #[arg(long, value_name = "TOKEN", requires = "target")]
    pub distractor: Option<String>,
}

/// Patches every layer at every position, and prints what that brings.
pub async fn patch(arguments: &Patch) -> Result<(), Error> {
    let common = &arguments.common;
    let prompt = load::prompt(&arguments.prompt)?;
    let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
    let places = Places::new(&common.downloads);
    load::model(&mut session, &places, &common.model).await?;
    let tokens = load::compared(&session, &arguments.target, &arguments.distractor)?;
    let options = StreamPatchOptions {
        tokens,
        bos: common.bos.into(),
    };
    let found = session
        .patch_stream(&prompt, &arguments.source, options)
        .await?;
    let info = session.info();
    let mut out = io::stdout().lock();
    if !common.json {
        return Ok(out.write_all(table(&found, &info.backend).as_bytes())?);
    }
    print_json(&mut out, &Answer::new(&found, &info))
}

/// A line per position, a column per layer: the share of the way from the prompt's difference of logits to the source's.
fn table(found: &StreamPatching, backend: &str) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "logit of {} minus that of {} after the last token: {:+.3} of the prompt, {:+.3} of the source, on the {}",
        visible(&found.target.text),
        visible(&found.distractor.text),
        found.clean,
        found.source,
        backend.to_uppercase()
    );
    let _ = writeln!(
        out,
        "share of the way to the source's, in percent, with the source's residual stream at one layer and position; columns: into block 0, 1, …, out of the last\n"
    );
    let whole = found.source - found.clean;
    for (position, (here, there)) in found.tokens.iter().zip(&found.source_tokens).enumerate() {
        let _ = write!(out, "{position:>4}");
        for row in &found.logit_differences {
            let difference = row.get(position).copied().unwrap_or(f64::NAN);
            let share = (difference - found.clean) / whole * 100.0;
            match share.is_finite() {
                true => _ = write!(out, " {share:>5.0}"),
                false => _ = write!(out, " {:>5}", "–"),
            }
        }
        let _ = write!(out, "  {}", visible(&here.text));
        if here.id != there.id {
            let _ = write!(out, " ← {}", visible(&there.text));
        }
        out.push('\n');
    }
    out
}
