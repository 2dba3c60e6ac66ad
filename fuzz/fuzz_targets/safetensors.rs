//! Any bytes as a `safetensors` file: at once and from a source they are the same, and every tensor can be read.
#![no_main]

use formats::tensors::TensorFile;
use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use sae_explorer_fuzz::source;

fuzz_target!(|data: &[u8]| {
    let at_once = TensorFile::from_safetensors("file", data.to_vec());
    let opened = block_on(TensorFile::open(source(data)));
    let (Ok(at_once), Ok(opened)) = (&at_once, &opened) else {
        assert_eq!(at_once.err(), opened.err());
        return;
    };
    assert_eq!(at_once.entries(), opened.entries());
    for name in opened.names() {
        let rows = opened.shape(&name).expect("listed").first().copied();
        let whole = block_on(opened.read(&name));
        let by_rows = block_on(opened.read_rows(&name, 0..rows.unwrap_or(0)));
        if let (Ok(whole), Ok(by_rows), Some(_)) = (&whole, &by_rows, rows) {
            assert_eq!(whole, by_rows);
        }
        let _ = block_on(opened.read_rows(&name, 1..usize::MAX));
        assert!(opened.offset(&name).expect("listed") <= data.len() as u64);
    }
});
