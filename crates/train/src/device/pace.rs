//! Submissions that are short, where others draw on the same device.

use std::cell::Cell;
use std::rc::Rc;

/// Operations of a submission before it is known how long they take: little for any GPU.
const FIRST: f64 = 1e8;
/// The fewest; a device that takes longer for them is no GPU.
const FEWEST: f64 = 1e6;
/// The most, as where nobody waits.
const MOST: f64 = super::OPERATIONS as f64;
/// The most by which one measurement changes the number.
const CHANGE: f64 = 2.0;

/// A clock, in seconds.
pub type Clock = Rc<dyn Fn() -> f64>;

/// How many operations a submission has, so that it takes about so long.
pub(super) struct Pace {
    clock: Clock,
    seconds: f64,
    operations: Cell<f64>,
}

impl Pace {
    pub(super) fn new(clock: Clock, seconds: f64) -> Self {
        Self {
            clock,
            seconds,
            operations: Cell::new(FIRST),
        }
    }

    pub(super) fn now(&self) -> f64 {
        (self.clock)()
    }

    /// Operations that the next submission may have.
    pub(super) fn operations(&self) -> u64 {
        self.operations.get() as u64
    }

    /// A submission of so many operations was begun then and is done now.
    pub(super) fn took(&self, operations: u64, begun: f64) {
        let wanted = self.operations.get();
        let took = (self.now() - begun).max(1e-6);
        let factor = (self.seconds / took).clamp(1.0 / CHANGE, CHANGE);
        // One that is small says nothing of how long a large one takes.
        if factor < 1.0 || operations as f64 >= wanted / CHANGE {
            self.operations.set((wanted * factor).clamp(FEWEST, MOST));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_come_to_the_length_that_is_wanted() {
        let time = Rc::new(Cell::new(0.0));
        let clock = {
            let time = time.clone();
            Rc::new(move || time.get())
        };
        // 2e10 operations a second.
        let pace = Pace::new(clock, 0.015);
        for _ in 0..20 {
            let (operations, begun) = (pace.operations(), pace.now());
            time.set(begun + operations as f64 / 2e10);
            pace.took(operations, begun);
        }
        assert!((pace.operations() as f64 / 3e8 - 1.0).abs() < 0.01);
        // What is short because it is small changes nothing; what takes long does at once.
        let before = pace.operations();
        time.set(time.get() + 1e-4);
        pace.took(1000, time.get() - 1e-4);
        assert_eq!(pace.operations(), before);
        time.set(time.get() + 1.0);
        pace.took(1000, time.get() - 1.0);
        assert_eq!(pace.operations(), before / 2);
    }
}
