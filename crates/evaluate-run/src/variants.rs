//! Variants of an autoencoder, for comparison: other latents per token, one threshold, zeros.

use formats::sae::{Architecture, Gate, Normalization, Sae, SaeConfig, SaeFile, saelens};
use formats::source::MemoryBytes;
use formats::tensors::TensorFile;

use crate::error::Error;

/// An autoencoder at the same positions that reconstructs everything as zeros.
///
/// # Errors
/// Those of writing and reading it; none are expected.
pub async fn zeros(config: &SaeConfig) -> Result<SaeFile, Error> {
    let d_in = config.d_in;
    open(&Sae {
        config: SaeConfig {
            architecture: Architecture::Standard,
            d_sae: 1,
            normalization: Normalization::None,
            apply_b_dec_to_input: false,
            center_writing_weights: None,
            ..config.clone()
        },
        w_enc: vec![0.0; d_in],
        b_enc: vec![0.0],
        gate: Gate::None,
        w_dec: vec![0.0; d_in],
        b_dec: vec![0.0; d_in],
        firing_frequency: None,
    })
    .await
}

/// The same autoencoder with one threshold for all latents.
///
/// # Errors
/// As [`zeros`].
pub async fn jump_relu(sae: &Sae, threshold: f32) -> Result<SaeFile, Error> {
    open(&Sae {
        config: SaeConfig {
            architecture: Architecture::JumpRelu,
            ..sae.config.clone()
        },
        gate: Gate::Threshold(vec![threshold; sae.config.d_sae]),
        firing_frequency: None,
        ..sae.clone()
    })
    .await
}

/// The file that an autoencoder would be written to.
async fn open(sae: &Sae) -> Result<SaeFile, Error> {
    let unfit = |error: formats::Error| Error::File(Box::new(error));
    let folder = saelens::write_folder(sae).map_err(unfit)?;
    let weights = MemoryBytes::new("sae_weights.safetensors", folder.weights);
    let weights = TensorFile::open(std::rc::Rc::new(weights)).await;
    let file = saelens::open_folder(&folder.cfg_json, weights.map_err(unfit)?).await;
    let mut file = file.map_err(unfit)?;
    file.config.counted = sae.config.counted.clone();
    Ok(file)
}
