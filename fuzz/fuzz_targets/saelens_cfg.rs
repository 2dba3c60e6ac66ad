//! Any bytes as a SAELens folder's settings, beside sound weights.
#![no_main]

use formats::sae::saelens;
use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use sae_explorer_fuzz::{read_sae, sae_weights};

fuzz_target!(|data: &[u8]| {
    for weights in sae_weights() {
        read_sae(block_on(saelens::open_folder(data, weights)));
    }
});
