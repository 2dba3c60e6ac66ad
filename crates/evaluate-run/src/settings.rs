//! Settings of an evaluation.

use explorer::Bos;

/// Ablations of each autoencoder, where nothing else is said.
pub const ABLATIONS: usize = 64;

/// Tokens of a corpus, where nothing else is said.
pub const TOKENS: usize = 100_000;

/// Settings of an evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The choice whether a BOS goes before each window.
    pub bos: Bos,
    /// True to measure it with other latents than in training, and with refined magnitudes.
    pub recovery: bool,
    /// True to fit probes.
    pub probes: bool,
    /// True to ablate latents.
    pub ablation: bool,
    /// Ablations of each autoencoder.
    pub ablations: usize,
    /// The seed of random choices.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bos: Bos::Auto,
            recovery: false,
            probes: false,
            ablation: false,
            ablations: ABLATIONS,
            seed: 0,
        }
    }
}
