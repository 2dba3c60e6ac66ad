//! Runs of a kind of which one at a time is under way.

use std::cell::{Cell, RefCell};

use web_sys::{AbortController, AbortSignal};

/// The run that is under way, and how many there were: what comes for another than the last one is not shown.
#[derive(Default)]
pub(super) struct UnderWay {
    stop: RefCell<Option<AbortController>>,
    number: Cell<u32>,
}

impl UnderWay {
    /// Stops the run that is under way, and begins the next: its number, and the signal that ends it. None where there are no
    /// signals.
    pub(super) fn next(&self) -> Option<(u32, AbortSignal)> {
        self.stop();
        let controller = AbortController::new().ok()?;
        let signal = controller.signal();
        *self.stop.borrow_mut() = Some(controller);
        self.number.set(self.number.get().wrapping_add(1));
        Some((self.number.get(), signal))
    }

    /// Stops the run that is under way.
    pub(super) fn stop(&self) {
        if let Some(controller) = self.stop.take() {
            controller.abort();
        }
    }
}
