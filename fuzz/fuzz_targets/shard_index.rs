//! Any bytes as the index of a model's files: none of its names leads out of the folder.
#![no_main]

use formats::tensors::{ShardIndex, TensorFile};
use libfuzzer_sys::fuzz_target;
use sae_explorer_fuzz::safetensors;

fuzz_target!(|data: &[u8]| {
    let Ok(index) = ShardIndex::from_json("index", data) else {
        return;
    };
    for name in index.files() {
        assert!(!name.contains(['/', '\\', ':']) && name != "." && !name.contains(".."));
    }
    let names = index.files().to_vec();
    let bytes = safetensors(&[("a", &[2]), ("b", &[1, 2])]);
    let files = names
        .iter()
        .take(3)
        .map(|name| TensorFile::from_safetensors(name, bytes.clone()).expect("a sound file"));
    if let Ok(set) = index.join(files.collect()) {
        let _ = (set.names(), set.entries());
    }
});
