//! The dispatches of a plan on the GPU, with their bind groups and parameters.

use std::collections::HashSet;
use std::rc::Rc;

use crate::buffer::{Buffer, Storage};
use crate::device::Device;
use crate::gpu::{Gpu, Pipeline};
use crate::kernel::shader::Shader;
use crate::memory::GpuMemory;

/// One kernel on the GPU.
pub(crate) struct GpuStep {
    pub(crate) pipeline: Rc<Pipeline>,
    pub(crate) shader: &'static Shader,
    /// Its bindings after the parameters.
    pub(crate) buffers: Vec<Buffer>,
    /// Offset and size of its parameters among those of all, in bytes.
    pub(crate) parameters: (u64, u64),
    pub(crate) workgroups: [u32; 3],
}

pub(crate) struct GpuPlan {
    pub(crate) dispatches: Vec<GpuDispatch>,
    /// Every dispatch's parameters, one after the other.
    _parameters: GpuMemory,
    /// Buffers that the bind groups bind: dropped buffers are destroyed, and a bind group does not keep them.
    _buffers: Vec<Buffer>,
}

pub(crate) struct GpuDispatch {
    pipeline: Rc<Pipeline>,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 3],
}

impl GpuDispatch {
    pub(crate) fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.pipeline.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        let [x, y, z] = self.workgroups;
        pass.dispatch_workgroups(x, y, z);
    }
}

impl GpuPlan {
    pub(crate) fn new(
        device: &Device,
        gpu: &Gpu,
        steps: Vec<GpuStep>,
        mut parameters: Vec<u8>,
    ) -> Self {
        parameters.resize(parameters.len().next_multiple_of(4), 0);
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let uniform = GpuMemory::pooled(
            &device.inner.state,
            gpu,
            "parameters",
            parameters.len() / 4,
            usage,
        );
        gpu.queue.write_buffer(&uniform.buffer, 0, &parameters);
        let dispatch = |step: &GpuStep| GpuDispatch {
            pipeline: step.pipeline.clone(),
            bind_group: bind_group(gpu, step, &uniform.buffer),
            workgroups: step.workgroups,
        };
        Self {
            dispatches: steps.iter().map(dispatch).collect(),
            _parameters: uniform,
            _buffers: distinct(steps),
        }
    }
}

/// The buffers of all steps, each once.
fn distinct(steps: Vec<GpuStep>) -> Vec<Buffer> {
    let mut seen = HashSet::new();
    let buffers = steps.into_iter().flat_map(|step| step.buffers);
    buffers
        .filter(|buffer| seen.insert(buffer.address()))
        .collect()
}

fn bind_group(gpu: &Gpu, step: &GpuStep, uniform: &wgpu::Buffer) -> wgpu::BindGroup {
    let mut entries = vec![wgpu::BindGroupEntry {
        binding: 0,
        resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: uniform,
            offset: step.parameters.0,
            size: wgpu::BufferSize::new(step.parameters.1),
        }),
    }];
    entries.extend(
        step.buffers
            .iter()
            .enumerate()
            .filter_map(|(index, buffer)| match buffer.storage() {
                Storage::Gpu { memory, .. } => Some(wgpu::BindGroupEntry {
                    binding: index as u32 + 1,
                    resource: memory.buffer.as_entire_binding(),
                }),
                Storage::Cpu(_) => None,
            }),
    );
    gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(step.shader.name),
        layout: &step.pipeline.layout,
        entries: &entries,
    })
}
