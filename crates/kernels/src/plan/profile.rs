//! Times of a plan's kernels, one by one.

use std::ops::Range;

use super::Plan;
use crate::device::Device;
use crate::error::Error;
use crate::gpu::Gpu;
use crate::gpu_plan::GpuDispatch;
use crate::memory::GpuMemory;
use crate::state::Backend;
use crate::ticket::{Ticket, under_way};

/// One kernel of a profiled run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelTime {
    /// The kernel's name.
    pub kernel: &'static str,
    /// Nanoseconds between its beginning and its end.
    pub nanoseconds: f64,
    /// Bytes of all buffers that it binds. It may read less of them.
    pub bytes: u64,
}

/// Dispatches that share a query set: WebGPU's limit is 4096 timestamps.
const DISPATCHES_PER_SET: usize = 2048;

impl Plan {
    /// Runs the kernels one by one, each in a compute pass of its own, and returns their times in the order of the plan.
    /// `None` where the device has no clock: GPUs without timestamps ([`Device::has_timestamps`]), and the CPU device in
    /// wasm. What kernels write they write; nothing is read back.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub async fn profile(&self) -> Result<Option<Vec<KernelTime>>, Error> {
        if !self.device.has_timestamps() {
            return Ok(None);
        }
        let mut times = Vec::with_capacity(self.dispatches());
        match (&self.gpu, &self.device.inner.state.backend) {
            (Some(plan), Backend::Gpu(gpu)) => {
                for dispatches in plan.dispatches.chunks(DISPATCHES_PER_SET) {
                    times.extend(gpu_times(&self.device, gpu, dispatches).await?);
                }
            }
            _ => times.extend(self.cpu_times()),
        }
        let kernels = self.kernels.iter().zip(times);
        Ok(Some(
            kernels
                .map(|(kernel, nanoseconds)| KernelTime {
                    kernel: kernel.name,
                    nanoseconds,
                    bytes: kernel.bytes,
                })
                .collect(),
        ))
    }

    fn cpu_times(&self) -> impl Iterator<Item = f64> {
        self.cpu.iter().map(|step| {
            let start = std::time::Instant::now();
            step();
            start.elapsed().as_secs_f64() * 1e9
        })
    }
}

impl Device {
    /// True where [`Plan::profile`] can tell the time: GPUs with WebGPU's feature `timestamp-query`, and the native CPU device.
    pub fn has_timestamps(&self) -> bool {
        match &self.inner.state.backend {
            Backend::Gpu(gpu) => gpu.has_timestamps(),
            Backend::Cpu => !cfg!(target_arch = "wasm32"),
        }
    }
}

/// Nanoseconds of each dispatch.
async fn gpu_times(
    device: &Device,
    gpu: &Gpu,
    dispatches: &[GpuDispatch],
) -> Result<Vec<f64>, Error> {
    device.check()?;
    let count = 2 * dispatches.len();
    let words = 2 * count;
    let queries = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
        label: Some("profile"),
        ty: wgpu::QueryType::Timestamp,
        count: count as u32,
    });
    let memory = |usage| GpuMemory::pooled(&device.inner.state, gpu, "profile", words, usage);
    let resolved = memory(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
    let staging = memory(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);

    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    for (dispatch, first) in dispatches.iter().zip((0..).step_by(2)) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: None,
            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                query_set: &queries,
                beginning_of_pass_write_index: Some(first),
                end_of_pass_write_index: Some(first + 1),
            }),
        });
        dispatch.record(&mut pass);
    }
    encoder.resolve_query_set(&queries, 0..count as u32, &resolved.buffer, 0);
    let bytes = words as u64 * 4;
    encoder.copy_buffer_to_buffer(&resolved.buffer, 0, &staging.buffer, 0, bytes);
    let submission = gpu.queue.submit([encoder.finish()]);
    device.count(|counters| {
        counters.dispatches += dispatches.len() as u64;
        counters.passes += dispatches.len() as u64;
        counters.submits += 1;
        counters.read_backs += 1;
    });
    let whole: Range<usize> = 0..words;
    let state = under_way(staging, words, submission);
    let ticket = Ticket::new(device, [whole].into(), state);
    let mut read = Vec::new();
    ticket.read_into(&mut read).await?;
    let period = f64::from(gpu.queue.get_timestamp_period());
    let ticks = |[low, high]: [u32; 2]| u64::from(low) | u64::from(high) << 32;
    let times = read.as_chunks::<4>().0;
    Ok(times
        .iter()
        .map(|[a, b, c, d]| ticks([*c, *d]).saturating_sub(ticks([*a, *b])) as f64 * period)
        .collect())
}
