//! The memory of a training.

use crate::config::Config;
use crate::layout::Layout;

impl Config {
    /// Bytes that a training takes beside the program and the corpus, about: weights, Adam's moments, gradients, a checkpoint's files
    /// while they are written, and what the parts that run at a time keep for their gradients.
    pub fn memory(&self, vocabulary: usize, threads: usize) -> u64 {
        let weights = 4 * Layout::new(self, vocabulary).count() as u64;
        let (d, rows) = (self.n_embd as u64, self.part as u64);
        let tokens = rows * self.n_positions as u64;
        // Tensors that one block's operations keep, counted in its forward pass.
        let scores = rows * (self.n_head * self.n_positions * self.n_positions) as u64;
        let block = 4 * (tokens * d * 18 + tokens * 4 * d * 8 + scores * 6);
        let part = self.n_layer as u64 * block + 4 * 6 * weights / 4;
        let threads = threads.min(self.parts()) as u64;
        weights * 8 + threads * part
    }
}
