//! Options of a device, and its counters.

/// Kind of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendKind {
    /// A GPU through `wgpu` (Vulkan, Metal or DX12 natively; WebGPU in a browser).
    Gpu,
    /// The kernels' CPU reference implementations.
    Cpu,
}

/// The limits that are requested of the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LimitsChoice {
    /// All that the adapter offers.
    #[default]
    Adapter,
    /// Only what every WebGPU device guarantees (128 MiB bindings, 8 storage buffers per stage).
    Default,
}

/// The division of kernels' work into workgroups and invocations on a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DispatchProfile {
    /// As suits the adapter.
    #[default]
    Auto,
    /// Many short invocations that share workgroup memory, as GPUs want it.
    Gpu,
    /// Few long invocations with few barriers. An adapter in software runs the invocations of a workgroup in turn,
    /// and to change from one to the next at a barrier costs it about a microsecond.
    SoftwareAdapter,
}

/// Options of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceOptions {
    /// The limits to request.
    pub limits: LimitsChoice,
    /// Bind at most this many bytes at once, where that is less than the device takes: a way to see a small
    /// device's sharding on a large one.
    pub max_binding_bytes: Option<u64>,
    /// The dispatch profile.
    pub profile: DispatchProfile,
    /// Fill scratch memory with NaN before it is used again: for tests, since a kernel that reads what nobody wrote
    /// otherwise gives plausible numbers.
    pub poison: bool,
}

/// Counts of a device's work since it was made; no times.
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

impl Counters {
    /// The counts since `before`, an earlier state of the same device.
    pub fn since(self, before: Self) -> Self {
        Self {
            dispatches: self.dispatches - before.dispatches,
            passes: self.passes - before.passes,
            submits: self.submits - before.submits,
            read_backs: self.read_backs - before.read_backs,
            buffers: self.buffers - before.buffers,
            bind_groups: self.bind_groups - before.bind_groups,
            pipelines: self.pipelines - before.pipelines,
        }
    }
}
