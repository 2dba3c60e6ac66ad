//! What was sent to the device and may not have arrived: written faster than the device takes it, it piles up in memory.

use std::cell::{Cell, RefCell};

use futures_channel::oneshot;

use crate::answer::Answer;
use crate::device::{Backend, Device};
use crate::error::Error;

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

impl Device {
    /// Notes that `bytes` more were written, and waits while the lot before the last has not arrived.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], [`Error::OutOfMemory`], [`Error::Validation`].
    pub(crate) async fn sent(&self, bytes: usize) -> Result<(), Error> {
        let backlog = &self.inner.backlog;
        let Backend::Gpu(gpu) = &self.inner.backend else {
            return Ok(());
        };
        let bytes = backlog.bytes.get() + bytes;
        if bytes < LOT_BYTES {
            backlog.bytes.set(bytes);
            return Ok(());
        }
        backlog.bytes.set(0);
        // What was written goes with the next submission.
        gpu.queue.submit([]);
        let (sender, arrived) = oneshot::channel();
        gpu.queue.on_submitted_work_done(move || {
            // The device may have been dropped.
            let _ = sender.send(Ok(()));
        });
        let before = backlog.lot.replace(Some(arrived));
        if let Some(before) = before {
            self.answered(gpu, before, None).await?;
        }
        // A lost device answers as well; the check tells.
        self.check()
    }
}
