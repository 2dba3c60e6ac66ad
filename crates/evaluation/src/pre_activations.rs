//! Pre-activations of some latents for many rows.

/// h = s·W_encᵀ + b_enc with s = x − b_dec where the autoencoder subtracts it, `[latents, rows]`: latent by latent. `inputs` are rows x as
/// the encoder reads them, normalised, `[rows, width]`; `w_enc` the latents' rows of the encoder `[latents, width]`, and `b_enc` their biases.
///
/// # Panics
/// Where `width` is 0, or slices are shorter than their shapes say.
pub fn of_latents(
    (inputs, width): (&[f32], usize),
    w_enc: &[f32],
    b_enc: &[f32],
    b_dec: Option<&[f32]>,
) -> Vec<f32> {
    let rows = inputs.len() / width;
    let mut output = vec![0.0; b_enc.len() * rows];
    for ((weights, bias), output) in w_enc
        .chunks_exact(width)
        .zip(b_enc)
        .zip(output.chunks_exact_mut(rows.max(1)))
    {
        // (x − b_dec)·w = x·w − b_dec·w
        let shift = b_dec.map_or(0.0, |b_dec| dot(b_dec, weights));
        for (row, output) in inputs.chunks_exact(width).zip(output) {
            *output = dot(row, weights) - shift + bias;
        }
    }
    output
}

/// A product in eight sums, which the compiler keeps in one register.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, rest_a) = a.as_chunks::<8>();
    let (b, rest_b) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_biases_are_in_their_places() {
        let inputs: Vec<f32> = (0..30).map(|i| i as f32).collect();
        let w_enc: Vec<f32> = (0..20).map(|i| (i % 3) as f32 - 1.0).collect();
        let b_dec: Vec<f32> = (0..10).map(|i| i as f32 / 2.0).collect();
        let found = of_latents((&inputs, 10), &w_enc, &[0.5, -1.0], Some(&b_dec));
        for latent in 0..2 {
            for row in 0..3 {
                let h: f32 = (0..10)
                    .map(|i| (inputs[row * 10 + i] - b_dec[i]) * w_enc[latent * 10 + i])
                    .sum();
                assert_eq!(found[latent * 3 + row], h + [0.5, -1.0][latent]);
            }
        }
        assert!(of_latents((&[f32::NAN], 1), &[1.0], &[0.0], None)[0].is_nan());
    }
}
