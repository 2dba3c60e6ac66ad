//! What can be asked for.

pub use kernels::LimitsChoice;

/// A prompt: a text, or the tokens of one.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A text, which is tokenised, with a BOS before it where one belongs.
    Text(&'a str),
    /// Tokens as they are, a BOS included: those of a [`crate::Trace`], so that later questions are about the same ones.
    Tokens(&'a [u32]),
}

impl<'a> From<&'a str> for Input<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Input<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u32]> for Input<'a> {
    fn from(ids: &'a [u32]) -> Self {
        Self::Tokens(ids)
    }
}

impl<'a> From<&'a Vec<u32>> for Input<'a> {
    fn from(ids: &'a Vec<u32>) -> Self {
        Self::Tokens(ids)
    }
}

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

/// How weights are stored on the device. Arithmetic is always f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightChoice {
    /// As halves where that loses nothing and the device gains by it, else as f32.
    #[default]
    Auto,
    /// As f32.
    F32,
    /// As halves: half the memory, and every weight rounded to 11 significant bits. On the CPU weights stay f32.
    F16,
}

/// Options of [`crate::Session::load_sae`].
#[derive(Debug, Clone, Default)]
pub struct SaeOptions {
    /// Where it belongs, in TransformerLens's names; `None` takes what its file says.
    pub hook: Option<String>,
    /// How its weights are stored on the device.
    pub weights: WeightChoice,
    /// Whether each position's mean over d_model is taken off before encoding and put back after decoding, as for an
    /// autoencoder that was trained on a model with centred writing weights; `None` takes what its file says.
    pub centre: Option<bool>,
    /// Whether a BOS was prepended in training, where its file does not say: a catalogue may know.
    pub prepend_bos: Option<bool>,
    /// For `expected_average_only_in`: what activations are multiplied by; `None` takes what its file says, and nothing
    /// where it says nothing.
    pub norm_scaling_factor: Option<f32>,
}

/// Whether a BOS token is put before the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bos {
    /// As the loaded feature sets were trained, or else as the model asks; never where the text starts with one.
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
    /// At which positions; `None` for all that count for the autoencoder (see [`crate::Metrics`]).
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
