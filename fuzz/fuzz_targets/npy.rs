//! Any bytes as a NumPy array: a matrix whose rows can all be read, or an error.
#![no_main]

use formats::tensors::npy::NpyFile;
use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use sae_explorer_fuzz::source;

fuzz_target!(|data: &[u8]| {
    let Ok(file) = block_on(NpyFile::open(source(data))) else {
        return;
    };
    let [rows, width] = file.shape();
    if let Ok(values) = block_on(file.read_rows(0..rows)) {
        assert_eq!(values.len(), rows * width);
    }
    assert!(block_on(file.read_rows(1..usize::MAX)).is_err());
    assert!(block_on(file.read_rows(rows..rows + 1)).is_err());
});
