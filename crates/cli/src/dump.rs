//! A trace's tensors as a `safetensors` file.

use std::fs;
use std::path::Path;

use explorer::{Matrix, SaeInfo, SaeTrace, Trace};
use safetensors::tensor::{Dtype, TensorView, serialize};

use crate::error::Error;

/// A tensor to be written.
struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Writes `logits [T, V]`, `resid_post.{L} [T, D]` and for the i-th autoencoder `sae.{i}.latents [T, k]` (i32, -1 is an
/// empty place), `sae.{i}.activations [T, k]` and `sae.{i}.reconstruction [T, D]`.
pub fn write(path: &Path, trace: &Trace, loaded: &[SaeInfo]) -> Result<(), Error> {
    let Some(dump) = &trace.dump else {
        return Err(Error::Dump("nothing was read back".to_owned()));
    };
    let mut tensors = vec![floats("logits".to_owned(), &dump.logits)];
    for (layer, stream) in dump.resid_post.iter().enumerate() {
        tensors.push(floats(format!("resid_post.{layer}"), stream));
    }
    for (i, (sae, reconstruction)) in trace.saes.iter().zip(&dump.reconstructions).enumerate() {
        let info = loaded.iter().find(|info| info.id == sae.id);
        let k = info.and_then(|info| info.k).unwrap_or(sae.k);
        let (k, latents, activations) = padded(sae, k, trace.tokens.len());
        let shape = (trace.tokens.len(), k);
        let words = latents.iter().map(|latent| latent.to_le_bytes());
        tensors.push(tensor(format!("sae.{i}.latents"), Dtype::I32, shape, words));
        let words = activations.iter().map(|value| value.to_le_bytes());
        tensors.push(tensor(
            format!("sae.{i}.activations"),
            Dtype::F32,
            shape,
            words,
        ));
        tensors.push(floats(format!("sae.{i}.reconstruction"), reconstruction));
    }
    let unfit = |error: safetensors::SafeTensorError| Error::Dump(error.to_string());
    let views = tensors
        .iter()
        .map(|tensor| {
            Ok((
                &tensor.name,
                TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes)?,
            ))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(unfit)?;
    // Which autoencoder is the i-th.
    let saes = trace.saes.iter().enumerate();
    let metadata = saes.map(|(i, sae)| (format!("sae.{i}"), format!("{}@{}", sae.id, sae.hook)));
    let bytes = serialize(views, Some(metadata.collect())).map_err(unfit)?;
    fs::write(path, bytes).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

fn floats(name: String, matrix: &Matrix) -> Tensor {
    let words = matrix.data.iter().map(|value| value.to_le_bytes());
    tensor(name, Dtype::F32, (matrix.rows, matrix.cols), words)
}

fn tensor(
    name: String,
    dtype: Dtype,
    (rows, cols): (usize, usize),
    words: impl Iterator<Item = [u8; 4]>,
) -> Tensor {
    Tensor {
        name,
        dtype,
        shape: vec![rows, cols],
        bytes: words.flatten().collect(),
    }
}

/// Latents and activations in as many slots per token as TopK has (`k`), even where no token fills them.
fn padded(sae: &SaeTrace, k: usize, tokens: usize) -> (usize, Vec<i32>, Vec<f32>) {
    let width = k.max(sae.k);
    let mut latents = vec![-1; tokens * width];
    let mut activations = vec![0.0; tokens * width];
    let slots = sae.k.max(1);
    let from = sae.latents.chunks(slots).zip(sae.activations.chunks(slots));
    let to = latents
        .chunks_mut(width.max(1))
        .zip(activations.chunks_mut(width.max(1)));
    for ((from_latents, from_activations), (to_latents, to_activations)) in from.zip(to) {
        to_latents
            .iter_mut()
            .zip(from_latents)
            .for_each(|(to, from)| *to = *from);
        to_activations
            .iter_mut()
            .zip(from_activations)
            .for_each(|(to, from)| *to = *from);
    }
    (width, latents, activations)
}
