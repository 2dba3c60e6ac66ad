//! Identities of models and SAEs, by which an atlas knows them: see [`scan::identity`].

use formats::sae::SaeFile;
use scan::identity;
use wasm_bindgen::prelude::*;

use crate::loading::{open_folder, open_model, open_pt};
use crate::source::Thrown;

/// The SHA-256 of a model's numbers. The arguments are those of `loadModel`.
///
/// # Errors
/// Those of the files, what a source throws.
#[wasm_bindgen(js_name = identifyModel)]
pub async fn identify_model(
    config: Vec<u8>,
    weights: Vec<JsValue>,
    index: Option<Vec<u8>>,
) -> Result<String, JsValue> {
    let thrown = Thrown::default();
    let model = open_model(&config, weights, index, &thrown).await?;
    let hash = identity::model(&model).await;
    hash.map_err(|error| thrown.or_unreadable(error))
}

/// The SHA-256 of an SAE's numbers, from a `.pt`.
///
/// # Errors
/// As [`identify_model`].
#[wasm_bindgen(js_name = identifyPt)]
pub async fn identify_pt(file: JsValue, cfg: Option<Vec<u8>>) -> Result<String, JsValue> {
    let thrown = Thrown::default();
    identify(&open_pt(file, cfg, &thrown).await?, &thrown).await
}

/// The SHA-256 of an SAE's numbers, from a SAELens folder.
///
/// # Errors
/// As [`identify_model`].
#[wasm_bindgen(js_name = identifySaelens)]
pub async fn identify_saelens(cfg: Vec<u8>, weights: JsValue) -> Result<String, JsValue> {
    let thrown = Thrown::default();
    identify(&open_folder(&cfg, weights, &thrown).await?, &thrown).await
}

async fn identify(sae: &SaeFile, thrown: &Thrown) -> Result<String, JsValue> {
    let hash = identity::sae(sae).await;
    hash.map_err(|error| thrown.or_unreadable(error))
}
