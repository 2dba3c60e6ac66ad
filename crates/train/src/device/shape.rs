//! Sizes of a step on a device, and the memory that it takes.

use crate::config::{Activation, Config};
use crate::error::Error;
use crate::selection::Levels;

/// Bytes of pre-activations that are on the device at a time, and operations of one product: both keep a submission short.
const CHUNK_BYTES: u64 = 128 << 20;
const CHUNK_OPERATIONS: u64 = 32_000_000_000;

/// Rows that a kernel with a workgroup per row takes on every device.
const MOST_ROWS: usize = 65_535;

/// Rows and outputs of a tile of a product, and tiles that are enough for a GPU; as in the kernel.
const TILE: usize = 64;
const FEW_TILES: usize = 64;

/// Sizes of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) latents: usize,
    /// Slots per row.
    pub(super) slots: usize,
    pub(super) levels: usize,
    /// The level that is measured.
    pub(super) main: usize,
    /// True where a latent's level is by its rank.
    pub(super) by_rank: bool,
    /// Rows whose pre-activations are there at a time.
    pub(super) chunk: usize,
    /// Rows of AuxK.
    pub(super) aux_rows: usize,
    /// Slots per row of AuxK; 0 turns it off.
    pub(super) aux_slots: usize,
    /// Steps without activity after which a latent is dead.
    pub(super) dead_steps: u32,
}

impl Shape {
    /// Of a training on a device that binds so many bytes at once.
    ///
    /// # Errors
    /// [`Error::Setting`] for what the device does not train.
    pub(super) fn new(
        config: &Config,
        levels: &Levels,
        width: usize,
        most_bytes: u64,
    ) -> Result<Self, Error> {
        if config.activation != Activation::Topk {
            let expected =
                "a GPU trains topk, with Multi-TopK or Matryoshka; train the others on the CPU";
            let name = config.activation.name();
            return Err(Error::setting("activation", name, expected));
        }
        if config.batch > MOST_ROWS {
            let expected = format!("on a GPU a batch has at most {MOST_ROWS} tokens");
            return Err(Error::setting("batch", config.batch, expected));
        }
        let (rows, latents) = (config.batch, config.latents);
        let is_on = config.aux_coefficient > 0.0;
        let aux_slots = if is_on {
            config.aux_latents(width).min(latents)
        } else {
            0
        };
        if aux_slots > kernels::MAX_K {
            let expected = format!(
                "on a GPU AuxK has at most {} latents: set aux_latents to that or less",
                kernels::MAX_K
            );
            return Err(Error::setting("aux_latents", aux_slots, expected));
        }
        let bytes = most_bytes.min(CHUNK_BYTES) / (4 * latents as u64);
        let operations = CHUNK_OPERATIONS / (2 * latents as u64 * width.max(1) as u64);
        let chunk = bytes.min(operations.max(64)).max(1) as usize;
        let aux_rows = ((rows as f64 * config.aux_fraction) as usize).max(2);
        let dead_steps = config.dead_tokens / rows as u64;
        Ok(Self {
            rows,
            width,
            latents,
            slots: config.k * config.multi_topk_factor.max(1),
            levels: levels.count(),
            main: levels.main(),
            by_rank: !matches!(levels, Levels::Prefixes(_)),
            chunk: chunk.min(rows),
            aux_rows: aux_rows.min(rows),
            aux_slots,
            dead_steps: dead_steps.min(u64::from(u32::MAX)) as u32,
        })
    }

    /// Rows to encode at once so that a product has about so many operations, of at most `most`: a power of two times the fewest rows that a
    /// GPU computes in large tiles, so that the choice of the kernel, and with it each sum's order, does not depend on how many there are.
    pub(super) fn rows_within(&self, operations: u64, most: usize) -> usize {
        let most = most.min(self.rows).max(1);
        let fewest = TILE * FEW_TILES.div_ceil(self.latents.div_ceil(TILE));
        let fits = operations / (2 * self.latents as u64 * self.width.max(1) as u64);
        let mut rows = fewest;
        while 2 * rows as u64 <= fits && 2 * rows <= most {
            rows *= 2;
        }
        // All of them at once, where there is room.
        if fits >= self.rows as u64 && most >= self.rows {
            rows = self.rows;
        }
        rows.min(most)
    }

    /// The most active latents of a batch.
    pub(super) fn entries(&self) -> usize {
        (self.rows * self.slots).max(self.aux_rows * self.aux_slots)
    }

    /// Bytes on the device: weights, gradients and moments, a running mean, a step's buffers, and what reading back takes. An
    /// upper bound: allocations are rounded up by at most an eighth.
    pub(super) fn bytes(&self, has_mean: bool) -> u64 {
        let (rows, width, latents) = (self.rows as u64, self.width as u64, self.latents as u64);
        let padded = width.next_multiple_of(4);
        let weights = 2 * latents * padded + latents + width;
        let groups = 4 + u64::from(has_mean);
        let levels = self.levels as u64;
        let slots = self.slots as u64;
        let step = rows * width * (3 + levels)
            + self.chunk as u64 * latents
            + 2 * self.entries() as u64
            + 5 * latents;
        // Marks, codes of all rows and of a chunk, squares, statistics, partial sums.
        let marks = latents * (1 + rows.div_ceil(32));
        let aux = self.aux_rows as u64 * (4 * self.aux_slots as u64 + width);
        let scratch = marks + rows * (4 * slots + levels + 5) + aux + 6 * 1024 * width.max(levels);
        // Two copies of a piece of a matrix that is read back, and of its last piece.
        let reading = 4 * (padded + (latents * padded).min(1 << 20));
        4 * (groups * weights + step) + 4 * (scratch + reading) * 9 / 8 + (1 << 20)
    }
}
