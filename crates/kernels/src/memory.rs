//! Memory of a device with an owner: counted while it lives, given back when it is dropped.

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

/// A buffer of the GPU. It is destroyed when it is dropped: in a browser its memory would otherwise wait for JavaScript's
/// garbage collector, which does not see how much it is. Work that was submitted before is not disturbed.
pub(crate) struct GpuMemory {
    pub(crate) buffer: wgpu::Buffer,
    _counted: Counted,
}

impl GpuMemory {
    /// At least 4 bytes.
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
            buffer,
            _counted: Counted::new(device, size),
        }
    }
}

impl Drop for GpuMemory {
    fn drop(&mut self) {
        self.buffer.destroy();
    }
}
