//! The backlog of an upload: bytes sent to the device that may not have arrived. Written faster than the device takes them,
//! they pile up in memory.

use std::cell::{Cell, RefCell};

use crate::answer::Answer;

/// After so many bytes the device is requested to report their arrival. While one upload batch is on its way the next is
/// written, so that neither side waits for the other without need.
const BATCH_BYTES: usize = 32 << 20;

/// Bytes of weights on their way.
#[derive(Default)]
pub(crate) struct Backlog {
    /// Sent since the last upload batch ended.
    bytes: Cell<usize>,
    /// The last upload batch's answer.
    batch: RefCell<Option<Answer>>,
}

impl Backlog {
    /// Adds bytes that were written; true where an upload batch ends with them.
    pub(crate) fn ends_batch(&self, bytes: usize) -> bool {
        let bytes = self.bytes.get() + bytes;
        let ends = bytes >= BATCH_BYTES;
        self.bytes.set(if ends { 0 } else { bytes });
        ends
    }

    /// Keeps the answer of the upload batch that ends, and returns that of the one before.
    pub(crate) fn replace(&self, arrived: Answer) -> Option<Answer> {
        self.batch.replace(Some(arrived))
    }
}
