//! Memory of a device with an owner: counted while it lives, and given back when it is dropped, to the pool or to the driver.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use crate::device::{Device, DeviceInner};
use crate::gpu::Gpu;

/// Bytes that count as in use on a device for as long as this lives.
pub(crate) struct Counted {
    /// Weak, because the device owns buffers itself.
    device: Weak<DeviceInner>,
    bytes: u64,
}

impl Counted {
    pub(crate) fn new(device: &Device, bytes: u64) -> Self {
        device.inner.bytes.set(device.bytes() + bytes);
        Self {
            device: Rc::downgrade(&device.inner),
            bytes,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(device) = self.device.upgrade() {
            let left = device.bytes.get().saturating_sub(self.bytes);
            device.bytes.set(left);
        }
    }
}

/// Written over pooled memory before it is used again, where a device was asked to: a NaN as f32, and no index of anything.
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
type Class = (wgpu::BufferUsages, u64);

enum Free {
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

    fn take(&self, class: Class) -> Option<Free> {
        let free = self.free.borrow_mut().get_mut(&class)?.pop()?;
        self.bytes.set(self.bytes() - class.1);
        Some(free)
    }

    /// Keeps memory, or drops it where the pool is full.
    fn give(&self, class: Class, free: Free) {
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
struct Destroyed(wgpu::Buffer);

impl Drop for Destroyed {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

/// Memory of the GPU.
pub(crate) struct GpuMemory {
    pub(crate) buffer: wgpu::Buffer,
    /// What is given back by the drop.
    memory: Option<(Destroyed, Counted)>,
    /// Its class, if it goes back to the pool.
    pooled: Option<(Weak<DeviceInner>, Class)>,
    /// Not while it is mapped.
    reusable: bool,
}

impl GpuMemory {
    /// Memory of its own, zeroed, of at least 4 bytes.
    pub(crate) fn new(
        device: &Device,
        gpu: &Gpu,
        label: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Self {
        let size = bytes.max(4);
        gpu.faults.note_allocation(label, size);
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: false,
        });
        device.count(|counters| counters.buffers += 1);
        Self {
            buffer: buffer.clone(),
            memory: Some((Destroyed(buffer), Counted::new(device, size))),
            pooled: None,
            reusable: true,
        }
    }

    /// Memory from the pool, with whatever it last held; of at least so many words.
    pub(crate) fn pooled(
        device: &Device,
        gpu: &Gpu,
        label: &str,
        words: usize,
        usage: wgpu::BufferUsages,
    ) -> Self {
        let most = (device.max_binding_bytes() / 4) as usize;
        let bytes = size_class(words, most) as u64 * 4;
        let class = (usage, bytes);
        let mut memory = match device.inner.pool.take(class) {
            Some(Free::Gpu(buffer, counted)) => Self {
                buffer: buffer.0.clone(),
                memory: Some((buffer, counted)),
                pooled: None,
                reusable: true,
            },
            Some(Free::Cpu(..)) | None => Self::new(device, gpu, label, bytes, usage),
        };
        if device.inner.pool.poison && usage.contains(wgpu::BufferUsages::STORAGE) {
            let poison = vec![POISON; bytes as usize / 4];
            let poison = bytemuck::cast_slice(&poison);
            gpu.queue.write_buffer(&memory.buffer, 0, poison);
        }
        memory.pooled = Some((Rc::downgrade(&device.inner), class));
        memory
    }

    /// Says whether the drop may give it back to the pool; memory that is mapped, or may be, is destroyed instead.
    pub(crate) fn set_reusable(&mut self, reusable: bool) {
        self.reusable = reusable;
    }
}

impl Drop for GpuMemory {
    fn drop(&mut self) {
        if let Some((device, class)) = self.pooled.take()
            && self.reusable
            && let Some(device) = device.upgrade()
            && let Some((buffer, counted)) = self.memory.take()
        {
            device.pool.give(class, Free::Gpu(buffer, counted));
        }
    }
}

/// Words in the memory of the CPU device.
pub(crate) struct CpuMemory {
    pub(crate) words: RefCell<Vec<u32>>,
    counted: Option<Counted>,
    pooled: Option<(Weak<DeviceInner>, Class)>,
}

impl CpuMemory {
    /// Memory of its own, zeroed.
    pub(crate) fn new(
        device: &Device,
        words: usize,
    ) -> Result<Self, std::collections::TryReserveError> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(words)?;
        memory.resize(words, 0);
        device.count(|counters| counters.buffers += 1);
        Ok(Self {
            words: RefCell::new(memory),
            counted: Some(Counted::new(device, words as u64 * 4)),
            pooled: None,
        })
    }

    /// Memory from the pool, with whatever it last held; exactly so many words are in use.
    pub(crate) fn pooled(
        device: &Device,
        words: usize,
    ) -> Result<Self, std::collections::TryReserveError> {
        let size = size_class(words, usize::MAX);
        let class = (wgpu::BufferUsages::empty(), size as u64 * 4);
        let mut memory = match device.inner.pool.take(class) {
            Some(Free::Cpu(words, counted)) => Self {
                words: RefCell::new(words),
                counted: Some(counted),
                pooled: None,
            },
            Some(Free::Gpu(..)) | None => Self::new(device, size)?,
        };
        let taken = memory.words.get_mut();
        taken.resize(words, 0);
        if device.inner.pool.poison {
            taken.fill(POISON);
        }
        memory.pooled = Some((Rc::downgrade(&device.inner), class));
        Ok(memory)
    }
}

impl Drop for CpuMemory {
    fn drop(&mut self) {
        if let Some((device, class)) = self.pooled.take()
            && let Some(device) = device.upgrade()
            && let Some(counted) = self.counted.take()
        {
            let words = self.words.take();
            device.pool.give(class, Free::Cpu(words, counted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::size_class;

    #[test]
    fn a_class_holds_what_was_asked_for_and_little_more() {
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
