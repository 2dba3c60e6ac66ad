//! Memory of a device with an owner: counted while it lives, and given back when it is dropped, to the pool or to the driver.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::gpu::Gpu;
use crate::pool::{Class, Counted, Destroyed, Free, POISON, Pool, size_class};
use crate::state::DeviceState;

/// Memory of the GPU.
pub(crate) struct GpuMemory {
    pub(crate) buffer: wgpu::Buffer,
    /// The memory that the drop gives back.
    memory: Option<(Destroyed, Counted)>,
    /// Its class, if it goes back to the pool.
    pooled: Option<(Weak<Pool>, Class)>,
    /// Not while it is mapped.
    reusable: bool,
}

impl GpuMemory {
    /// Memory of its own, zeroed, of at least 4 bytes.
    pub(crate) fn new(
        state: &DeviceState,
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
        state.count(|counters| counters.buffers += 1);
        Self {
            buffer: buffer.clone(),
            memory: Some((Destroyed(buffer), state.hold(size))),
            pooled: None,
            reusable: true,
        }
    }

    /// Memory from the pool, with whatever it last held; of at least so many words.
    pub(crate) fn pooled(
        state: &DeviceState,
        gpu: &Gpu,
        label: &str,
        words: usize,
        usage: wgpu::BufferUsages,
    ) -> Self {
        let most = (state.max_binding_bytes / 4) as usize;
        let bytes = size_class(words, most) as u64 * 4;
        let class = (usage, bytes);
        let mut memory = match state.pool.take(class) {
            Some(Free::Gpu(buffer, counted)) => Self {
                buffer: buffer.0.clone(),
                memory: Some((buffer, counted)),
                pooled: None,
                reusable: true,
            },
            Some(Free::Cpu(..)) | None => Self::new(state, gpu, label, bytes, usage),
        };
        if state.pool.poison && usage.contains(wgpu::BufferUsages::STORAGE) {
            let poison = vec![POISON; bytes as usize / 4];
            let poison = bytemuck::cast_slice(&poison);
            gpu.queue.write_buffer(&memory.buffer, 0, poison);
        }
        memory.pooled = Some((Rc::downgrade(&state.pool), class));
        memory
    }

    /// Says whether the drop may give it back to the pool; memory that is mapped, or may be, is destroyed instead.
    pub(crate) fn set_reusable(&mut self, reusable: bool) {
        self.reusable = reusable;
    }
}

impl Drop for GpuMemory {
    fn drop(&mut self) {
        if let Some((pool, class)) = self.pooled.take()
            && self.reusable
            && let Some(pool) = pool.upgrade()
            && let Some((buffer, counted)) = self.memory.take()
        {
            pool.give(class, Free::Gpu(buffer, counted));
        }
    }
}

/// Words in the memory of the CPU device.
pub(crate) struct CpuMemory {
    pub(crate) words: RefCell<Vec<u32>>,
    counted: Option<Counted>,
    pooled: Option<(Weak<Pool>, Class)>,
}

impl CpuMemory {
    /// Memory of its own, zeroed.
    pub(crate) fn new(
        state: &DeviceState,
        words: usize,
    ) -> Result<Self, std::collections::TryReserveError> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(words)?;
        memory.resize(words, 0);
        state.count(|counters| counters.buffers += 1);
        Ok(Self {
            words: RefCell::new(memory),
            counted: Some(state.hold(words as u64 * 4)),
            pooled: None,
        })
    }

    /// Memory from the pool, with whatever it last held; exactly so many words are in use.
    pub(crate) fn pooled(
        state: &DeviceState,
        words: usize,
    ) -> Result<Self, std::collections::TryReserveError> {
        let size = size_class(words, usize::MAX);
        let class = (wgpu::BufferUsages::empty(), size as u64 * 4);
        let mut memory = match state.pool.take(class) {
            Some(Free::Cpu(words, counted)) => Self {
                words: RefCell::new(words),
                counted: Some(counted),
                pooled: None,
            },
            Some(Free::Gpu(..)) | None => Self::new(state, size)?,
        };
        let taken = memory.words.get_mut();
        taken.resize(words, 0);
        if state.pool.poison {
            taken.fill(POISON);
        }
        memory.pooled = Some((Rc::downgrade(&state.pool), class));
        Ok(memory)
    }
}

impl Drop for CpuMemory {
    fn drop(&mut self) {
        if let Some((pool, class)) = self.pooled.take()
            && let Some(pool) = pool.upgrade()
            && let Some(counted) = self.counted.take()
        {
            let words = self.words.take();
            pool.give(class, Free::Cpu(words, counted));
        }
    }
}
