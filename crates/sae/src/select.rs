//! TopK over an encoder that is too large for the device: its latents come through a buffer, part after part.

use kernels::{
    Buffer, Device, Linear, Matrix, Recorder, SaeNormalize, Stored, TopK, WeightFormat, linear,
    rows_in_piece, sae_normalize, topk,
};

use crate::Error;
use crate::encode::PRE_ACTIVATION_BYTES;
use crate::weights::{Architecture, Config, Vectors, WeightSource};

/// A bias that no pre-activation outweighs: what stands in the slots that the last part leaves over.
const NEVER: f32 = f32::MIN;

/// Finds the latents that TopK selects on any row of `input [rows, d_in]`, ascending, without ever holding more than
/// `latents_at_a_time` of the encoder's rows. TopK over these alone selects what TopK over all selects: what a row's k
/// largest are does not change when latents are left out that are not among them, and neither does their order.
///
/// Device memory: `4 · latents_at_a_time · d_in` bytes, 64 MiB of pre-activations at the most, for which fewer latents are
/// taken at a time where the rows are many, and a few rows. Bytes read: the encoder's, once.
///
/// # Errors
/// [`Error::NotTopK`], [`Error::StoredByInput`] where an entry of the stored leading dimension is not a latent, [`Error::UnusableK`] where k is
/// 0 or larger than the part, [`Error::NotANumber`], [`Error::Device`], and whatever the source returns.
pub async fn select<S: WeightSource>(
    device: &Device,
    config: &Config,
    vectors: &Vectors<'_>,
    (input, rows): (&Buffer, usize),
    latents_at_a_time: usize,
    source: &S,
) -> Result<Vec<u32>, S::Error> {
    let k = match config.architecture {
        Architecture::TopK { k } => k,
        architecture => return Err(Error::NotTopK { architecture }.into()),
    };
    if source.encoder_stored() != Stored::AsUsed {
        return Err(Error::StoredByInput.into());
    }
    let part = latents_at_a_time.clamp(1, config.d_sae.max(1));
    if k == 0 || k > part.min(kernels::MAX_K) {
        let limit = part.min(kernels::MAX_K);
        return Err(Error::UnusableK {
            k,
            d_sae: config.d_sae,
            limit,
        }
        .into());
    }
    let bytes = PRE_ACTIVATION_BYTES.min(device.max_binding_bytes());
    let fitting = bytes / (4 * rows.max(1) as u64);
    let part = part.min(fitting as usize).max(k);
    let parts = Parts::new(device, config, vectors, k, (input, rows), part)?;
    let mut best: Vec<Vec<(f32, u32)>> = vec![Vec::new(); rows];
    for first in (0..config.d_sae).step_by(part) {
        let end = (first + part).min(config.d_sae);
        let step = rows_in_piece(config.d_in);
        for piece in (first..end).step_by(step) {
            let weights = source.encoder(piece..(piece + step).min(end)).await?;
            parts.weights.write_rows(piece - first, &weights)?;
        }
        let biases = vectors.b_enc.get(first..end);
        let mut biases = biases
            .ok_or(Error::WrongSize {
                tensor: "b_enc",
                found: vectors.b_enc.len(),
                expected: config.d_sae,
            })?
            .to_vec();
        biases.resize(part, NEVER);
        parts.select(&biases, first as u32, k, &mut best).await?;
    }
    let mut selected: Vec<u32> = best
        .into_iter()
        .flatten()
        .map(|(_, latent)| latent)
        .collect();
    selected.sort_unstable();
    selected.dedup();
    Ok(selected)
}

/// The buffer for a part of the encoder, and the plan that runs on it.
struct Parts {
    weights: Matrix,
    biases: Buffer,
    plan: kernels::Plan,
    indices: kernels::ReadHandle,
    values: kernels::ReadHandle,
    nan_counts: kernels::ReadHandle,
}

impl Parts {
    fn new(
        device: &Device,
        config: &Config,
        vectors: &Vectors<'_>,
        k: usize,
        (input, rows): (&Buffer, usize),
        part: usize,
    ) -> Result<Self, Error> {
        let (label, shape) = ("a part of W_enc", (part, config.d_in));
        let weights = Matrix::zeros(device, label, shape, WeightFormat::F32)?;
        let biases = device.buffer("a part of b_enc", part)?;
        let b_dec = device.buffer_with("b_dec", vectors.b_dec)?;
        let mut recorder = Recorder::new(device);
        let normalised = recorder.scratch("encoder input", rows * config.d_in)?;
        let statistics = recorder.scratch("row statistics", rows * 2)?;
        sae_normalize(
            &mut recorder,
            &SaeNormalize {
                input,
                rows,
                width: config.d_in,
                normalization: config.normalization,
                b_dec: config.apply_b_dec_to_input.then_some(&b_dec),
                output: &normalised,
                statistics: &statistics,
            },
        )?;
        let pre = recorder.scratch("pre-activations", rows * part)?;
        linear(
            &mut recorder,
            &Linear {
                bias: Some(&biases),
                ..Linear::plain(&normalised, rows, &weights, &pre)
            },
        )?;
        let indices = recorder.scratch("latents", rows * k)?;
        let values = recorder.scratch("activations", rows * k)?;
        let nan_counts = recorder.scratch("NaN counts", rows)?;
        topk(
            &mut recorder,
            &TopK {
                values: &pre,
                rows,
                n: part,
                k,
                relu: true,
                top_indices: &indices,
                top_values: &values,
                nan_counts: &nan_counts,
            },
        )?;
        Ok(Self {
            weights,
            biases,
            indices: recorder.read_back(&indices, rows * k)?,
            values: recorder.read_back(&values, rows * k)?,
            nan_counts: recorder.read_back(&nan_counts, rows)?,
            plan: recorder.finish(),
        })
    }

    /// Merges the part's selection into the best so far, every row's `k` largest, the lower latent first where equal.
    async fn select(
        &self,
        biases: &[f32],
        first: u32,
        k: usize,
        best: &mut [Vec<(f32, u32)>],
    ) -> Result<(), Error> {
        let bits: Vec<u32> = biases.iter().map(|bias| bias.to_bits()).collect();
        self.biases.write(0, &bits)?;
        let readings = self.plan.run().await?;
        let nan_counts = readings.words(self.nan_counts);
        if let Some(row) = nan_counts.iter().position(|count| *count > 0) {
            return Err(Error::NotANumber { row });
        }
        let indices = readings.words(self.indices).chunks_exact(k);
        let values = readings.f32(self.values).chunks_exact(k);
        for ((indices, values), best) in indices.zip(values).zip(best) {
            let active = values
                .iter()
                .zip(indices)
                .filter(|(value, _)| **value > 0.0);
            best.extend(active.map(|(value, index)| (*value, first + index)));
            best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            best.truncate(k);
        }
        Ok(())
    }
}
