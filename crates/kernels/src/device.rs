//! The device: where buffers live and kernels run.

use std::cell::RefCell;
use std::rc::Rc;

use crate::backlog::Backlog;
use crate::buffer::Buffer;
use crate::error::Error;
use crate::gpu::Gpu;
use crate::options::{BackendKind, Counters, DeviceOptions};
use crate::state::{Backend, DeviceState};

/// A GPU or the CPU. Cheap to clone; all clones are the same device.
#[derive(Clone)]
pub struct Device {
    pub(crate) inner: Rc<DeviceInner>,
}

pub(crate) struct DeviceInner {
    pub(crate) state: DeviceState,
    pub(crate) backlog: Backlog,
    dummy: RefCell<Option<Buffer>>,
}

impl Device {
    /// The CPU device. Always there.
    pub fn cpu() -> Self {
        Self::cpu_with(DeviceOptions::default())
    }

    /// The CPU device with another limit of its bindings.
    pub fn cpu_with(options: DeviceOptions) -> Self {
        Self::from_backend(Backend::Cpu, u64::from(u32::MAX), options)
    }

    /// A GPU device.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] and [`Error::NoDevice`].
    pub async fn gpu(options: DeviceOptions) -> Result<Self, Error> {
        let gpu = Gpu::request(options.limits, options.profile).await?;
        let limit = gpu.max_binding_bytes;
        Ok(Self::from_backend(
            Backend::Gpu(Box::new(gpu)),
            limit,
            options,
        ))
    }

    fn from_backend(backend: Backend, limit: u64, options: DeviceOptions) -> Self {
        Self {
            inner: Rc::new(DeviceInner {
                state: DeviceState::new(backend, limit, options),
                backlog: Backlog::default(),
                dummy: RefCell::default(),
            }),
        }
    }

    /// The kind of device.
    pub fn kind(&self) -> BackendKind {
        match self.inner.state.backend {
            Backend::Gpu(_) => BackendKind::Gpu,
            Backend::Cpu => BackendKind::Cpu,
        }
    }

    /// The adapter's name as the driver gives it; for the CPU, the instruction set its kernels use.
    pub fn adapter_name(&self) -> String {
        match &self.inner.state.backend {
            Backend::Gpu(gpu) => gpu.adapter_name.clone(),
            Backend::Cpu => crate::cpu::instruction_set().to_owned(),
        }
    }

    /// Threads that the CPU device computes with, as `RAYON_NUM_THREADS` or the number of cores says; `None` for a GPU.
    pub fn threads(&self) -> Option<usize> {
        match self.kind() {
            BackendKind::Gpu => None,
            BackendKind::Cpu => Some(crate::cpu::parallel::available()),
        }
    }

    /// Bytes held on this device: weights, scratch, parameters, read-backs, and what waits in the pool.
    pub fn bytes(&self) -> u64 {
        self.inner.state.bytes()
    }

    /// Those of [`Device::bytes`] that wait in the pool to be used again.
    pub fn pooled_bytes(&self) -> u64 {
        self.inner.state.pool.bytes()
    }

    /// Gives what waits in the pool back to the driver.
    pub fn trim(&self) {
        self.inner.state.pool.trim();
    }

    /// Counts of the device's work so far.
    pub fn counters(&self) -> Counters {
        self.inner.state.counters.get()
    }

    /// The largest buffer a kernel can bind, in bytes.
    pub fn max_binding_bytes(&self) -> u64 {
        self.inner.state.max_binding_bytes
    }

    /// True where weights that f16 holds exactly are still better stored as f32: where invocations run in software,
    /// unpacking costs more than reading twice the bytes. A device with no more than the guaranteed limits keeps f16.
    pub fn prefers_f32(&self) -> bool {
        let guaranteed = wgpu::Limits::default().max_storage_buffer_binding_size;
        self.has_software_profile() && self.max_binding_bytes() > guaranteed
    }

    /// True where kernels divide their work for a software adapter.
    pub(crate) fn has_software_profile(&self) -> bool {
        matches!(&self.inner.state.backend, Backend::Gpu(gpu) if gpu.software_profile)
    }

    /// A buffer of `words` 32-bit words, zero at first.
    ///
    /// # Errors
    /// [`Error::BufferTooLarge`] above [`Device::max_binding_bytes`].
    pub fn buffer(&self, label: &str, words: usize) -> Result<Buffer, Error> {
        Buffer::new(&self.inner.state, label, words)
    }

    /// A buffer holding `data`.
    ///
    /// # Errors
    /// As [`Device::buffer`].
    pub fn buffer_with<T: bytemuck::Pod>(&self, label: &str, data: &[T]) -> Result<Buffer, Error> {
        let words: &[u32] = bytemuck::try_cast_slice(data)
            .map_err(|error| Error::shape("buffer", format!("{label}: {error}")))?;
        let buffer = self.buffer(label, words.len().max(1))?;
        buffer.write(0, words)?;
        Ok(buffer)
    }

    /// A small buffer for bindings that a dispatch does not use.
    pub(crate) fn dummy(&self) -> Result<Buffer, Error> {
        if let Some(buffer) = self.inner.dummy.borrow().as_ref() {
            return Ok(buffer.clone());
        }
        let buffer = self.buffer("unused binding", 8)?;
        *self.inner.dummy.borrow_mut() = Some(buffer.clone());
        Ok(buffer)
    }

    /// Destroys the GPU device, as a driver reset would. For tests of recovery.
    pub fn destroy(&self) {
        if let Backend::Gpu(gpu) = &self.inner.state.backend {
            gpu.device.destroy();
            gpu.faults.lose("destroyed on request");
        }
    }

    /// Reports an error that the driver raised since the last call.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], [`Error::OutOfMemory`] or [`Error::Validation`].
    pub fn check(&self) -> Result<(), Error> {
        self.inner.state.check()
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counters)) {
        self.inner.state.count(change);
    }
}
