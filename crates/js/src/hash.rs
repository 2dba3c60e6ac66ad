//! Hashes of files that are too long to be in memory at once; the browser's own hash only what is there as a whole.

use sha2::{Digest as _, Sha256 as Hasher};
use wasm_bindgen::prelude::*;

/// A SHA-256 that is computed piece by piece.
#[wasm_bindgen]
#[derive(Default)]
pub struct Sha256(Hasher);

#[wasm_bindgen]
impl Sha256 {
    /// The hash of nothing yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes, as 64 hexadecimal digits.
    pub fn finish(self) -> String {
        let hash = self.0.finalize();
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
