//! A trained autoencoder in OpenAI's layout.

use std::rc::Rc;

use formats::sae::{openai, saelens};
use formats::source::MemoryBytes;
use formats::tensors::TensorFile;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::error::unreadable;

/// The files of a SAELens folder as one `.pt`.
///
/// # Errors
/// `unsupported-architecture` where the layout cannot hold it: it has TopK with layer_norm, and ReLU without normalisation; those of damaged files.
#[wasm_bindgen(js_name = asPt)]
pub async fn as_pt(cfg: Vec<u8>, weights: Vec<u8>) -> Result<Uint8Array, JsValue> {
    let weights = MemoryBytes::new("sae_weights.safetensors", weights);
    let weights = TensorFile::open(Rc::new(weights)).await;
    let file = saelens::open_folder(&cfg, weights.map_err(unreadable)?).await;
    let sae = file.map_err(unreadable)?.read().await.map_err(unreadable)?;
    let pt = openai::write_pt(&sae).map_err(unreadable)?;
    Ok(Uint8Array::from(&pt[..]))
}
