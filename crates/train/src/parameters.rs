//! The weights of an autoencoder, and whatever has their shape: gradients, Adam's moments, running means.

/// Weights: h = (x − b_dec)·W_encᵀ + b_enc, x̂ = z·W_dec + b_dec; z comes from h by the activation.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// Encoder, one latent's direction per row: `[latents, width]`.
    pub w_enc: Vec<f32>,
    /// Decoder, one latent's direction per row: `[latents, width]`.
    pub w_dec: Vec<f32>,
    /// Encoder bias: `[latents]`.
    pub b_enc: Vec<f32>,
    /// The bias that is subtracted before the encoder and added after the decoder: `[width]`.
    pub b_dec: Vec<f32>,
    /// Thresholds of JumpReLU, in units of the pre-activations: `[latents]`; empty for other activations.
    pub thresholds: Vec<f32>,
}

impl Parameters {
    /// Zeros, without thresholds.
    pub fn zeros(latents: usize, width: usize) -> Self {
        Self {
            w_enc: vec![0.0; latents * width],
            w_dec: vec![0.0; latents * width],
            b_enc: vec![0.0; latents],
            b_dec: vec![0.0; width],
            thresholds: Vec::new(),
        }
    }

    /// Zeros of the same shapes.
    pub fn zeros_like(&self) -> Self {
        Self {
            thresholds: vec![0.0; self.thresholds.len()],
            ..Self::zeros(self.latents(), self.width())
        }
    }

    /// Number of latents.
    pub fn latents(&self) -> usize {
        self.b_enc.len()
    }

    /// Width of the activations.
    pub fn width(&self) -> usize {
        self.b_dec.len()
    }

    /// The parts with their names; thresholds may be empty.
    pub(crate) fn parts(&self) -> [(&'static str, &[f32]); 5] {
        [
            ("w_enc", &self.w_enc),
            ("w_dec", &self.w_dec),
            ("b_enc", &self.b_enc),
            ("b_dec", &self.b_dec),
            ("thresholds", &self.thresholds),
        ]
    }

    /// The parts, to be written, with their names; thresholds may be empty.
    pub(crate) fn parts_mut(&mut self) -> [(&'static str, &mut Vec<f32>); 5] {
        [
            ("w_enc", &mut self.w_enc),
            ("w_dec", &mut self.w_dec),
            ("b_enc", &mut self.b_enc),
            ("b_dec", &mut self.b_dec),
            ("thresholds", &mut self.thresholds),
        ]
    }
}
