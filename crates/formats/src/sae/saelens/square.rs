//! Matrices with as many latents as inputs, whose shapes do not determine their orientation.

use super::KEYS;
use crate::error::Result;
use crate::tensors::TensorFile;

/// The largest matrix that is read for it: 64 MiB.
const LARGEST: usize = 4096;

/// A notice about a square `W_enc`: SAELens stores `[inputs, latents]`, circuit-tracer `[latents, inputs]`, and only numbers
/// can determine it. Training makes a latent's encoder resemble its decoder, so the mean cosine of the two is compared for both
/// readings.
pub(super) async fn notice(weights: &TensorFile, size: usize) -> Result<String> {
    let begin = format!(
        "`W_enc` is square ({size} × {size}), so its shape does not distinguish SAELens's orientation, [inputs, latents], from circuit-tracer's, [latents, inputs]; it is read as SAELens's"
    );
    let plain = format!("{begin}. Where that is wrong, FVU is above 1");
    if size > LARGEST {
        return Ok(plain);
    }
    let encoder = weights.read(KEYS.encoder).await?;
    let decoder = weights.read(KEYS.decoder).await?;
    let as_read = mean_cosine(size, |latent, input| {
        (
            encoder.get(input * size + latent),
            decoder.get(latent * size + input),
        )
    });
    let transposed = mean_cosine(size, |latent, input| {
        (
            encoder.get(latent * size + input),
            decoder.get(latent * size + input),
        )
    });
    // A clear difference: cosines of unrelated directions scatter around 0 by 1/√size, and their mean by 1/size.
    Ok(if transposed > as_read + 0.1 {
        format!(
            "{begin}. That seems to be wrong: latents' encoders resemble their decoders less (mean cosine {as_read:.2}) than they would in a transposed matrix ({transposed:.2}), so one of `W_enc` and `W_dec` is probably transposed"
        )
    } else {
        plain
    })
}

/// The mean over latents of the cosine between encoder and decoder; latents without a direction count as 0.
fn mean_cosine<'a>(
    size: usize,
    pair: impl Fn(usize, usize) -> (Option<&'a f32>, Option<&'a f32>),
) -> f64 {
    let mut sum = 0.0;
    for latent in 0..size {
        let (mut dot, mut encoder, mut decoder) = (0.0, 0.0, 0.0);
        for input in 0..size {
            if let (Some(&e), Some(&d)) = pair(latent, input) {
                let (e, d) = (f64::from(e), f64::from(d));
                dot += e * d;
                encoder += e * e;
                decoder += d * d;
            }
        }
        let norms = (encoder * decoder).sqrt();
        if norms > 0.0 {
            sum += dot / norms;
        }
    }
    sum / size.max(1) as f64
}
