//! Firing frequencies of latents from SAELens's `sparsity.safetensors`, which lies beside the weights.

use crate::error::Result;
use crate::tensors::TensorFile;

const SPARSITY: &str = "sparsity";

/// Reads `sparsity.safetensors`: the base-10 logarithm of each latent's firing frequency. The result is the frequency
/// itself, `[d_sae]`.
///
/// # Errors
/// `bad-file` where the tensor `sparsity` is missing, `wrong-shape` where it is not `[d_sae]`; `unreadable`.
pub async fn read_sparsity(file: &TensorFile, d_sae: usize) -> Result<Vec<f32>> {
    check(file, d_sae)?;
    let logarithms = file.read(SPARSITY).await?;
    Ok(logarithms
        .into_iter()
        .map(|log| 10f32.powf(log).min(1.0))
        .collect())
}

/// Refuses a file without the tensor in the shape `[d_sae]`.
pub(super) fn check(file: &TensorFile, d_sae: usize) -> Result<()> {
    file.expect(SPARSITY, &[d_sae])
}
