//! What was sent to the device and may not have arrived: written faster than the device takes it, it piles up in memory.

use std::cell::{Cell, RefCell};

use crate::answer::Answer;

/// After so many bytes the device is asked to say when it has them. While one lot is on its way the next is written, so
/// that neither side waits for the other without need.
const LOT_BYTES: usize = 32 << 20;

/// Bytes of weights on their way.
#[derive(Default)]
pub(crate) struct Backlog {
    /// Sent since the last lot ended.
    bytes: Cell<usize>,
    /// The last lot's answer.
    lot: RefCell<Option<Answer>>,
}

impl Backlog {
    /// Adds bytes that were written; whether a lot ends with them.
    pub(crate) fn ends_lot(&self, bytes: usize) -> bool {
        let bytes = self.bytes.get() + bytes;
        let ends = bytes >= LOT_BYTES;
        self.bytes.set(if ends { 0 } else { bytes });
        ends
    }

    /// Keeps the answer of the lot that ends, and returns that of the lot before.
    pub(crate) fn replace(&self, arrived: Answer) -> Option<Answer> {
        self.lot.replace(Some(arrived))
    }
}
