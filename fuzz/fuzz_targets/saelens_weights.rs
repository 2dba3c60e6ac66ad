//! Any bytes as a SAELens folder's weights, beside sound settings of each architecture.
#![no_main]

use formats::sae::saelens;
use formats::tensors::TensorFile;
use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use sae_explorer_fuzz::{read_sae, source};

const SETTINGS: [&str; 4] = [
    r#"{"architecture":"standard","d_in":2,"d_sae":3}"#,
    r#"{"architecture":"topk","k":2,"d_in":2,"d_sae":3,"rescale_acts_by_decoder_norm":true}"#,
    r#"{"architecture":"jumprelu","d_in":2,"d_sae":3,"normalize_activations":"layer_norm"}"#,
    r#"{"architecture":"gated","d_in":2,"d_sae":3}"#,
];

fuzz_target!(|data: &[u8]| {
    for settings in SETTINGS {
        let Ok(weights) = block_on(TensorFile::open(source(data))) else {
            return;
        };
        read_sae(block_on(saelens::open_folder(settings.as_bytes(), weights)));
    }
    if let Ok(file) = block_on(TensorFile::open(source(data))) {
        let _ = block_on(saelens::read_sparsity(&file, 3));
    }
});
