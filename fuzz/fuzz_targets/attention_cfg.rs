//! Any bytes as the settings beside an attention autoencoder's sound `.pt` file.
#![no_main]

use formats::sae::attention;
use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use sae_explorer_fuzz::torch::{Stored, pt};
use sae_explorer_fuzz::{read_sae, source};

fuzz_target!(|data: &[u8]| {
    attention::is_cfg(data);
    let tensors = [
        Stored::floats("W_enc", &[2, 3], &[1.0; 6]),
        Stored::floats("W_dec", &[3, 2], &[1.0; 6]),
        Stored::floats("b_enc", &[3], &[1.0; 3]),
        Stored::floats("b_dec", &[2], &[1.0; 2]),
    ];
    let file = source(&pt(&tensors, b""));
    read_sae(block_on(attention::open_pt(file, data)));
});
