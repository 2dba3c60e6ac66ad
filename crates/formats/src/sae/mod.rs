//! Sparse autoencoders: what is common to every file format.

pub mod attention;
mod check;
mod counted;
mod file;
pub mod openai;
pub mod saelens;
mod sparsity;
pub mod transcoder;

use crate::error::{Error, Result};

pub use counted::{CountedPositions, SeqposSlice, SpecialTokens};
pub use file::{Layout, SaeFile};

/// The notice of an autoencoder of which neither its file nor anything else says how it was trained.
pub const BOS_UNKNOWN: &str = "nothing states if a BOS went before each text in training, so it has no say in whether one goes before the prompt: choose with the BOS option";

/// Rule by which latents become sparse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Architecture {
    /// z = ReLU(h).
    Standard,
    /// The `k` largest h of a token, then ReLU; every other latent is 0.
    TopK {
        /// Latents kept for a token; at most `d_sae`.
        k: usize,
    },
    /// z = ReLU(h) where h is above the latent's threshold, else 0. BatchTopK autoencoders are saved in this form.
    JumpRelu,
    /// z = ReLU(s·W_encᵀ·e^r_mag + b_mag) where s·W_encᵀ + b_gate is above 0, else 0.
    Gated,
}

impl Architecture {
    /// The field's name for it: `standard`, `topk`, `jumprelu` or `gated`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::TopK { .. } => "topk",
            Self::JumpRelu => "jumprelu",
            Self::Gated => "gated",
        }
    }
}

/// Normalization of a token's activation vector x before encoding, undone after decoding.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Normalization {
    /// Nothing.
    None,
    /// (x − μ)/(σ + 1e-5) with σ the unbiased standard deviation over d_in; decoded as x̂·σ + μ.
    LayerNorm,
    /// x·√d_in/‖x‖; decoded as x̂·‖x‖/√d_in.
    ConstantNormRescale,
    /// x·s with one number s for all tokens; decoded as x̂/s. In training s brought the mean norm of x to √d_in.
    ExpectedAverageOnlyIn {
        /// s, if the file says so: positive and finite. SAELens keeps it in a table of its own for the releases that it
        /// knows, and takes weights as they are where it does not: most had s folded into them before they were published.
        norm_scaling_factor: Option<f32>,
    },
}

impl Normalization {
    /// SAELens's name for it: `none`, `layer_norm`, `constant_norm_rescale` or `expected_average_only_in`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::LayerNorm => "layer_norm",
            Self::ConstantNormRescale => "constant_norm_rescale",
            Self::ExpectedAverageOnlyIn { .. } => "expected_average_only_in",
        }
    }
}

/// Settings of a sparse autoencoder, as its file states them.
#[derive(Debug, Clone, PartialEq)]
pub struct SaeConfig {
    /// Rule by which latents become sparse.
    pub architecture: Architecture,
    /// Width of the activations that it reads.
    pub d_in: usize,
    /// Number of latents.
    pub d_sae: usize,
    /// Normalization of an input before encoding.
    pub normalization: Normalization,
    /// True if b_dec is subtracted from the (normalised) input before encoding.
    pub apply_b_dec_to_input: bool,
    /// Hook that it was trained at, in TransformerLens's names, if the file says so.
    pub hook_name: Option<String>,
    /// True if a BOS token was prepended in training, if the file says so or its age does: before SAELens 6 one was,
    /// unless the file denied it.
    pub prepend_bos: Option<bool>,
    /// Positions and tokens that training left out, and that its metrics therefore do not count.
    pub counted: CountedPositions,
    /// The model that it was trained on, if the file says so.
    pub model_name: Option<String>,
    /// Tokens in a training context, if the file says so.
    pub context_size: Option<usize>,
    /// True if the model that it was trained on had its writing weights centred, so that each token's residual stream had
    /// the mean 0, if the file says so.
    pub center_writing_weights: Option<bool>,
}

impl SaeConfig {
    /// Settings where a file says nothing more: b_dec is subtracted from the input, and the rest is not known.
    pub fn new(
        architecture: Architecture,
        (d_in, d_sae): (usize, usize),
        normalization: Normalization,
    ) -> Self {
        Self {
            architecture,
            d_in,
            d_sae,
            normalization,
            apply_b_dec_to_input: true,
            hook_name: None,
            prepend_bos: None,
            counted: CountedPositions::default(),
            model_name: None,
            context_size: None,
            center_writing_weights: None,
        }
    }
}

/// Parameters of the activation function, for the architectures that have them. All `[d_sae]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Gate {
    /// Standard and TopK have none.
    #[default]
    None,
    /// The threshold of JumpReLU.
    Threshold(Vec<f32>),
    /// Of a gated autoencoder, whose b_enc is zero.
    Gated {
        /// Bias of the gate.
        b_gate: Vec<f32>,
        /// Logarithm of the magnitude's scale.
        r_mag: Vec<f32>,
        /// Bias of the magnitude.
        b_mag: Vec<f32>,
    },
}

/// A sparse autoencoder in memory: h = s·W_encᵀ + b_enc with s the normalised input less b_dec, x̂ = z·W_dec + b_dec.
#[derive(Debug, Clone, PartialEq)]
pub struct Sae {
    /// Settings that its file states.
    pub config: SaeConfig,
    /// Encoder, latent-major: `[d_sae, d_in]`.
    pub w_enc: Vec<f32>,
    /// Encoder bias: `[d_sae]`.
    pub b_enc: Vec<f32>,
    /// Parameters of the activation function.
    pub gate: Gate,
    /// Decoder: `[d_sae, d_in]`, one latent's direction per row.
    pub w_dec: Vec<f32>,
    /// Decoder bias: `[d_in]`.
    pub b_dec: Vec<f32>,
    /// Fraction of tokens on which each latent was active, `[d_sae]`, if the file says so.
    pub firing_frequency: Option<Vec<f32>>,
}

impl Sae {
    /// The same function without a `norm_scaling_factor`: with s the factor, W_enc·s, W_dec/s and b_dec/s, and no
    /// normalisation. Biases and thresholds of the latents stay: h is the same number in both. None where there is no
    /// factor to fold.
    ///
    /// h = (x·s − b_dec)·W_enc + b_enc = (x − b_dec/s)·(s·W_enc) + b_enc, and x̂ = (z·W_dec + b_dec)/s.
    #[must_use]
    pub fn with_folded_factor(&self) -> Option<Self> {
        let Normalization::ExpectedAverageOnlyIn {
            norm_scaling_factor: Some(factor),
        } = self.config.normalization
        else {
            return None;
        };
        let mut folded = self.clone();
        folded.config.normalization = Normalization::None;
        folded.w_enc.iter_mut().for_each(|w| *w *= factor);
        folded.w_dec.iter_mut().for_each(|w| *w /= factor);
        folded.b_dec.iter_mut().for_each(|b| *b /= factor);
        Some(folded)
    }
}

/// Kind of a file, by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A zip archive, as `torch.save` writes since 1.6: an OpenAI autoencoder's `.pt`.
    TorchZip,
    /// A bare pickle, as `torch.save` wrote before 1.6. Not supported.
    TorchLegacy,
    /// Tensors in the `safetensors` format.
    Safetensors,
    /// A JSON object: a configuration.
    Json,
    /// None of these.
    Unknown,
}

/// Kind of file of these bytes.
pub fn sniff(bytes: &[u8]) -> FileKind {
    sniff_head(bytes, bytes.len() as u64)
}

/// Kind of file that begins with these bytes and has this size, which may be the largest number where it is not
/// known.
pub fn sniff_head(bytes: &[u8], size: u64) -> FileKind {
    // The safetensors library takes no longer one.
    const LONGEST_HEADER: u64 = 100_000_000;
    // First what is certain. A safetensors file begins with its header's length, whose bytes may be those of any other
    // kind (384 is the mark of a pickle), but then comes the header's brace, which neither follows a zip's mark nor, with
    // a length that fits the file, a pickle's.
    if let Some((length, rest)) = bytes.split_first_chunk::<8>() {
        let stated = u64::from_le_bytes(*length);
        if rest.first() == Some(&b'{')
            && (2..=LONGEST_HEADER.min(size.saturating_sub(8))).contains(&stated)
        {
            return FileKind::Safetensors;
        }
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return FileKind::TorchZip;
    }
    if matches!(bytes, [0x80, 1..=5, ..]) {
        return FileKind::TorchLegacy;
    }
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        FileKind::Json
    } else {
        FileKind::Unknown
    }
}

/// The largest `k` that is supported: kernels sort so many latents of a token in a workgroup's memory. The crate `kernels`
/// states the same number, and a test of `explorer`, which knows both, compares them.
pub const MAX_K: usize = 512;

/// Refuses a `k` that cannot be: zero, or more than there are latents; and one above [`MAX_K`].
fn check_k(file: &str, field: &str, k: usize, d_sae: usize) -> Result<Architecture> {
    if k == 0 || k > d_sae {
        return Err(Error::field(
            file,
            field,
            k,
            format!("it must be from 1 to the number of latents, {d_sae}"),
        ));
    }
    if k > MAX_K {
        let what = format!("the setting {field} =");
        let supported = format!("at most {MAX_K} latents per token");
        return Err(Error::unsupported(file, &what, k, &supported));
    }
    Ok(Architecture::TopK { k })
}

/// The transpose of a row-major `[rows, cols]` matrix: `[cols, rows]`.
fn transposed(matrix: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    // In blocks, so that both sides stay in the cache: an encoder may take hundreds of megabytes.
    const BLOCK: usize = 32;
    debug_assert_eq!(matrix.len(), rows * cols);
    let mut out = vec![0.0; matrix.len()];
    for row_block in (0..rows).step_by(BLOCK) {
        for col_block in (0..cols).step_by(BLOCK) {
            for row in row_block..rows.min(row_block + BLOCK) {
                for col in col_block..cols.min(col_block + BLOCK) {
                    out[col * rows + row] = matrix[row * cols + col];
                }
            }
        }
    }
    out
}
