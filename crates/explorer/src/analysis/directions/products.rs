//! Products of many directions with a matrix, batch by batch, and the progress of a call that needs several of them.

use std::cell::Cell;
use std::ops::Range;

use kernels::{BackendKind, Device, Linear, Matrix, Recorder, linear};

use crate::error::Error;
use crate::features::set::norm;
use crate::pace::Pace;

/// Bytes of products that are read back at a time.
const BATCH_BYTES: u64 = 32 << 20;
/// Operations of a batch: what a device does in a fraction of a second, after which a call can be cancelled.
const GPU_OPERATIONS: u64 = 4_000_000_000;
const CPU_OPERATIONS: u64 = 1_000_000_000;
/// Rows that products are computed in. Fewer at a time would leave their kernels half empty.
const FEWEST_ROWS: usize = 64;

/// The work of a call in units, of which a direction's product with 1,024 others is one.
pub(super) struct Work<'a> {
    pub(super) pace: &'a Pace,
    done: Cell<usize>,
    total: usize,
}

/// Units that the product of one direction with so many others takes.
pub(super) fn weight(others: usize) -> usize {
    others.div_ceil(1024)
}

impl<'a> Work<'a> {
    pub(super) fn new(pace: &'a Pace, total: usize) -> Self {
        Self {
            pace,
            done: Cell::new(0),
            total,
        }
    }

    /// Between two batches.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Device`].
    pub(super) async fn step(&self) -> Result<(), Error> {
        self.pace.step().await?;
        self.pace.report(self.done.get(), self.total);
        Ok(())
    }

    pub(super) fn add(&self, units: usize) {
        self.done.set((self.done.get() + units).min(self.total));
    }

    /// # Errors
    /// [`Error::Cancelled`].
    pub(super) fn finish(&self) -> Result<(), Error> {
        self.pace.report(self.total, self.total);
        self.pace.check()
    }
}

/// The products of one latent's direction.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) latent: usize,
    /// Norm of the direction.
    pub(super) norm: f32,
    /// Its products with the rows of the matrix.
    pub(super) products: &'a [f32],
}

/// Multiplies `count` directions, which `rows` gives as `[latents, cols of the matrix]`, with the rows of a matrix. While a
/// batch is computed, the one before goes to `each`, latent by latent in order.
///
/// # Errors
/// Whatever `rows` and `each` return, [`Error::Cancelled`], [`Error::Device`].
pub(super) async fn each_product(
    work: &Work<'_>,
    count: usize,
    matrix: &Matrix,
    rows: impl AsyncFn(Range<usize>) -> Result<Vec<f32>, Error>,
    mut each: impl FnMut(Row<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let (outputs, width) = (matrix.rows(), matrix.cols());
    if count == 0 || outputs == 0 || width == 0 {
        return Ok(());
    }
    let device = work.pace.device();
    let batch = batch_rows(device, matrix).min(count);
    let input = device.buffer("directions", batch * width)?;
    let mut recorder = Recorder::new(device);
    let output = recorder.scratch("products", batch * outputs)?;
    linear(
        &mut recorder,
        &Linear::plain(&input, batch, matrix, &output),
    )?;
    let read = recorder.read_back(&output, batch * outputs)?;
    let plan = recorder.finish();
    let mut take = |first: usize, norms: &[f32], products: &[f32]| {
        let found = products.chunks_exact(outputs).zip(norms);
        for (latent, (products, norm)) in (first..).zip(found) {
            each(Row {
                latent,
                norm: *norm,
                products,
            })?;
        }
        work.add(norms.len() * weight(outputs));
        Ok::<(), Error>(())
    };
    let mut under_way = None;
    for first in (0..count).step_by(batch) {
        work.step().await?;
        let directions = rows(first..(first + batch).min(count)).await?;
        let words: Vec<u32> = directions.iter().map(|value| value.to_bits()).collect();
        input.write(0, &words)?;
        let norms: Vec<f32> = directions.chunks_exact(width).map(norm).collect();
        let started = (first, norms, plan.submit()?);
        if let Some((first, norms, ticket)) = under_way.replace(started) {
            let readings = kernels::Ticket::readings(ticket).await?;
            take(first, &norms, readings.f32(read))?;
        }
    }
    if let Some((first, norms, ticket)) = under_way {
        take(first, &norms, ticket.readings().await?.f32(read))?;
    }
    Ok(())
}

/// Directions per batch.
fn batch_rows(device: &Device, matrix: &Matrix) -> usize {
    let operations = match device.kind() {
        BackendKind::Gpu => GPU_OPERATIONS,
        BackendKind::Cpu => CPU_OPERATIONS,
    };
    // In 64 bits, which a browser's usize has not.
    let (outputs, width) = (matrix.rows().max(1) as u64, matrix.cols().max(1) as u64);
    let by_bytes = BATCH_BYTES.min(device.max_binding_bytes()) / (4 * outputs);
    let by_operations = operations / (2 * outputs * width);
    let rows = by_bytes.min(by_operations) as usize / FEWEST_ROWS * FEWEST_ROWS;
    rows.max(FEWEST_ROWS)
}

/// `rows [n, inputs] · matrixᵀ`, `[n, rows of the matrix]`.
///
/// # Errors
/// [`Error::Device`].
pub(super) async fn multiply(
    device: &Device,
    matrix: &Matrix,
    rows: &[f32],
) -> Result<Vec<f32>, Error> {
    let count = rows.len() / matrix.cols().max(1);
    let mut recorder = Recorder::new(device);
    let output = recorder.scratch("products", count * matrix.rows())?;
    let input = device.buffer_with("directions", rows)?;
    linear(
        &mut recorder,
        &Linear::plain(&input, count, matrix, &output),
    )?;
    Ok(recorder.read_f32(&output, count * matrix.rows()).await?)
}
