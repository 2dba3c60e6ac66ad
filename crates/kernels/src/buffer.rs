//! Buffers of 32-bit words on a device.

use std::cell::RefCell;
use std::rc::Rc;

use crate::error::Error;
use crate::memory::{CpuMemory, GpuMemory};
use crate::state::{Backend, DeviceState};

/// 32-bit words on a device: `f32`, `u32`, or packed f16 weights. Cheap to clone; all clones are the same memory.
#[derive(Clone)]
pub struct Buffer {
    inner: Rc<BufferInner>,
}

struct BufferInner {
    label: String,
    words: usize,
    storage: Rc<Storage>,
}

pub(crate) enum Storage {
    Gpu {
        memory: GpuMemory,
        queue: wgpu::Queue,
    },
    Cpu(CpuMemory),
}

impl Buffer {
    /// Zeroed memory of its own.
    pub(crate) fn new(state: &DeviceState, label: &str, words: usize) -> Result<Self, Error> {
        Self::allocate(state, label, words, false)
    }

    /// Memory from the device's pool, which may hold anything.
    pub(crate) fn pooled(state: &DeviceState, label: &str, words: usize) -> Result<Self, Error> {
        Self::allocate(state, label, words, true)
    }

    fn allocate(
        state: &DeviceState,
        label: &str,
        words: usize,
        pooled: bool,
    ) -> Result<Self, Error> {
        let needed = words as u64 * 4;
        let limit = state.max_binding_bytes;
        if needed > limit {
            return Err(Error::BufferTooLarge {
                label: label.to_owned(),
                needed,
                limit,
            });
        }
        let storage = match &state.backend {
            Backend::Gpu(gpu) => {
                let usage = wgpu::BufferUsages::STORAGE
                    | wgpu::BufferUsages::COPY_SRC
                    | wgpu::BufferUsages::COPY_DST;
                Storage::Gpu {
                    memory: match pooled {
                        true => GpuMemory::pooled(state, gpu, label, words, usage),
                        false => GpuMemory::new(state, gpu, label, needed, usage),
                    },
                    queue: gpu.queue.clone(),
                }
            }
            Backend::Cpu => {
                let memory = match pooled {
                    true => CpuMemory::pooled(state, words),
                    false => CpuMemory::new(state, words),
                };
                Storage::Cpu(memory.map_err(|error| Error::OutOfMemory {
                    label: label.to_owned(),
                    needed,
                    in_use: state.bytes(),
                    reason: error.to_string(),
                })?)
            }
        };
        Ok(Self::over(Rc::new(storage), label, words))
    }

    fn over(storage: Rc<Storage>, label: &str, words: usize) -> Self {
        Self {
            inner: Rc::new(BufferInner {
                label: label.to_owned(),
                words,
                storage,
            }),
        }
    }

    /// The first `words` words of the same memory under another label.
    pub(crate) fn view(&self, label: &str, words: usize) -> Self {
        Self::over(self.inner.storage.clone(), label, words)
    }

    /// The number of 32-bit words.
    pub fn words(&self) -> usize {
        self.inner.words
    }

    /// Name of the contents, for messages.
    pub fn label(&self) -> &str {
        &self.inner.label
    }

    /// Writes `words` at `offset` (in words). On the GPU this is queued before the next submit.
    ///
    /// # Errors
    /// [`Error::Shape`] where the words do not fit.
    pub fn write(&self, offset: usize, words: &[u32]) -> Result<(), Error> {
        if offset
            .checked_add(words.len())
            .is_none_or(|end| end > self.inner.words)
        {
            return Err(Error::shape(
                "write",
                format!(
                    "{} words at {offset} do not fit {} of {} words",
                    words.len(),
                    self.inner.label,
                    self.inner.words
                ),
            ));
        }
        match self.storage() {
            Storage::Gpu { memory, queue } => {
                queue.write_buffer(
                    &memory.buffer,
                    offset as u64 * 4,
                    bytemuck::cast_slice(words),
                );
            }
            Storage::Cpu(memory) => {
                memory.words.borrow_mut()[offset..offset + words.len()].copy_from_slice(words);
            }
        }
        Ok(())
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    /// Its memory on the CPU device, as the CPU reference implementations see it.
    pub(crate) fn cpu_memory(&self) -> Option<&RefCell<Vec<u32>>> {
        match self.storage() {
            Storage::Cpu(memory) => Some(&memory.words),
            Storage::Gpu { .. } => None,
        }
    }

    /// Equal for the same memory alone.
    pub(crate) fn address(&self) -> *const () {
        Rc::as_ptr(&self.inner.storage).cast()
    }

    pub(crate) fn same_memory(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.inner.storage, &other.inner.storage)
    }
}
