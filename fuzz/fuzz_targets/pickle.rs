//! Any bytes as the pickle of a sound archive with six small storages, so that a checksum keeps nothing from the
//! pickle's machine.
#![no_main]

use formats::sae::openai;
use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use sae_explorer_fuzz::{read_sae, source, torch};

fuzz_target!(|data: &[u8]| {
    let mut entries = vec![("archive/data.pkl".to_owned(), data.to_vec())];
    for (key, size) in [8, 12, 24, 24, 12, 24].into_iter().enumerate() {
        entries.push((format!("archive/data/{key}"), vec![0x3f; size]));
    }
    let archive = torch::archive(&entries);
    let _ = block_on(openai::entries(source(&archive)));
    read_sae(block_on(openai::open_pt(source(&archive))));
});
