//! Any bytes as a model's configuration, beside the sound weights of a model of one block.
#![no_main]

use std::sync::LazyLock;

use formats::gpt2::{Gpt2Config, Gpt2Files};
use formats::tensors::TensorFile;
use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use sae_explorer_fuzz::safetensors;

static WEIGHTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    safetensors(&[
        ("wte.weight", &[5, 4]),
        ("wpe.weight", &[3, 4]),
        ("h.0.ln_1.weight", &[4]),
        ("h.0.ln_1.bias", &[4]),
        ("h.0.attn.c_attn.weight", &[4, 12]),
        ("h.0.attn.c_attn.bias", &[12]),
        ("h.0.attn.c_proj.weight", &[4, 4]),
        ("h.0.attn.c_proj.bias", &[4]),
        ("h.0.ln_2.weight", &[4]),
        ("h.0.ln_2.bias", &[4]),
        ("h.0.mlp.c_fc.weight", &[4, 16]),
        ("h.0.mlp.c_fc.bias", &[16]),
        ("h.0.mlp.c_proj.weight", &[16, 4]),
        ("h.0.mlp.c_proj.bias", &[4]),
        ("ln_f.weight", &[4]),
        ("ln_f.bias", &[4]),
    ])
});

fuzz_target!(|data: &[u8]| {
    if Gpt2Config::from_json(data).is_err() {
        return;
    }
    let weights = TensorFile::from_safetensors("weights", WEIGHTS.clone()).expect("a sound file");
    if let Ok(model) = block_on(Gpt2Files::new(data, weights)) {
        block_on(model.check_finite()).expect("sound weights");
    }
});
