//! Any bytes as the beginning of a file of any size.
#![no_main]

use formats::sae::{sniff, sniff_head, transcoder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let kind = sniff(data);
    assert_eq!(kind, sniff_head(data, data.len() as u64));
    let _ = transcoder::refuse_set("config.yaml", data);
    for size in [0, 1, u64::MAX] {
        sniff_head(data, size);
    }
});
