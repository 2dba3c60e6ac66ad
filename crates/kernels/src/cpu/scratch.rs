//! Memory for intermediate values, used again by the same thread: to get megabytes from the system and to give them back takes
//! as long as a small product.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

thread_local! {
    static SPARE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Numbers of any value. Their memory goes back to the thread that drops them.
pub(crate) struct Scratch {
    memory: Vec<f32>,
    length: usize,
}

/// So many numbers. The memory that was given back last is taken first, which a cache still has.
pub(crate) fn scratch(length: usize) -> Scratch {
    let mut memory = SPARE
        .with_borrow_mut(|spare| {
            let fitting = spare.iter().rposition(|memory| memory.len() >= length);
            match fitting {
                Some(at) => Some(spare.remove(at)),
                None => spare.pop(),
            }
        })
        .unwrap_or_default();
    if memory.len() < length {
        memory.resize(length, 0.0);
    }
    Scratch { memory, length }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.memory[..self.length]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory[..self.length]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        // A thread that is ending has nowhere to put it.
        let _ = SPARE.try_with(|spare| spare.borrow_mut().push(memory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again() {
        let first = scratch(1000);
        let place = first.as_ptr();
        let second = scratch(10);
        assert_ne!(second.as_ptr(), place);
        drop(first);
        drop(second);
        // The one that is large enough.
        let again = scratch(900);
        assert_eq!((again.as_ptr(), again.len()), (place, 900));
        assert_eq!(scratch(2000).len(), 2000);
    }
}
