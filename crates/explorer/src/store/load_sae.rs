//! Loading of feature sets: autoencoders from files, and neurons.

use std::rc::Rc;

use formats::sae::{
    Architecture, BOS_UNKNOWN, CountedPositions, Gate, Layout, Normalization, SaeFile,
};
use gpt2::HookPoint;
use kernels::WeightFormat;
use sae::{GateWeights, Sae, Vectors};
use wire::SaeInfo;

use crate::error::Error;
use crate::features::neurons::Neurons;
use crate::features::source::{Source, Stopped};
use crate::features::streamed::Streamed;
use crate::pace::Pace;
use crate::store::feature_set::LoadedSet;
use crate::store::hook_name::hook_notice;
use crate::store::load_model::format_name;
use crate::store::model::LoadedModel;
use crate::store::model_name;
use crate::store::options::{SaeOptions, WeightChoice};
use crate::store::shelf::Store;

/// The part of a streamed encoder that is on the device at a time.
const PART_BYTES: usize = 256 << 20;

// A TopK autoencoder that its file's reader accepts must be one that the kernels can run.
const _: () = assert!(formats::sae::MAX_K == kernels::MAX_K);

/// Loads an autoencoder. Its matrices come piece by piece and are never in memory as a whole.
///
/// With [`WeightChoice::Auto`] weights that f16 represents exactly are packed on the device, unless it prefers f32; others
/// stay f32.
///
/// # Errors
/// [`Error::NoModel`], [`Error::HookMismatch`], [`Error::WidthMismatch`], [`Error::Unsupported`], [`Error::File`],
/// [`Error::Sae`], [`Error::Cancelled`], [`Error::Device`].
pub(crate) async fn load_sae(
    store: &Store,
    pace: &Pace,
    id: &str,
    file: &SaeFile,
    options: &SaeOptions,
) -> Result<LoadedSet, Error> {
    let model = store.model()?;
    let (hook, config) = attach(model, id, file, options)?;
    let sae = stream(pace, file, config, options.weights).await?;
    pace.device().drain().await?;
    let format = sae.w_dec().format();
    Ok(LoadedSet {
        id: store.new_id(),
        info: info_of(model, id, file, (hook, options), &config, format),
        hook,
        positions: file.config.counted.clone(),
        features: Box::new(sae),
    })
}

/// Loads a TopK autoencoder that is too large for the device: its weights stay in the file, and every question reads it once
/// through a buffer of 256 MiB (or of `part_bytes`). Results are those of the whole autoencoder; nearest features are not
/// looked for.
///
/// # Errors
/// As [`load_sae`]; [`Error::Unsupported`] for other architectures, and where the encoder is stored input by input, as SAELens
/// does.
pub(crate) async fn load_streamed_sae(
    store: &Store,
    id: &str,
    file: Rc<SaeFile>,
    options: &SaeOptions,
    part_bytes: Option<usize>,
) -> Result<LoadedSet, Error> {
    let model = store.model()?;
    let (hook, config) = attach(model, id, &file, options)?;
    let sae::Architecture::TopK { k } = config.architecture else {
        return Err(Error::Unsupported {
            what: format!(
                "reading a {} autoencoder part after part; only topk can be",
                file.config.architecture.name()
            ),
        });
    };
    if file.encoder_layout() != Layout::LatentMajor {
        return Err(Error::Unsupported {
            what: "reading an encoder part after part that is stored input by input, as in a SAELens folder: export it as an OpenAI .pt first; it".to_owned(),
        });
    }
    let row_bytes = 4 * config.d_in.max(1);
    let part_bytes = part_bytes.unwrap_or(PART_BYTES);
    let info = SaeInfo {
        weights: "streamed".to_owned(),
        ..info_of(
            model,
            id,
            &file,
            (hook, options),
            &config,
            WeightFormat::F32,
        )
    };
    Ok(LoadedSet {
        id: store.new_id(),
        info,
        hook,
        positions: file.config.counted.clone(),
        features: Box::new(Streamed {
            b_enc: file.b_enc().await?,
            b_dec: file.b_dec().await?,
            latents_at_a_time: (part_bytes / row_bytes).max(1),
            config,
            k,
            file,
        }),
    })
}

/// Makes the dimensions of the activation at a hook a feature set.
///
/// # Errors
/// [`Error::NoModel`], [`Error::HookMismatch`] for a hook that the model does not have.
pub(crate) fn load_neurons(store: &Store, id: &str, hook: &str) -> Result<LoadedSet, Error> {
    let model = store.model()?;
    let name = hook;
    let hook = hook_named(model, id, name)?;
    let width = hook.width(model.model.config());
    let bias = match hook {
        HookPoint::MlpPost(layer) => Some(model.model.mlp_in_bias(layer)?.clone()),
        _ => None,
    };
    Ok(LoadedSet {
        id: store.new_id(),
        info: SaeInfo {
            id: id.to_owned(),
            hook: hook.to_string(),
            architecture: "neurons".to_owned(),
            n_latents: width,
            k: None,
            d_in: width,
            normalization: "none".to_owned(),
            weights: "none".to_owned(),
            norm_scaling_factor: None,
            prepend_bos: None,
            context_size: None,
            notices: hook_notice(name, hook).into_iter().collect(),
            model_name: None,
            other_model: false,
            origin: None,
        },
        hook,
        positions: CountedPositions::default(),
        features: Box::new(Neurons { width, bias }),
    })
}

/// The hook point of an autoencoder, and its configuration.
fn attach(
    model: &LoadedModel,
    id: &str,
    file: &SaeFile,
    options: &SaeOptions,
) -> Result<(HookPoint, sae::Config), Error> {
    let hook = hook_of(model, id, file, options.hook.as_deref())?;
    let width = hook.width(model.model.config());
    if file.config.d_in != width {
        return Err(Error::WidthMismatch {
            id: id.to_owned(),
            d_in: file.config.d_in,
            hook: hook.to_string(),
            width,
        });
    }
    let architecture = match file.config.architecture {
        Architecture::Standard => sae::Architecture::Standard,
        Architecture::TopK { k } => sae::Architecture::TopK { k },
        Architecture::JumpRelu => sae::Architecture::JumpRelu,
        Architecture::Gated => sae::Architecture::Gated,
        other => {
            return Err(Error::Unsupported {
                what: format!("the architecture {}", other.name()),
            });
        }
    };
    let config = sae::Config {
        architecture,
        d_in: file.config.d_in,
        d_sae: file.config.d_sae,
        normalization: normalization(file, hook, options)?,
        apply_b_dec_to_input: file.config.apply_b_dec_to_input,
    };
    Ok((hook, config))
}

fn info_of(
    model: &LoadedModel,
    id: &str,
    file: &SaeFile,
    (hook, options): (HookPoint, &SaeOptions),
    config: &sae::Config,
    format: WeightFormat,
) -> SaeInfo {
    let prepend_bos = file.config.prepend_bos.or(options.prepend_bos);
    SaeInfo {
        id: id.to_owned(),
        hook: hook.to_string(),
        architecture: file.config.architecture.name().to_owned(),
        n_latents: config.d_sae,
        k: match config.architecture {
            sae::Architecture::TopK { k } => Some(k),
            _ => None,
        },
        d_in: config.d_in,
        normalization: match config.normalization {
            sae::Normalization::Centred => "centred",
            _ => file.config.normalization.name(),
        }
        .to_owned(),
        weights: format_name(format).to_owned(),
        norm_scaling_factor: match config.normalization {
            sae::Normalization::Scaled(factor) => Some(factor),
            _ => None,
        },
        prepend_bos,
        context_size: file.config.context_size,
        origin: None,
        other_model: match &file.config.model_name {
            Some(name) => model_name::is_another(name, &model.info),
            None => false,
        },
        model_name: file.config.model_name.clone(),
        notices: {
            let named = options.hook.as_deref().or(file.config.hook_name.as_deref());
            let mut notices = file.notices.clone();
            notices.extend(named.and_then(|name| hook_notice(name, hook)));
            if prepend_bos.is_none() {
                notices.push(BOS_UNKNOWN.to_owned());
            }
            notices
        },
    }
}

async fn stream(
    pace: &Pace,
    file: &SaeFile,
    config: sae::Config,
    weights: WeightChoice,
) -> Result<Sae, Error> {
    let (b_enc, gate, b_dec) = (file.b_enc().await?, file.gate().await?, file.b_dec().await?);
    let vectors = Vectors {
        b_enc: &b_enc,
        gate: match &gate {
            Gate::None => GateWeights::None,
            Gate::Threshold(threshold) => GateWeights::Threshold(threshold),
            Gate::Gated {
                b_gate,
                r_mag,
                b_mag,
            } => GateWeights::Gated {
                b_gate,
                r_mag,
                b_mag,
            },
        },
        b_dec: &b_dec,
    };
    let mut source = Source::new(file, pace);
    source.only_exact = weights == WeightChoice::Auto && !pace.device().prefers_f32();
    let mut format = match weights {
        WeightChoice::Auto if source.only_exact => WeightFormat::F16,
        WeightChoice::Auto | WeightChoice::F32 => WeightFormat::F32,
        WeightChoice::F16 => WeightFormat::F16,
    };
    loop {
        match Sae::stream(pace.device(), config, &vectors, format, &source).await {
            Ok(sae) => return Ok(sae),
            Err(Stopped::Failed(error)) => return Err(error),
            // The first piece tells, as a rule, so that little is read twice.
            Err(Stopped::Inexact) => {
                format = WeightFormat::F32;
                source.only_exact = false;
            }
        }
    }
}

fn hook_of(
    model: &LoadedModel,
    id: &str,
    file: &SaeFile,
    hook: Option<&str>,
) -> Result<HookPoint, Error> {
    let name = hook.or(file.config.hook_name.as_deref()).ok_or_else(|| Error::HookMismatch {
            id: id.to_owned(),
            reason: "its file does not say where it belongs; name the hook, for example blocks.3.hook_resid_post".to_owned(),
        })?;
    hook_named(model, id, name)
}

/// The hook point of this name in the loaded model.
fn hook_named(model: &LoadedModel, id: &str, name: &str) -> Result<HookPoint, Error> {
    let mismatch = |reason: String| Error::HookMismatch {
        id: id.to_owned(),
        reason,
    };
    let n_layers = model.info.n_layers;
    let hook: HookPoint = name
        .parse()
        .map_err(|error: gpt2::UnknownHook| mismatch(error.to_string()))?;
    match hook.layer() {
        Some(layer) if layer >= n_layers => Err(mismatch(format!(
            "{name} is in block {layer}, and this model's blocks are 0 to {}",
            n_layers - 1
        ))),
        _ => Ok(hook),
    }
}

/// The normalisation of the activation before encoding.
fn normalization(
    file: &SaeFile,
    hook: HookPoint,
    options: &SaeOptions,
) -> Result<sae::Normalization, Error> {
    // Only what is written to the residual stream is centred in such a model.
    let written = !matches!(hook, HookPoint::Z(_) | HookPoint::MlpPost(_));
    let centre = options.centre.or(file.config.center_writing_weights);
    let centred = written && centre.unwrap_or(false);
    let normalization = match file.config.normalization {
        Normalization::None => sae::Normalization::None,
        // Takes the mean off itself.
        Normalization::LayerNorm => return Ok(sae::Normalization::LayerNorm),
        Normalization::ConstantNormRescale => sae::Normalization::ConstantNorm,
        Normalization::ExpectedAverageOnlyIn {
            norm_scaling_factor,
        } => match options.norm_scaling_factor.or(norm_scaling_factor) {
            Some(factor) if factor.is_finite() && factor > 0.0 => {
                sae::Normalization::Scaled(factor)
            }
            Some(factor) => {
                return Err(Error::BadOption {
                    name: "norm_scaling_factor",
                    value: factor.to_string(),
                    expected: "it must be finite and above 0".to_owned(),
                });
            }
            // Most had it folded into their weights before they were published.
            None => sae::Normalization::None,
        },
        other => {
            return Err(Error::Unsupported {
                what: format!("the normalisation {}", other.name()),
            });
        }
    };
    match normalization {
        sae::Normalization::None if centred => Ok(sae::Normalization::Centred),
        _ if centred => Err(Error::Unsupported {
            what: format!(
                "the normalisation {} of a centred activation",
                file.config.normalization.name()
            ),
        }),
        normalization => Ok(normalization),
    }
}
