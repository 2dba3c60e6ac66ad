//! Steps of a call: where it yields, reports its progress, and can be cancelled.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;

use kernels::Device;

use crate::Error;

/// A future that yields. On the CPU device nothing else would run in a browser's worker until a call is done; between a
/// call's steps the session awaits one of these.
pub type Pause = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>;

/// The progress of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Units of work that are done.
    pub done: usize,
    /// Units of work in all.
    pub total: usize,
}

/// A function that receives the progress of the calls that take long.
pub type OnProgress = Rc<dyn Fn(Progress)>;

/// A shared flag. Whatever is under way when [`Cancel::cancel`] is called ends with [`Error::Cancelled`] at its next
/// step; what starts later is not touched.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Rc<Cell<u64>>);

impl Cancel {
    /// Cancels what is under way.
    pub fn cancel(&self) {
        self.0.set(self.0.get() + 1);
    }
}

/// The steps of one call.
#[derive(Clone)]
pub(crate) struct Pace {
    device: Device,
    pause: Option<Pause>,
    on_progress: Option<OnProgress>,
    cancel: Cancel,
    started_at: u64,
}

impl Pace {
    /// Of a call that begins now.
    pub(crate) fn new(
        device: &Device,
        pause: Option<Pause>,
        on_progress: Option<OnProgress>,
        cancel: &Cancel,
    ) -> Self {
        Self {
            device: device.clone(),
            pause,
            on_progress,
            started_at: cancel.0.get(),
            cancel: cancel.clone(),
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.0.get() != self.started_at
    }

    /// # Errors
    /// [`Error::Cancelled`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.is_cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    /// Between two steps: yields, then ends the call if it was cancelled or the device is in no state to go on.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Device`].
    pub(crate) async fn step(&self) -> Result<(), Error> {
        if let Some(pause) = &self.pause {
            pause().await;
        }
        self.check()?;
        Ok(self.device.check()?)
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Reports how far the call is.
    pub(crate) fn report(&self, done: usize, total: usize) {
        if let Some(on_progress) = &self.on_progress {
            on_progress(Progress { done, total });
        }
    }
}
