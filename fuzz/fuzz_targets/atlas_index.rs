//! Any bytes as an atlas's index: none of its files leads out of its folder, and it comes back from its writer.
#![no_main]

use atlas::files::{all_files, decode_info, encode_info};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(info) = decode_info("atlas.json", data) else {
        return;
    };
    for file in all_files(&info) {
        assert!(!file.path.starts_with('/') && !file.path.contains(['\\', ':']));
        assert!(
            file.path
                .split('/')
                .all(|part| !part.is_empty() && part.trim_matches('.') != "")
        );
    }
    let _ = info.has("set", 0);
    let bytes = encode_info(&info).expect("an index can be written");
    assert_eq!(decode_info("again", &bytes).as_ref(), Ok(&info));
});
