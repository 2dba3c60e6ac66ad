//! Putting an autoencoder on the device.

use std::ops::Range;

use formats::sae::{Architecture, BOS_UNKNOWN, Gate, Layout, Normalization, SaeFile};
use gpt2::HookPoint;
use kernels::{Stored, WeightFormat, is_exact_in_f16};
use sae::{GateWeights, Sae, Vectors};

use crate::Error;
use crate::cancel::Running;
use crate::load::format_name;
use crate::model_name;
use crate::options::{SaeOptions, WeightChoice};
use crate::report::SaeInfo;
use crate::session::{Features, LoadedSae, Session};

/// The file as a weight source; others get a turn between two pieces, and the loading can be cancelled there.
pub(crate) struct Source<'a> {
    file: &'a SaeFile,
    session: &'a Session,
    running: &'a Running,
    /// Whether a weight that halves cannot hold exactly ends the loading.
    only_exact: bool,
}

/// Why a matrix did not arrive.
pub(crate) enum Stopped {
    /// Halves do not hold its weights exactly.
    Inexact,
    Failed(Error),
}

impl Stopped {
    /// As the session tells it.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Inexact => Error::Unsupported {
                what: "holding these weights as halves without loss".to_owned(),
            },
        }
    }
}

impl<E: Into<Error>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl<'a> Source<'a> {
    /// Takes all weights.
    pub(crate) fn new(file: &'a SaeFile, session: &'a Session, running: &'a Running) -> Self {
        Self {
            file,
            session,
            running,
            only_exact: false,
        }
    }

    fn checked(&self, weights: Vec<f32>) -> Result<Vec<f32>, Stopped> {
        if self.only_exact && !weights.iter().copied().all(is_exact_in_f16) {
            return Err(Stopped::Inexact);
        }
        Ok(weights)
    }
}

impl sae::WeightSource for Source<'_> {
    type Error = Stopped;

    fn encoder_stored(&self) -> Stored {
        stored(self.file.encoder_layout())
    }

    fn decoder_stored(&self) -> Stored {
        stored(self.file.decoder_layout())
    }

    fn decoder_first(&self) -> bool {
        self.file.decoder_position() < self.file.encoder_position()
    }

    async fn encoder(&self, range: Range<usize>) -> Result<Vec<f32>, Stopped> {
        self.session.step(self.running).await?;
        self.checked(self.file.encoder(range).await?)
    }

    async fn decoder(&self, range: Range<usize>) -> Result<Vec<f32>, Stopped> {
        self.session.step(self.running).await?;
        self.checked(self.file.decoder(range).await?)
    }
}

fn stored(layout: Layout) -> Stored {
    match layout {
        Layout::LatentMajor => Stored::AsUsed,
        Layout::InputMajor => Stored::Transposed,
    }
}

// A TopK autoencoder that its file's reader accepts must be one that the kernels can run.
const _: () = assert!(formats::sae::MAX_K == kernels::MAX_K);

/// The sentence that tells another name of a hook point than the one it is shown by, or that its name has changed its meaning.
pub(crate) fn hook_notice(name: &str, hook: HookPoint) -> Option<String> {
    let shown = hook.to_string();
    if hook == HookPoint::LnFinalNormalized {
        return Some(format!(
            "{shown} is read before the final LayerNorm's weight and bias, as TransformerLens 3 has it; for one that was trained behind them (TransformerLens before 3, LayerNorm not folded) name the hook {}",
            HookPoint::LnFinalOut
        ));
    }
    (shown != name).then(|| format!("the hook {name} is {shown}"))
}

impl Session {
    /// Loads an autoencoder beside the others; one with the same id is replaced. Its matrices come piece by piece and are
    /// never in memory as a whole.
    ///
    /// With [`WeightChoice::Auto`] weights that halves represent exactly are packed on the device, unless it prefers f32;
    /// others stay f32.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::HookMismatch`], [`Error::WidthMismatch`], [`Error::Unsupported`], [`Error::File`],
    /// [`Error::Sae`], [`Error::Cancelled`], [`Error::Device`].
    pub async fn load_sae(
        &mut self,
        id: &str,
        file: &SaeFile,
        options: &SaeOptions,
    ) -> Result<SaeInfo, Error> {
        let (hook, config) = self.attach(id, file, options)?;
        let running = self.start();
        let sae = self.stream(file, config, options.weights, &running).await?;
        self.device.drain().await?;
        let format = sae.w_dec().format();
        let info = self.info_of(id, file, (hook, options), &config, format);
        self.keep(LoadedSae {
            info: info.clone(),
            hook,
            positions: file.config.counted.clone(),
            features: Features::Sae(Box::new(sae)),
        });
        Ok(info)
    }

    /// Where an autoencoder belongs, and what it computes there.
    pub(crate) fn attach(
        &self,
        id: &str,
        file: &SaeFile,
        options: &SaeOptions,
    ) -> Result<(HookPoint, sae::Config), Error> {
        let hook = self.hook_of(id, file, options.hook.as_deref())?;
        let width = hook.width(self.model()?.model.config());
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

    pub(crate) fn info_of(
        &self,
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
            architecture: file.config.architecture.name(),
            n_latents: config.d_sae,
            k: match config.architecture {
                sae::Architecture::TopK { k } => Some(k),
                _ => None,
            },
            d_in: config.d_in,
            normalization: match config.normalization {
                sae::Normalization::Centred => "centred",
                _ => file.config.normalization.name(),
            },
            weights: format_name(format),
            norm_scaling_factor: match config.normalization {
                sae::Normalization::Scaled(factor) => Some(factor),
                _ => None,
            },
            prepend_bos,
            context_size: file.config.context_size,
            other_model: match (&file.config.model_name, &self.model) {
                (Some(name), Some(model)) => model_name::is_another(name, &model.info),
                _ => false,
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
        &self,
        file: &SaeFile,
        config: sae::Config,
        weights: WeightChoice,
        running: &Running,
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
        let mut source = Source::new(file, self, running);
        source.only_exact = weights == WeightChoice::Auto && !self.device.prefers_f32();
        let mut format = match weights {
            WeightChoice::Auto if source.only_exact => WeightFormat::F16,
            WeightChoice::Auto | WeightChoice::F32 => WeightFormat::F32,
            WeightChoice::F16 => WeightFormat::F16,
        };
        loop {
            match Sae::stream(&self.device, config, &vectors, format, &source).await {
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

    fn hook_of(&self, id: &str, file: &SaeFile, hook: Option<&str>) -> Result<HookPoint, Error> {
        let name = hook.or(file.config.hook_name.as_deref()).ok_or_else(|| Error::HookMismatch {
            id: id.to_owned(),
            reason: "its file does not say where it belongs; name the hook, for example blocks.3.hook_resid_post".to_owned(),
        })?;
        self.hook_named(id, name)
    }

    /// The hook point of this name in the loaded model.
    pub(crate) fn hook_named(&self, id: &str, name: &str) -> Result<HookPoint, Error> {
        let mismatch = |reason: String| Error::HookMismatch {
            id: id.to_owned(),
            reason,
        };
        let n_layers = self.model()?.info.n_layers;
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
}

/// What is done to the activation before encoding.
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
