//! Taps of a prompt's pass: activations at several hook points, attention patterns, LayerNorm scales, and logit lenses, from
//! one pass.

use gpt2::{HookPoint, Norm, Observation};
use wire::{Lens, Matrix, Tapped, Taps};

use crate::analysis::activations::run;
use crate::analysis::metrics;
use crate::analysis::question::Question;
use crate::error::Error;
use crate::run::compile::Parts;
use crate::run::spec::{RunSpec, Tap};
use crate::tokens::{Bos, Input};

/// Values to take from a prompt's pass.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TapOptions {
    /// Names, TransformerLens's: hook points (`blocks.3.hook_resid_post`, `blocks.3.mlp.hook_post`, …), attention patterns
    /// (`blocks.3.attn.hook_pattern`) and LayerNorm scales (`blocks.3.ln1.hook_scale`, `ln_final.hook_scale`).
    pub names: Vec<String>,
    /// The logit lens looks at the embedding and at every block's output through the final LayerNorm and the unembedding: the
    /// number of likeliest next tokens to list per position and block, 1 to 512; 0 for no logit lens.
    pub logit_lens: usize,
    /// True if a BOS is prepended.
    pub bos: Bos,
}

/// A parsed name.
enum Wanted {
    Activation(HookPoint),
    Observation(Observation),
}

/// # Errors
/// As [`crate::Session::trace`]; [`Error::BadOption`] for a name that is none of this model's, and where nothing is wanted.
pub(crate) async fn taps(
    question: &Question<'_>,
    input: Input<'_>,
    options: &TapOptions,
) -> Result<Taps, Error> {
    let model = question.model()?;
    let prompt = question.prompt(input, options.bos)?;
    let tokens = prompt.ids.len();
    let wanted = options
        .names
        .iter()
        .map(|name| parsed(question, name))
        .collect::<Result<Vec<_>, _>>()?;
    if options.logit_lens > kernels::MAX_K {
        return Err(Error::BadOption {
            name: "logit_lens",
            value: options.logit_lens.to_string(),
            expected: format!("it must be from 0 to {}", kernels::MAX_K),
        });
    }
    if wanted.is_empty() && options.logit_lens == 0 {
        return Err(Error::BadOption {
            name: "names",
            value: "an empty list".to_owned(),
            expected: "name at least one value, or ask for the logit lens".to_owned(),
        });
    }
    let layers: Vec<Option<usize>> = match options.logit_lens {
        0 => Vec::new(),
        _ => std::iter::once(None)
            .chain((0..model.info.n_layers).map(Some))
            .collect(),
    };
    let named = wanted.iter().map(|wanted| match wanted {
        Wanted::Activation(point) => Tap::Activation(*point),
        Wanted::Observation(Observation::AttentionPattern { layer }) => Tap::AttentionPattern {
            layer: *layer,
            keys: tokens,
        },
        Wanted::Observation(Observation::NormScale(norm)) => Tap::NormScale(*norm),
    });
    let top = options.logit_lens.min(model.info.vocab);
    let lenses = layers.iter().map(|layer| Tap::LogitLens {
        at: layer.map_or(HookPoint::ResidPre(0), HookPoint::ResidPost),
        top,
    });
    let spec = RunSpec {
        taps: named.chain(lenses).collect(),
        // The last block's output is where all have been seen, whatever comes last.
        stop_at: Some(HookPoint::LnFinalOut),
        ..RunSpec::new()
    };
    let output = run(question, &prompt, &spec, &Parts::of_model(model), true).await?;
    let mut values = Vec::new();
    for (index, wanted) in wanted.iter().enumerate() {
        let Matrix { rows, cols, data } = output.matrix(index)?;
        let (name, shape) = match wanted {
            Wanted::Activation(point) => (point.to_string(), vec![rows, cols]),
            Wanted::Observation(observation @ Observation::AttentionPattern { .. }) => {
                let heads = model.info.n_heads;
                (
                    observation.to_string(),
                    vec![rows, heads, cols / heads.max(1)],
                )
            }
            Wanted::Observation(observation) => (observation.to_string(), vec![rows]),
        };
        finite(&name, &data, data.len() / rows.max(1))?;
        values.push(Tapped { name, shape, data });
    }
    let mut logit_lens = Vec::new();
    for (index, layer) in layers.into_iter().enumerate() {
        let head = output.lens(wanted.len() + index)?;
        let token_losses = head.token_losses(0..tokens)?;
        logit_lens.push(Lens {
            layer,
            loss: metrics::mean(&token_losses),
            token_losses,
            next_by_position: head.next_tokens(0..tokens, top, &model.vocabulary)?,
        });
    }
    Ok(Taps {
        tokens: prompt
            .ids
            .iter()
            .map(|id| model.vocabulary.token(*id))
            .collect(),
        values,
        logit_lens,
    })
}

fn finite(name: &str, data: &[f32], per_row: usize) -> Result<(), Error> {
    match data.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::NotANumber {
            what: name.to_owned(),
            position: at / per_row.max(1),
        }),
    }
}

fn parsed(question: &Question<'_>, name: &str) -> Result<Wanted, Error> {
    let model = question.model()?;
    if let Ok(observation) = name.parse::<Observation>() {
        match observation {
            Observation::AttentionPattern { layer }
            | Observation::NormScale(Norm::Ln1(layer) | Norm::Ln2(layer)) => {
                model.check_layer(layer)?;
            }
            Observation::NormScale(Norm::Final) => {}
        }
        return Ok(Wanted::Observation(observation));
    }
    let point: HookPoint = name
        .parse()
        .map_err(|error: gpt2::UnknownHook| Error::BadOption {
            name: "names",
            value: name.to_owned(),
            expected: error.to_string(),
        })?;
    model.check_hook(point)?;
    Ok(Wanted::Activation(point))
}
