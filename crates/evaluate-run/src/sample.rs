//! A sample of positions with what an autoencoder reads and makes there.

use evaluation::sparse_probe::ActiveLatents;
use explorer::EvaluatedWindow;

use crate::texts::Window;

/// Positions of a sample: the memory of their inputs is bounded.
pub const ROWS: usize = 16_384;

/// Evenly spread positions.
pub struct Sample {
    stride: usize,
    seen: usize,
    width: usize,
    /// What the encoder reads, `[rows, d_in]`.
    pub inputs: Vec<f32>,
    /// Active latents of each row.
    pub active: Vec<ActiveLatents>,
    /// Labels of each row's token, as bits.
    pub labels: Vec<u16>,
    /// Source of each row's document.
    pub sources: Vec<usize>,
    /// Window of each row.
    pub windows: Vec<usize>,
}

impl Sample {
    /// Of so many tokens at most [`ROWS`].
    pub fn new(tokens: usize, width: usize) -> Self {
        Self {
            stride: tokens.div_ceil(ROWS).max(1),
            seen: 0,
            width,
            inputs: Vec::new(),
            active: Vec::new(),
            labels: Vec::new(),
            sources: Vec::new(),
            windows: Vec::new(),
        }
    }

    /// Width of an input.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.active.len()
    }

    /// Adds the positions of a window that are due.
    pub fn add(&mut self, found: &EvaluatedWindow<'_>, window: &Window) {
        let mut inputs = None;
        for position in found.positions() {
            self.seen += 1;
            if !(self.seen - 1).is_multiple_of(self.stride) || position < found.bos {
                continue;
            }
            let inputs = inputs.get_or_insert_with(|| found.inputs().unwrap_or_default());
            let place = position * self.width;
            let Some(input) = inputs.get(place..place + self.width) else {
                continue;
            };
            self.inputs.extend_from_slice(input);
            self.active.push(found.active(position).collect());
            let token = position - found.bos;
            self.labels
                .push(window.labels.get(token).copied().unwrap_or(0));
            self.sources.push(window.source);
            self.windows.push(found.window);
        }
    }
}
