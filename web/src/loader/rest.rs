//! The demo's SAEs behind the first one.

use std::collections::VecDeque;

use web_sys::AbortSignal;

use super::failures::Failures;
use crate::data::DemoSae;
use crate::state::task::Task;

/// The demo's SAEs that are still to be loaded, the first one first.
pub(crate) struct Rest {
    pub(super) tasks: VecDeque<Task>,
    /// Ids of all of them, in the order in which they are shown.
    order: Vec<String>,
    pub(super) failures: Failures,
}

impl Rest {
    /// All of them, the one in view first, or else the middle one.
    pub(super) fn new(saes: &[DemoSae], view: Option<&str>) -> Self {
        let mut tasks: VecDeque<Task> = saes.iter().map(Task::demo_sae).collect();
        let named = saes.iter().position(|sae| Some(sae.id.as_str()) == view);
        if let Some(first) = tasks.remove(named.unwrap_or(saes.len() / 2)) {
            tasks.push_front(first);
        }
        Self {
            tasks,
            order: saes.iter().map(|sae| sae.id.clone()).collect(),
            failures: Failures::default(),
        }
    }

    /// The next to load; none once loading is stopped: what is left counts as not loaded.
    pub(super) fn next(&mut self, signal: &AbortSignal) -> Option<Task> {
        if signal.aborted() {
            self.failures.left.extend(self.tasks.drain(..));
        }
        self.tasks.pop_front()
    }

    /// Ids of those that are shown behind one.
    pub(super) fn behind(&self, id: &str) -> Vec<String> {
        let from = self.order.iter().skip_while(|one| *one != id);
        from.skip(1).cloned().collect()
    }
}
