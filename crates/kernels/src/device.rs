//! The device: where buffers live and kernels run.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::backlog::Backlog;
use crate::buffer::Buffer;
use crate::error::Error;
use crate::gpu::Gpu;
use crate::memory::Pool;

/// Which kind of device it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendKind {
    /// A GPU through `wgpu` (Vulkan, Metal or DX12 natively; WebGPU in a browser).
    Gpu,
    /// The kernels' CPU twins.
    Cpu,
}

/// How much of the adapter's limits to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LimitsChoice {
    /// All that the adapter offers.
    #[default]
    Adapter,
    /// Only what every WebGPU device guarantees (128 MiB bindings, 8 storage buffers a stage).
    Default,
}

/// How kernels divide their work on a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Division {
    /// As suits the adapter.
    #[default]
    Auto,
    /// Many short invocations that share workgroup memory, as GPUs want it.
    Fine,
    /// Few long invocations with few barriers. An adapter in software runs the invocations of a workgroup in turn,
    /// and to change from one to the next at a barrier costs it about a microsecond.
    Coarse,
}

/// What to ask of a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceOptions {
    /// The limits to request.
    pub limits: LimitsChoice,
    /// Bind at most this many bytes at once, where that is less than the device takes: a way to see a small
    /// device's sharding on a large one.
    pub max_binding_bytes: Option<u64>,
    /// How kernels divide their work.
    pub division: Division,
    /// Fill scratch memory with NaN before it is used again: for tests, since a kernel that reads what nobody wrote
    /// otherwise gives plausible numbers.
    pub poison: bool,
}

/// What a device has done since it was made. Counts, not times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Kernels dispatched.
    pub dispatches: u64,
    /// Compute passes begun.
    pub passes: u64,
    /// Command buffers submitted.
    pub submits: u64,
    /// Read-backs mapped.
    pub read_backs: u64,
    /// Buffers made.
    pub buffers: u64,
    /// Bind groups made.
    pub bind_groups: u64,
    /// Pipelines compiled.
    pub pipelines: u64,
}

/// A GPU or the CPU. Cheap to clone; all clones are the same device.
#[derive(Clone)]
pub struct Device {
    pub(crate) inner: Rc<DeviceInner>,
}

pub(crate) struct DeviceInner {
    pub(crate) backend: Backend,
    pub(crate) counters: Cell<Counters>,
    pub(crate) bytes: Cell<u64>,
    pub(crate) backlog: Backlog,
    pub(crate) pool: Pool,
    max_binding_bytes: u64,
    dummy: RefCell<Option<Buffer>>,
}

pub(crate) enum Backend {
    Gpu(Box<Gpu>),
    Cpu,
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
        let gpu = Gpu::request(options.limits, options.division).await?;
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
                backend,
                counters: Cell::default(),
                bytes: Cell::new(0),
                backlog: Backlog::default(),
                pool: Pool::new(options.poison),
                max_binding_bytes: options
                    .max_binding_bytes
                    .map_or(limit, |asked| asked.min(limit)),
                dummy: RefCell::default(),
            }),
        }
    }

    /// Which kind of device this is.
    pub fn kind(&self) -> BackendKind {
        match self.inner.backend {
            Backend::Gpu(_) => BackendKind::Gpu,
            Backend::Cpu => BackendKind::Cpu,
        }
    }

    /// The adapter's name as the driver gives it; for the CPU, the instruction set its kernels use.
    pub fn adapter_name(&self) -> String {
        match &self.inner.backend {
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
        self.inner.bytes.get()
    }

    /// Those of [`Device::bytes`] that wait in the pool to be used again.
    pub fn pooled_bytes(&self) -> u64 {
        self.inner.pool.bytes()
    }

    /// Gives what waits in the pool back to the driver.
    pub fn trim(&self) {
        self.inner.pool.trim();
    }

    /// What the device has done so far.
    pub fn counters(&self) -> Counters {
        self.inner.counters.get()
    }

    /// The largest buffer a kernel can bind, in bytes.
    pub fn max_binding_bytes(&self) -> u64 {
        self.inner.max_binding_bytes
    }

    /// Whether weights that halves hold exactly are still better stored as f32: where invocations run in software,
    /// unpacking costs more than reading twice the bytes. A device with no more than the guaranteed limits keeps halves.
    pub fn prefers_f32(&self) -> bool {
        let guaranteed = wgpu::Limits::default().max_storage_buffer_binding_size;
        self.is_coarse() && self.max_binding_bytes() > guaranteed
    }

    /// Waits until the device has done all that it was given. Without it, what is written faster than the device takes
    /// it piles up in memory.
    ///
    /// # Errors
    /// As [`Plan::run`](crate::Plan::run).
    pub async fn drain(&self) -> Result<(), Error> {
        let mut recorder = crate::Recorder::new(self);
        recorder.read_back(&self.dummy()?, 1)?;
        recorder.finish().run().await?;
        Ok(())
    }

    /// Whether kernels divide their work for an adapter in software.
    pub(crate) fn is_coarse(&self) -> bool {
        matches!(&self.inner.backend, Backend::Gpu(gpu) if gpu.coarse)
    }

    /// A buffer of `words` 32-bit words, zero at first.
    ///
    /// # Errors
    /// [`Error::BufferTooLarge`] above [`Device::max_binding_bytes`].
    pub fn buffer(&self, label: &str, words: usize) -> Result<Buffer, Error> {
        Buffer::new(self, label, words)
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
        if let Backend::Gpu(gpu) = &self.inner.backend {
            gpu.device.destroy();
            gpu.faults.lose("destroyed on request");
        }
    }

    /// Reports an error that the driver raised since the last call.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], [`Error::OutOfMemory`] or [`Error::Validation`].
    pub fn check(&self) -> Result<(), Error> {
        match &self.inner.backend {
            Backend::Gpu(gpu) => gpu.faults.check(self.bytes()),
            Backend::Cpu => Ok(()),
        }
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counters)) {
        let mut counters = self.inner.counters.get();
        change(&mut counters);
        self.inner.counters.set(counters);
    }
}
