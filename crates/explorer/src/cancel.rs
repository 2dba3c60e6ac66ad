//! Stopping what is under way.

use std::cell::Cell;
use std::rc::Rc;

use crate::Error;

/// A shared flag. Whatever is under way when [`Cancel::cancel`] is called ends with [`Error::Cancelled`] at its next
/// step; what starts later is not touched.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Rc<Cell<u64>>);

/// What a call holds while it runs.
pub(crate) struct Running {
    cancel: Cancel,
    started_at: u64,
}

impl Cancel {
    /// Cancels what is under way.
    pub fn cancel(&self) {
        self.0.set(self.0.get() + 1);
    }

    pub(crate) fn start(&self) -> Running {
        Running {
            cancel: self.clone(),
            started_at: self.0.get(),
        }
    }
}

impl Running {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.0.get() != self.started_at
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.is_cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }
}
