//! Products of one vector with a weight matrix on the device, read back.

use kernels::{Device, Linear, Matrix, Recorder, linear};

use crate::error::Error;

/// `weights · vector`, `[rows of weights]`.
///
/// # Errors
/// [`Error::Device`].
pub(crate) async fn multiply(
    device: &Device,
    weights: &Matrix,
    vector: &[f32],
) -> Result<Vec<f32>, Error> {
    let mut recorder = Recorder::new(device);
    let output = recorder.scratch("products", weights.rows())?;
    let vector = device.buffer_with("direction", vector)?;
    linear(&mut recorder, &Linear::plain(&vector, 1, weights, &output))?;
    Ok(recorder.read_f32(&output, weights.rows()).await?)
}
