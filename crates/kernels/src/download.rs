//! Reading of a weight matrix's rows back from the device.

use std::ops::Range;

use crate::device::Device;
use crate::error::Error;
use crate::kernel::copy::{Copy, copy};
use crate::matrix::Matrix;
use crate::recorder::Recorder;

impl Matrix {
    /// Some of its rows, `[rows, cols]`: what is stored, f16 weights widened to `f32`.
    ///
    /// # Errors
    /// [`Error::Shape`] for rows that it does not have, and whatever running a plan returns.
    pub async fn read_rows(&self, device: &Device, rows: Range<usize>) -> Result<Vec<f32>, Error> {
        if rows.start > rows.end || rows.end > self.rows() {
            return Err(Error::shape(
                "matrix",
                format!("rows {rows:?} of a matrix with {}", self.rows()),
            ));
        }
        let row_words = self.row_words();
        let mut recorder = Recorder::new(device);
        let mut reads = Vec::new();
        for shard in &self.shards {
            let part = rows.start.max(shard.rows.start)..rows.end.min(shard.rows.end);
            if part.is_empty() || row_words == 0 {
                continue;
            }
            let words = part.len() * row_words;
            let output = recorder.scratch("rows of a matrix", words)?;
            copy(
                &mut recorder,
                &Copy {
                    input: &shard.buffer,
                    input_offset: (part.start - shard.rows.start) * row_words,
                    output: &output,
                    output_offset: 0,
                    words,
                },
            )?;
            reads.push(recorder.read_back(&output, words)?);
        }
        let readings = recorder.finish().run().await?;
        let mut weights = Vec::with_capacity(rows.len() * self.cols());
        for read in reads {
            for row in readings.words(read).chunks_exact(row_words) {
                self.unpack(row, &mut weights);
            }
        }
        Ok(weights)
    }

    /// Appends the weights of one stored row.
    fn unpack(&self, row: &[u32], weights: &mut Vec<f32>) {
        if self.is_f16() {
            let half = |bits: u32| half::f16::from_bits(bits as u16).to_f32();
            let pairs = row.iter().flat_map(|word| [half(*word), half(word >> 16)]);
            weights.extend(pairs.take(self.cols()));
        } else {
            let words = row.iter().map(|word| f32::from_bits(*word));
            weights.extend(words.take(self.cols()));
        }
    }
}
