//! The pool of a device: memory that was given back and waits to be used again.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Bytes that count as in use on a device for as long as this lives.
pub(crate) struct Counted {
    held: Rc<Cell<u64>>,
    bytes: u64,
}

impl Counted {
    /// Adds to the bytes held, until the drop.
    pub(crate) fn new(held: &Rc<Cell<u64>>, bytes: u64) -> Self {
        held.set(held.get() + bytes);
        Self {
            held: held.clone(),
            bytes,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.held.set(self.held.get().saturating_sub(self.bytes));
    }
}

/// Written over pooled memory before it is used again, where the device's options say so: a NaN as f32, and no index of anything.
pub(crate) const POISON: u32 = 0x7fc0_dead;

/// The pool keeps no more free bytes than this; what is given back beyond it is destroyed.
const POOL_BYTES: u64 = 256 << 20;

/// Memory that was given back and waits to be used again, by usage and size class. Free memory counts as in use on the
/// device, because it is.
pub(crate) struct Pool {
    free: RefCell<HashMap<Class, Vec<Free>>>,
    bytes: Cell<u64>,
    pub(crate) poison: bool,
}

/// Usage (none on the CPU) and size in bytes.
pub(crate) type Class = (wgpu::BufferUsages, u64);

pub(crate) enum Free {
    Gpu(Destroyed, Counted),
    Cpu(Vec<u32>, Counted),
}

impl Pool {
    pub(crate) fn new(poison: bool) -> Self {
        Self {
            free: RefCell::default(),
            bytes: Cell::new(0),
            poison,
        }
    }

    /// Bytes of the free memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Gives the free memory to the driver.
    pub(crate) fn trim(&self) {
        self.free.borrow_mut().clear();
        self.bytes.set(0);
    }

    pub(crate) fn take(&self, class: Class) -> Option<Free> {
        let free = self.free.borrow_mut().get_mut(&class)?.pop()?;
        self.bytes.set(self.bytes() - class.1);
        Some(free)
    }

    /// Keeps memory, or drops it where the pool is full.
    pub(crate) fn give(&self, class: Class, free: Free) {
        if self.bytes() + class.1 <= POOL_BYTES {
            self.bytes.set(self.bytes() + class.1);
            self.free.borrow_mut().entry(class).or_default().push(free);
        }
    }
}

/// The size of a pooled allocation that holds so many words: at most an eighth more, so that neighbouring sizes share
/// memory.
pub(crate) fn size_class(words: usize, most: usize) -> usize {
    const SMALLEST: usize = 64;
    let step = (words.max(SMALLEST).next_power_of_two() / 16).max(1);
    words
        .max(SMALLEST)
        .next_multiple_of(step)
        .min(most)
        .max(words)
}

/// A buffer of the driver that is destroyed when it is dropped: in a browser its memory would otherwise wait for
/// JavaScript's garbage collector, which does not see how much it is. Work that was submitted before is not disturbed.
pub(crate) struct Destroyed(pub(crate) wgpu::Buffer);

impl Drop for Destroyed {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

#[cfg(test)]
mod tests {
    use super::size_class;

    #[test]
    fn a_class_holds_what_was_requested_and_little_more() {
        for words in (0..5000).chain([1 << 20, (1 << 20) + 1, 33_554_431]) {
            let class = size_class(words, usize::MAX);
            assert!(class >= words.max(64), "{words}: {class}");
            assert!(class <= words.max(64) * 9 / 8 + 1, "{words}: {class}");
            assert_eq!(size_class(class, usize::MAX), class);
        }
        // A device's largest binding is no multiple of a class.
        assert_eq!(size_class(1000, 1001), 1001);
        assert_eq!(size_class(1001, 1001), 1001);
    }
}
