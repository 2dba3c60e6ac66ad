//! Loading of models.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use formats::gpt2::{self as files, Gpt2Config, Gpt2Files};
use formats::tensors::Dtype;
use formats::tokenizer::Tokenizer;
use gpt2::{AttentionScale, Gpt2};
use kernels::WeightFormat;
use wire::ModelInfo;

use crate::error::Error;
use crate::pace::Pace;
use crate::store::model::LoadedModel;
use crate::store::options::WeightChoice;
use crate::store::orientation::Orientation;
use crate::tokens::Vocabulary;

/// The files as a weight source, which yields between two pieces, where the loading can be cancelled.
struct Files<'a> {
    files: &'a Gpt2Files,
    pace: &'a Pace,
    weights: WeightChoice,
    orientation: RefCell<Orientation>,
}

impl gpt2::WeightSource for Files<'_> {
    type Error = Error;

    fn position(&self, key: &str) -> u64 {
        self.files.position(key)
    }

    fn format(&self, key: &str) -> WeightFormat {
        match (self.weights, self.files.dtype(key)) {
            (WeightChoice::F16, _) => WeightFormat::F16,
            // Each tensor by its own type: a file may hold some as F16 and others as F32. Where the type cannot be had, neither
            // can the weights, and reading them says why.
            (WeightChoice::Auto, Ok(Dtype::F16)) if !self.pace.device().prefers_f32() => {
                WeightFormat::F16
            }
            _ => WeightFormat::F32,
        }
    }

    async fn rows(&self, key: &str, range: Range<usize>) -> Result<Vec<f32>, Error> {
        self.pace.step().await?;
        let values = self.files.rows(key, range.clone()).await?;
        self.orientation.borrow_mut().see(key, range, &values);
        Ok(values)
    }
}

/// Loads a model.
///
/// With [`WeightChoice::Auto`] weights stored as F16 stay f16 on the device, which loses nothing; others become f32, and so
/// do all where the device prefers it.
///
/// # Errors
/// [`Error::File`], [`Error::Model`], [`Error::TokenizerMismatch`], [`Error::Device`].
pub(crate) async fn load_model(
    pace: &Pace,
    (id, name): (&str, &str),
    files: &Gpt2Files,
    tokenizer: Tokenizer,
    weights: WeightChoice,
) -> Result<LoadedModel, Error> {
    let file = files.config();
    let config = gpt2::Config {
        n_layer: file.n_layer,
        n_head: file.n_head,
        n_embd: file.n_embd,
        n_positions: file.n_positions,
        vocab_size: file.vocab_size,
        n_inner: file.n_inner,
        layer_norm_epsilon: file.layer_norm_epsilon,
        activation: activation(file.activation)?,
        attention_scale: AttentionScale {
            by_head_dim: file.scale_attn_weights,
            by_layer: file.scale_attn_by_inverse_layer_idx,
        },
    };
    if tokenizer.vocab_size() > config.vocab_size {
        return Err(Error::TokenizerMismatch {
            tokenizer: tokenizer.vocab_size(),
            model: config.vocab_size,
        });
    }
    let mut notices = files.notices().to_vec();
    let (bos, eos) = document_tokens(file, &tokenizer, &mut notices);
    notices.extend(ids_without_text(config.vocab_size, &tokenizer));
    let source = Files {
        files,
        pace,
        weights,
        orientation: RefCell::new(Orientation::new(config.n_embd)),
    };
    let model = Gpt2::load(pace.device(), config, &source).await?;
    // A device that was lost under the last pieces, or had no room for them, says so only when it is waited for.
    pace.device().drain().await?;
    notices.extend(source.orientation.borrow().caution());
    let info = ModelInfo {
        id: id.to_owned(),
        name: name.to_owned(),
        n_layers: config.n_layer,
        d_model: config.n_embd,
        d_mlp: config.n_inner,
        n_heads: config.n_head,
        n_ctx: config.n_positions,
        vocab: config.vocab_size,
        bos,
        eos,
        notices,
        weights: model
            .weight_format()
            .map_or("mixed", format_name)
            .to_owned(),
        origin: None,
    };
    Ok(LoadedModel {
        vocabulary: Vocabulary {
            tokenizer,
            size: info.vocab,
            n_ctx: info.n_ctx,
            bos: info.bos,
            prepend_bos: Cell::new(false),
        },
        info,
        model,
    })
}

fn activation(activation: files::Activation) -> Result<kernels::Activation, Error> {
    match activation {
        files::Activation::GeluTanh => Ok(kernels::Activation::GeluTanh),
        files::Activation::Gelu => Ok(kernels::Activation::Gelu),
        other => Err(Error::Unsupported {
            what: format!("the activation {}", other.name()),
        }),
    }
}

/// The token that begins a document and those that end one. `<|endoftext|>` does both where the tokenizer has it; the
/// configuration adds its own where they have a text, since an id without one is left over from another model, or padding
/// of the vocabulary.
fn document_tokens(
    config: &Gpt2Config,
    tokenizer: &Tokenizer,
    notices: &mut Vec<String>,
) -> (Option<u32>, Vec<u32>) {
    let mut known = |name: &str, id: u32| {
        let known = tokenizer.token_bytes(id).is_some();
        if !known {
            notices.push(format!(
                "config.json states {name} = {id}, which has no text in the tokenizer, so it is not used"
            ));
        }
        known
    };
    let stated = config.bos_token_id.filter(|&id| known("bos_token_id", id));
    let bos = tokenizer.bos().or(stated);
    let mut eos: Vec<u32> = config.eos_token_ids.clone();
    eos.retain(|&id| known("eos_token_id", id));
    eos.extend(tokenizer.bos().filter(|id| !eos.contains(id)));
    if eos.is_empty() {
        // Documents follow each other in training, so what begins the next one ends this one.
        eos.extend(bos);
    }
    (bos, eos)
}

/// A notice where the vocabulary has ids that are no token's, as one that was padded to a round number has.
fn ids_without_text(vocab_size: usize, tokenizer: &Tokenizer) -> Option<String> {
    let without = (0..vocab_size)
        .filter(|&id| u32::try_from(id).is_ok_and(|id| tokenizer.token_bytes(id).is_none()));
    let (count, first) = (without.clone().count(), without.clone().next()?);
    Some(format!(
        "{count} of the vocabulary's {vocab_size} ids have no text in the tokenizer, the first is {first}: they are shown as {}",
        tokenizer.display(u32::try_from(first).ok()?)
    ))
}

pub(crate) fn format_name(format: WeightFormat) -> &'static str {
    match format {
        WeightFormat::F32 => "f32",
        WeightFormat::F16 => "f16",
    }
}
