//! Ctrl C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::TrainError;

/// The wish to stop, which Ctrl C makes. A second Ctrl C ends the program at once.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens from now on.
    pub fn listen() -> Result<Self, TrainError> {
        let stop = Self::default();
        let wanted = stop.0.clone();
        let listening = ctrlc::set_handler(move || {
            if wanted.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        });
        listening.map_err(|error| TrainError::Signal(error.to_string()))?;
        Ok(stop)
    }

    /// True once it was pressed.
    pub fn is_wanted(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
