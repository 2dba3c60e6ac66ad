//! Columns of a weight matrix, transposed on the device a strip at a time: for matrices too large to be
//! transposed in memory.

use crate::buffer::Buffer;
use crate::cpu::write_columns::HEADER;
use crate::device::Device;
use crate::error::Error;
use crate::kernel::write_columns::{WriteColumns, write_columns};
use crate::matrix::Matrix;
use crate::pieces::PIECE_WEIGHTS;
use crate::plan::Plan;
use crate::recorder::Recorder;

/// Writes columns: a buffer for a strip of the transpose, and for each shard a plan that scatters it.
pub(crate) struct Strips {
    buffer: Buffer,
    plans: Vec<Plan>,
}

impl Strips {
    pub(crate) fn new(device: &Device, matrix: &Matrix) -> Result<Self, Error> {
        let bound = (device.max_binding_bytes() / 4) as usize;
        let most_rows = matrix.shards.iter().map(|shard| shard.rows.len()).max();
        let most_rows = most_rows.unwrap_or(0);
        // At least two columns of one row.
        let words = (HEADER + PIECE_WEIGHTS.max(2 * most_rows))
            .min(HEADER + 2 * matrix.rows().max(1) * matrix.cols().max(1))
            .min(bound)
            .max(HEADER + 2);
        let buffer = device.buffer("strip of weights", words)?;
        let plan = |shard: &crate::matrix::Shard| {
            let mut recorder = Recorder::new(device);
            write_columns(
                &mut recorder,
                &WriteColumns {
                    strip: &buffer,
                    most_rows: shard.rows.len(),
                    matrix: &shard.buffer,
                    row_words: matrix.row_words(),
                    weights_f16: matrix.is_f16(),
                },
            )?;
            Ok::<_, Error>(recorder.finish())
        };
        Ok(Self {
            plans: matrix.shards.iter().map(plan).collect::<Result<_, _>>()?,
            buffer,
        })
    }

    /// Writes `weights`, `[columns, rows]`, as the matrix's columns from `first_column` on.
    pub(crate) async fn write(
        &self,
        matrix: &Matrix,
        first_column: usize,
        mut weights: Vec<f32>,
    ) -> Result<(), Error> {
        let rows = matrix.rows();
        let columns = weights.len() / rows.max(1);
        matrix.check_f16_range(&weights, self.buffer.label())?;
        if matrix.is_f16() {
            // Rounded here, because WGSL leaves the direction of rounding to the device.
            for weight in &mut weights {
                *weight = half::f16::from_f32(*weight).to_f32();
            }
        }
        let room = self.buffer.words() - HEADER;
        // All columns at once where a useful number of rows fits beside each other, else two by two.
        let columns_at_once = if room / columns.max(1) >= 1 {
            columns
        } else {
            2
        };
        let rows_at_once = (room / columns_at_once.max(1)).max(1);
        let mut strip = Vec::with_capacity(self.buffer.words());
        for (shard, plan) in matrix.shards.iter().zip(&self.plans) {
            for first in (0..columns).step_by(columns_at_once.max(1)) {
                let chosen = first..(first + columns_at_once).min(columns);
                for first_row in shard.rows.clone().step_by(rows_at_once) {
                    let block = first_row..(first_row + rows_at_once).min(shard.rows.end);
                    strip.clear();
                    strip.extend([
                        word(first_column + first)?,
                        word(chosen.len())?,
                        word(block.start - shard.rows.start)?,
                        word(block.len())?,
                    ]);
                    for column in chosen.clone() {
                        let stored = &weights[column * rows..][block.clone()];
                        strip.extend_from_slice(bytemuck::cast_slice(stored));
                    }
                    self.buffer.write(0, &strip)?;
                    plan.run().await?;
                }
            }
        }
        Ok(())
    }
}

fn word(value: usize) -> Result<u32, Error> {
    crate::kernel::dimension("write_columns", "place", value)
}
