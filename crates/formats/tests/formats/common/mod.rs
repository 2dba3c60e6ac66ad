//! Files that several tests read, and small files made for one.

use std::path::PathBuf;
use std::rc::Rc;

use formats::Error;
use formats::gpt2::Gpt2Files;
use formats::sae::{Sae, openai, saelens};
use formats::source::{ByteSource, MemoryBytes};
use formats::tensors::{Entry, TensorFile, TensorSet};
use pollster::block_on;

/// The root of this checkout, or of another one whose demo is to be tested.
pub fn root() -> PathBuf {
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("SAE_EXPLORER_CHECKOUT").map_or_else(own, PathBuf::from)
}

/// A file of the repository.
pub fn file(path: &str) -> Vec<u8> {
    std::fs::read(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A JSON file of the repository.
pub fn json(path: &str) -> serde_json::Value {
    serde_json::from_slice(&file(path)).unwrap()
}

/// A `safetensors` file of the repository.
pub fn tensors(path: &str) -> TensorFile {
    TensorFile::from_safetensors(path, file(path)).unwrap()
}

/// The bytes of a `safetensors` file of f32 tensors: name, shape, values.
pub fn safetensors(tensors: &[(&str, &[usize], Vec<f32>)]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, shape, values) in tensors {
        let start = data.len();
        data.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        let entry = serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()] });
        header.insert((*name).to_owned(), entry);
    }
    with_header(&serde_json::Value::Object(header).to_string(), &data)
}

/// The bytes of a `safetensors` file with this header and these data.
pub fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header.as_bytes());
    out.extend(data);
    out
}

/// Sees `test.pt` refused with this code, by its name and by the culprit's.
pub fn refused(result: Result<Sae, Error>, code: &str, culprit: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().starts_with("test.pt: "), "{error}");
    assert!(
        error.to_string().contains(culprit),
        "`{error}` should name {culprit}"
    );
    assert_eq!(error.details()["file"], "test.pt");
}

/// A file in memory.
pub fn source(name: &str, bytes: Vec<u8>) -> Rc<dyn ByteSource> {
    Rc::new(MemoryBytes::new(name, bytes))
}

/// A whole `.pt` file.
pub fn read_pt(name: &str, bytes: Vec<u8>) -> Result<Sae, Error> {
    block_on(async { openai::open_pt(source(name, bytes)).await?.read().await })
}

/// What is known of the tensors in a `.pt` file.
pub fn entries(name: &str, bytes: &[u8]) -> Result<Vec<Entry>, Error> {
    block_on(openai::entries(source(name, bytes.to_vec())))
}

/// A whole SAELens folder.
pub fn read_folder(cfg_json: &[u8], weights: TensorFile) -> Result<Sae, Error> {
    block_on(async {
        let file = saelens::open_folder(cfg_json, weights).await?;
        file.read().await
    })
}

/// A model's files.
pub fn gpt2(config: &[u8], weights: impl Into<TensorSet>) -> Result<Gpt2Files, Error> {
    block_on(Gpt2Files::new(config, weights))
}

pub mod torch;
