//! Gradients of the weights in closed form, latent by latent: for a latent j that is active in a row b with z = ReLU(h), and the
//! gradient g of the loss in the reconstructions that have it, dW_dec\[j\] += z·g, dh = g·W_dec\[j\] + the gradient of sparsity in z, dW_enc\[j\] += dh·(x − b_dec),
//! db_enc\[j\] += dh, and db_dec −= dh·W_enc\[j\].

use kernels::host;

use crate::parameters::Parameters;
use crate::selection::{Entry, Selection};
use crate::vectors;

/// Latents that a thread takes at a time.
const LATENTS: usize = 16;

/// Latents whose part of the bias's gradient is summed at a time.
const PIECE: usize = 64;

/// Writes, or adds, the gradients of a selection in all weights but b_dec. `inputs` are `[rows, width]`, `gradients` those of
/// [`crate::decode::Decoded`], of `levels` levels, `in_activation` what else the loss has as gradient in each active latent.
pub(crate) fn latents(
    selection: &Selection,
    (inputs, gradients, levels): (&[f32], &[f32], usize),
    (w_dec, in_activation): (&[f32], f32),
    into: &mut Parameters,
    add: bool,
) {
    let width = into.width();
    let nanoseconds = (into.latents() + 4 * selection.len()) * width / 8;
    let parts = into
        .w_enc
        .chunks_mut(LATENTS * width)
        .zip(into.w_dec.chunks_mut(LATENTS * width))
        .zip(into.b_enc.chunks_mut(LATENTS))
        .enumerate();
    host::for_each(
        nanoseconds,
        parts,
        || (),
        |(), (part, ((enc, dec), bias))| {
            let rows = enc
                .chunks_exact_mut(width)
                .zip(dec.chunks_exact_mut(width))
                .zip(bias);
            for (place, ((enc, dec), bias)) in rows.enumerate() {
                let latent = part * LATENTS + place;
                if !add {
                    enc.fill(0.0);
                    dec.fill(0.0);
                    *bias = 0.0;
                }
                let entries = selection.latent(latent);
                let direction = &w_dec[latent * width..][..width];
                host::vectorised(
                    #[inline(always)]
                    || {
                        for entry in entries {
                            let Entry { row, level, value } = *entry;
                            let row = row as usize;
                            let place = (row * levels + level as usize) * width;
                            let gradient = &gradients[place..][..width];
                            let in_value = vectors::dot(gradient, direction) + in_activation;
                            vectors::add_scaled(dec, value, gradient);
                            vectors::add_scaled(enc, in_value, &inputs[row * width..][..width]);
                            *bias += in_value;
                        }
                    },
                );
            }
        },
    );
}

/// Writes the gradient of b_dec: that in the reconstructions, less what goes through the encoder, Σ_j db_enc\[j\]·W_enc\[j\].
pub(crate) fn pre_bias(in_reconstructions: &[f64], w_enc: &[f32], into: &mut Parameters) {
    let width = into.width();
    let pieces = into.b_enc.chunks(PIECE).zip(w_enc.chunks(PIECE * width));
    let mut sums: Vec<Vec<f64>> = into.b_enc.chunks(PIECE).map(|_| vec![0.0; width]).collect();
    host::for_each(
        w_enc.len() / 8,
        pieces.zip(&mut sums),
        || (),
        |(), ((factors, rows), sums)| {
            for (factor, row) in factors.iter().zip(rows.chunks_exact(width)) {
                if *factor != 0.0 {
                    for (sum, value) in sums.iter_mut().zip(row) {
                        *sum += f64::from(*factor) * f64::from(*value);
                    }
                }
            }
        },
    );
    let mut total = in_reconstructions.to_vec();
    for sums in sums {
        for (total, sum) in total.iter_mut().zip(sums) {
            *total -= sum;
        }
    }
    for (gradient, total) in into.b_dec.iter_mut().zip(total) {
        *gradient = total as f32;
    }
}
