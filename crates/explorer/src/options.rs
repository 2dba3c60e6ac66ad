//! What can be asked for.

pub use kernels::LimitsChoice;

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackendChoice {
    /// The GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The GPU, or an error.
    Gpu,
    /// The CPU.
    Cpu,
}

/// Whether a BOS token is put before the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bos {
    /// As the autoencoders in question were trained, or else as the model asks; never where the text starts with one.
    #[default]
    Auto,
    /// Always.
    Yes,
    /// Never.
    No,
}

/// Options of [`crate::Session::trace`].
#[derive(Debug, Clone)]
pub struct TraceOptions {
    /// Ids of the autoencoders to run; `None` for all.
    pub saes: Option<Vec<String>>,
    /// How many next tokens to list at every position, 1 to 512.
    pub top_logits: usize,
    /// Whether a BOS is prepended.
    pub bos: Bos,
    /// Whether to read back logits, residual streams and reconstructions.
    pub dump: bool,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self {
            saes: None,
            top_logits: 10,
            bos: Bos::Auto,
            dump: false,
        }
    }
}

/// One feature set to a value, the error term kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The autoencoder's id.
    pub sae: String,
    /// Which latent.
    pub latent: u32,
    /// Its new activation; 0 ablates it.
    pub value: f32,
    /// At which positions; `None` for all that the autoencoder is scored on (all but a BOS).
    pub positions: Option<Vec<usize>>,
}

/// Options of [`crate::Session::generate`].
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateOptions {
    /// How many tokens to add at the most.
    pub max_tokens: usize,
    /// 0 takes the likeliest token; otherwise logits are divided by it.
    pub temperature: f32,
    /// Same seed, same settings: same text.
    pub seed: u64,
    /// Samples among this many likeliest tokens; 0 for all.
    pub top_k: usize,
    /// Samples among the likeliest tokens that together have this probability; 1 for all.
    pub top_p: f32,
    /// Whether a BOS is prepended.
    pub bos: Bos,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self {
            max_tokens: 40,
            temperature: 0.0,
            seed: 0,
            top_k: 0,
            top_p: 1.0,
            bos: Bos::Auto,
        }
    }
}
