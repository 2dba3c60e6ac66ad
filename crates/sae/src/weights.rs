//! An autoencoder's weights on a device.

use kernels::{Buffer, Device, MAX_K, Matrix, Normalization, WeightFormat};

use crate::Error;

/// How latents come from pre-activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Architecture {
    /// z = ReLU(a).
    Standard,
    /// z = ReLU of the k largest a, the rest zero.
    TopK {
        /// How many are kept.
        k: usize,
    },
    /// `z = ReLU(a) · [a > θ]`; BatchTopK autoencoders are saved in this form.
    JumpRelu,
    /// z = [s·W_enc + b_gate > 0] · ReLU((s·W_enc) · exp(r_mag) + b_mag).
    Gated,
}

/// What an autoencoder computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// How latents come from pre-activations.
    pub architecture: Architecture,
    /// Width of the activation it reads.
    pub d_in: usize,
    /// Number of latents.
    pub d_sae: usize,
    /// What is done to every input row, and undone at the output.
    pub normalization: Normalization,
    /// Whether b_dec is subtracted from the (normalised) input.
    pub apply_b_dec_to_input: bool,
}

/// An autoencoder's weights, latent-major.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// `[d_sae, d_in]`.
    pub w_enc: &'a [f32],
    /// `[d_sae]`; zeros for a gated autoencoder.
    pub b_enc: &'a [f32],
    /// What opens a latent, for the architectures that have it.
    pub gate: GateWeights<'a>,
    /// `[d_sae, d_in]`.
    pub w_dec: &'a [f32],
    /// `[d_in]`.
    pub b_dec: &'a [f32],
}

/// What opens a latent, all `[d_sae]`.
#[derive(Debug, Clone, Copy)]
pub enum GateWeights<'a> {
    /// Standard and TopK have none.
    None,
    /// θ of JumpReLU.
    Threshold(&'a [f32]),
    /// Of a gated autoencoder.
    Gated {
        /// b_gate.
        b_gate: &'a [f32],
        /// r_mag.
        r_mag: &'a [f32],
        /// b_mag.
        b_mag: &'a [f32],
    },
}

/// A gate on the device.
pub(crate) struct DeviceGate {
    pub(crate) threshold: Buffer,
    /// exp(r_mag) and b_mag.
    pub(crate) magnitude: Option<(Buffer, Buffer)>,
}

/// A sparse autoencoder on a device.
pub struct Sae {
    pub(crate) config: Config,
    pub(crate) w_enc: Matrix,
    pub(crate) b_enc: Buffer,
    pub(crate) gate: Option<DeviceGate>,
    pub(crate) w_dec: Matrix,
    pub(crate) b_dec: Buffer,
    decoder_norms: Vec<f32>,
    encoder_biases: Vec<f32>,
}

impl Sae {
    /// Checks and uploads the weights.
    ///
    /// # Errors
    /// [`Error::WrongSize`], [`Error::UnusableK`], [`Error::Device`].
    pub fn load(
        device: &Device,
        config: Config,
        weights: &Weights<'_>,
        format: WeightFormat,
    ) -> Result<Self, Error> {
        let (d_sae, d_in) = (config.d_sae, config.d_in);
        for (tensor, found, expected) in [
            ("W_enc", weights.w_enc.len(), d_sae * d_in),
            ("b_enc", weights.b_enc.len(), d_sae),
            ("W_dec", weights.w_dec.len(), d_sae * d_in),
            ("b_dec", weights.b_dec.len(), d_in),
        ] {
            if found != expected {
                return Err(Error::WrongSize {
                    tensor,
                    found,
                    expected,
                });
            }
        }
        if let Architecture::TopK { k } = config.architecture {
            let limit = MAX_K.min(d_sae);
            if k == 0 || k > limit {
                return Err(Error::UnusableK { k, d_sae, limit });
            }
        }
        let decoder_norms = weights
            .w_dec
            .chunks_exact(d_in.max(1))
            .map(|row| {
                row.iter()
                    .map(|weight| f64::from(*weight).powi(2))
                    .sum::<f64>()
                    .sqrt() as f32
            })
            .collect();
        let matrix =
            |label, weights| Matrix::from_rows(device, label, (d_sae, d_in), format, weights);
        Ok(Self {
            config,
            w_enc: matrix("W_enc", weights.w_enc)?,
            b_enc: device.buffer_with("b_enc", weights.b_enc)?,
            gate: device_gate(device, &config, weights.gate)?,
            w_dec: matrix("W_dec", weights.w_dec)?,
            b_dec: device.buffer_with("b_dec", weights.b_dec)?,
            decoder_norms,
            encoder_biases: weights.b_enc.to_vec(),
        })
    }

    /// What it computes.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// W_dec `[d_sae, d_in]`.
    pub fn w_dec(&self) -> &Matrix {
        &self.w_dec
    }

    /// ‖W_dec row‖ of every latent.
    pub fn decoder_norms(&self) -> &[f32] {
        &self.decoder_norms
    }

    /// b_enc of every latent.
    pub fn encoder_biases(&self) -> &[f32] {
        &self.encoder_biases
    }
}

fn device_gate(
    device: &Device,
    config: &Config,
    gate: GateWeights<'_>,
) -> Result<Option<DeviceGate>, Error> {
    let sized = |tensor: &'static str, values: &[f32]| {
        if values.len() == config.d_sae {
            return Ok(device.buffer_with(tensor, values)?);
        }
        Err(Error::WrongSize {
            tensor,
            found: values.len(),
            expected: config.d_sae,
        })
    };
    match (config.architecture, gate) {
        (Architecture::Standard | Architecture::TopK { .. }, GateWeights::None) => Ok(None),
        (Architecture::JumpRelu, GateWeights::Threshold(threshold)) => Ok(Some(DeviceGate {
            threshold: sized("threshold", threshold)?,
            magnitude: None,
        })),
        (
            Architecture::Gated,
            GateWeights::Gated {
                b_gate,
                r_mag,
                b_mag,
            },
        ) => {
            let scale: Vec<f32> = r_mag.iter().map(|r_mag| r_mag.exp()).collect();
            Ok(Some(DeviceGate {
                threshold: sized("b_gate", b_gate)?,
                magnitude: Some((sized("r_mag", &scale)?, sized("b_mag", b_mag)?)),
            }))
        }
        (architecture, _) => Err(Error::WrongGate { architecture }),
    }
}
