//! An autoencoder's weights on a device.

use kernels::{Buffer, Device, MAX_K, Matrix, WeightFormat};

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
    /// Whether every input row is centred and divided by its deviation (`layer_norm`), undone at the output.
    pub layer_norm: bool,
    /// Whether b_dec is subtracted from the (normalised) input.
    pub apply_b_dec_to_input: bool,
}

/// An autoencoder's weights, latent-major.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// `[d_sae, d_in]`.
    pub w_enc: &'a [f32],
    /// `[d_sae]`.
    pub b_enc: &'a [f32],
    /// `[d_sae, d_in]`.
    pub w_dec: &'a [f32],
    /// `[d_in]`.
    pub b_dec: &'a [f32],
}

/// A sparse autoencoder on a device.
pub struct Sae {
    pub(crate) config: Config,
    pub(crate) w_enc: Matrix,
    pub(crate) b_enc: Buffer,
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
