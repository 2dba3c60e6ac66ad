//! Any bytes as a `.pt` file: the archive, its pickle, and the autoencoder in it, in both layouts.
#![no_main]

use formats::sae::{attention, openai};
use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use sae_explorer_fuzz::{read_sae, source};

fuzz_target!(|data: &[u8]| {
    let _ = block_on(openai::entries(source(data)));
    read_sae(block_on(openai::open_pt(source(data))));
    let cfg = br#"{"act_size":2,"dict_size":3,"act_name":"blocks.0.attn.hook_z"}"#;
    read_sae(block_on(attention::open_pt(source(data), cfg)));
});
