//! Options of loading.

/// The storage of weights on the device. Arithmetic is always f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightChoice {
    /// As f16 where that loses nothing and the device gains by it, else as f32.
    #[default]
    Auto,
    /// As f32.
    F32,
    /// As f16: half the memory, and every weight rounded to 11 significant bits. On the CPU weights stay f32.
    F16,
}

/// Options of [`crate::Session::load_sae`].
#[derive(Debug, Clone, Default)]
pub struct SaeOptions {
    /// Its hook point, in TransformerLens's names; `None` takes what its file says.
    pub hook: Option<String>,
    /// The storage of its weights on the device.
    pub weights: WeightChoice,
    /// True if each position's mean over d_model is taken off before encoding and put back after decoding, as for an
    /// autoencoder that was trained on a model with centred writing weights; `None` takes what its file says.
    pub centre: Option<bool>,
    /// True if a BOS was prepended in training, where its file does not say: a catalogue may know.
    pub prepend_bos: Option<bool>,
    /// For `expected_average_only_in`: what activations are multiplied by; `None` takes what its file says, and nothing
    /// where it says nothing.
    pub norm_scaling_factor: Option<f32>,
}
