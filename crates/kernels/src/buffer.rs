//! Buffers of 32-bit words on a device.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::device::{Backend, Device, DeviceInner};
use crate::error::Error;

/// 32-bit words on a device: `f32`, `u32`, or packed halves. Cheap to clone; all clones are the same memory.
#[derive(Clone)]
pub struct Buffer {
    inner: Rc<BufferInner>,
}

struct BufferInner {
    /// Weak, because the device owns buffers itself.
    device: Weak<DeviceInner>,
    label: String,
    words: usize,
    storage: Storage,
}

pub(crate) enum Storage {
    Gpu {
        buffer: wgpu::Buffer,
        queue: wgpu::Queue,
    },
    Cpu(RefCell<Vec<u32>>),
}

impl Buffer {
    pub(crate) fn new(device: &Device, label: &str, words: usize) -> Result<Self, Error> {
        let needed = words as u64 * 4;
        let limit = device.max_binding_bytes();
        if needed > limit {
            return Err(Error::BufferTooLarge {
                label: label.to_owned(),
                needed,
                limit,
            });
        }
        let storage = match &device.inner.backend {
            Backend::Gpu(gpu) => {
                gpu.faults.note_allocation(label, needed);
                Storage::Gpu {
                    buffer: gpu.device.create_buffer(&wgpu::BufferDescriptor {
                        label: Some(label),
                        size: needed.max(4),
                        usage: wgpu::BufferUsages::STORAGE
                            | wgpu::BufferUsages::COPY_SRC
                            | wgpu::BufferUsages::COPY_DST,
                        mapped_at_creation: false,
                    }),
                    queue: gpu.queue.clone(),
                }
            }
            Backend::Cpu => {
                let mut memory = Vec::new();
                memory
                    .try_reserve_exact(words)
                    .map_err(|error| Error::OutOfMemory {
                        label: label.to_owned(),
                        needed,
                        in_use: device.bytes(),
                        reason: error.to_string(),
                    })?;
                memory.resize(words, 0);
                Storage::Cpu(RefCell::new(memory))
            }
        };
        device.count(|counters| counters.buffers += 1);
        device.inner.bytes.set(device.bytes() + needed);
        Ok(Self {
            inner: Rc::new(BufferInner {
                device: Rc::downgrade(&device.inner),
                label: label.to_owned(),
                words,
                storage,
            }),
        })
    }

    /// The number of 32-bit words.
    pub fn words(&self) -> usize {
        self.inner.words
    }

    /// What the buffer holds, for messages.
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
        match &self.inner.storage {
            Storage::Gpu { buffer, queue } => {
                queue.write_buffer(buffer, offset as u64 * 4, bytemuck::cast_slice(words));
            }
            Storage::Cpu(memory) => {
                memory.borrow_mut()[offset..offset + words.len()].copy_from_slice(words);
            }
        }
        Ok(())
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    /// Its memory on the CPU device, as the twins see it.
    pub(crate) fn cpu_memory(&self) -> Option<&RefCell<Vec<u32>>> {
        match &self.inner.storage {
            Storage::Cpu(memory) => Some(memory),
            Storage::Gpu { .. } => None,
        }
    }

    pub(crate) fn same_memory(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Drop for BufferInner {
    fn drop(&mut self) {
        if let Some(device) = self.device.upgrade() {
            device
                .bytes
                .set(device.bytes.get().saturating_sub(self.words as u64 * 4));
        }
    }
}
