//! Tasks that failed, together.

use crate::engine::Fault;
use crate::state::load::Broken;
use crate::state::task::Task;
use crate::state::url::Place;

/// Tasks that failed, and why.
#[derive(Default)]
pub(crate) struct Failures {
    faults: Vec<Fault>,
    /// The failed tasks, and those that could not be tried after them.
    pub(crate) left: Vec<Task>,
}

impl Failures {
    /// One more.
    pub(crate) fn add(&mut self, fault: Fault, task: Task) {
        self.faults.push(fault);
        self.left.push(task);
    }

    /// Those of a part.
    pub(crate) fn append(&mut self, mut others: Self) {
        self.faults.append(&mut others.faults);
        self.left.append(&mut others.left);
    }

    /// The first failure's code.
    pub(crate) fn code(&self) -> Option<&str> {
        self.faults.first().map(|fault| fault.code.as_str())
    }

    /// The failed load, with `then` as the place to go to once it is there; nothing where nothing failed.
    pub(crate) fn broken(self, then: Option<Place>) -> Option<Broken> {
        let code = self.code()?.to_owned();
        let names: Vec<_> = self.left.iter().map(|task| task.name.as_str()).collect();
        let mut why = String::new();
        for fault in &self.faults {
            if !why.contains(&fault.message) {
                why.push(' ');
                why.push_str(&fault.message);
            }
        }
        let message = format!("Not loaded: {}.{why}", names.join(", "));
        Some(Broken::new(code, message, self.left, then))
    }
}
