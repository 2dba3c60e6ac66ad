//! Kernels made ready, running them, and reading back.

use std::collections::HashSet;
use std::rc::Rc;

use crate::answer::Answer;
use crate::buffer::{Buffer, Storage};
use crate::device::{Backend, Device};
use crate::error::Error;
use crate::gpu::{Gpu, Pipeline};
use crate::memory::GpuMemory;
use crate::recorder::GpuStep;

/// One kernel's CPU reference, with its buffers.
pub(crate) type CpuStep = Box<dyn Fn()>;

/// Kernels ready to run, any number of times.
pub struct Plan {
    device: Device,
    gpu: Option<GpuPlan>,
    cpu: Vec<CpuStep>,
    reads: Vec<(Buffer, usize)>,
}

struct GpuPlan {
    dispatches: Vec<GpuDispatch>,
    staging: Option<GpuMemory>,
    /// Every dispatch's parameters, one after the other.
    _parameters: GpuMemory,
    /// What the bind groups bind: dropped buffers are destroyed, and a bind group does not keep them.
    _buffers: Vec<Buffer>,
}

struct GpuDispatch {
    pipeline: Rc<Pipeline>,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 3],
}

/// Names one read-back of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadHandle(pub(crate) usize);

/// Words as the `f32` that they hold.
pub fn words_as_f32(words: &[u32]) -> &[f32] {
    bytemuck::cast_slice(words)
}

/// What a run read back.
pub struct Readings {
    words: Vec<u32>,
    ranges: Vec<std::ops::Range<usize>>,
}

impl Readings {
    /// The words of one read-back.
    pub fn words(&self, handle: ReadHandle) -> &[u32] {
        &self.words[self.ranges[handle.0].clone()]
    }

    /// The words of one read-back as `f32`.
    pub fn f32(&self, handle: ReadHandle) -> &[f32] {
        words_as_f32(self.words(handle))
    }
}

impl Plan {
    pub(crate) fn new(
        device: Device,
        gpu_steps: Vec<GpuStep>,
        parameters: Vec<u8>,
        cpu: Vec<CpuStep>,
        reads: Vec<(Buffer, usize)>,
    ) -> Self {
        let gpu = match &device.inner.backend {
            Backend::Cpu => None,
            Backend::Gpu(gpu) => {
                let words = reads.iter().map(|(_, words)| words).sum();
                let plan = GpuPlan::new(&device, gpu, gpu_steps, parameters, words);
                device.count(|counters| counters.bind_groups += plan.dispatches.len() as u64);
                Some(plan)
            }
        };
        Self {
            device,
            gpu,
            cpu,
            reads,
        }
    }

    /// Number of dispatches one run takes.
    pub fn dispatches(&self) -> usize {
        self.gpu
            .as_ref()
            .map_or(self.cpu.len(), |plan| plan.dispatches.len())
    }

    /// Runs the kernels: on the GPU one compute pass, one submit, one read-back.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], [`Error::OutOfMemory`], [`Error::Validation`].
    pub async fn run(&self) -> Result<Readings, Error> {
        let mut readings = Readings {
            words: Vec::new(),
            ranges: Vec::new(),
        };
        let mut end = 0;
        for (_, words) in &self.reads {
            readings.ranges.push(end..end + words);
            end += words;
        }
        self.run_into(&mut readings.words).await?;
        Ok(readings)
    }

    /// As [`Plan::run`], but writes the read-backs, one after the other, into `words`, whose memory is reused.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub async fn run_into(&self, words: &mut Vec<u32>) -> Result<(), Error> {
        words.clear();
        self.device.check()?;
        match (&self.gpu, &self.device.inner.backend) {
            (Some(plan), Backend::Gpu(gpu)) => {
                let mut encoder = gpu.device.create_command_encoder(&Default::default());
                {
                    let mut pass = encoder.begin_compute_pass(&Default::default());
                    for dispatch in &plan.dispatches {
                        pass.set_pipeline(&dispatch.pipeline.pipeline);
                        pass.set_bind_group(0, &dispatch.bind_group, &[]);
                        let [x, y, z] = dispatch.workgroups;
                        pass.dispatch_workgroups(x, y, z);
                    }
                }
                let mut offset = 0;
                for (buffer, count) in &self.reads {
                    let bytes = *count as u64 * 4;
                    if let (Some(staging), Storage::Gpu { memory, .. }) =
                        (&plan.staging, buffer.storage())
                        && bytes > 0
                    {
                        let (from, to) = (&memory.buffer, &staging.buffer);
                        encoder.copy_buffer_to_buffer(from, 0, to, offset, bytes);
                    }
                    offset += bytes;
                }
                gpu.queue.submit([encoder.finish()]);
                self.device.count(|counters| {
                    counters.dispatches += plan.dispatches.len() as u64;
                    counters.passes += 1;
                    counters.submits += 1;
                    counters.read_backs += u64::from(plan.staging.is_some());
                });
                if let Some(staging) = &plan.staging {
                    self.map(gpu, &staging.buffer, words).await?;
                }
            }
            _ => {
                for step in &self.cpu {
                    step();
                }
                for (buffer, count) in &self.reads {
                    if let Some(memory) = buffer.cpu_memory() {
                        words.extend_from_slice(&memory.borrow()[..*count]);
                    }
                }
                self.device.count(|counters| {
                    counters.submits += 1;
                    counters.read_backs += u64::from(!self.reads.is_empty());
                });
            }
        }
        self.device.check()
    }

    async fn map(
        &self,
        gpu: &Gpu,
        staging: &wgpu::Buffer,
        words: &mut Vec<u32>,
    ) -> Result<(), Error> {
        let answer = Answer::default();
        let sender = answer.clone();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            sender.set(result.map_err(|error| error.to_string()));
        });
        self.device.answered(gpu, answer).await?;
        let view = staging
            .get_mapped_range(..)
            .map_err(|error| Error::Validation(error.to_string()))?;
        words.resize(view.len() / 4, 0);
        bytemuck::cast_slice_mut::<u32, u8>(words).copy_from_slice(&view);
        drop(view);
        staging.unmap();
        Ok(())
    }
}

impl GpuPlan {
    /// `words` are those of all read-backs together.
    fn new(
        device: &Device,
        gpu: &Gpu,
        steps: Vec<GpuStep>,
        mut parameters: Vec<u8>,
        words: usize,
    ) -> Self {
        parameters.resize(parameters.len().next_multiple_of(4), 0);
        let memory = |label, bytes: u64, usage| {
            let usage = usage | wgpu::BufferUsages::COPY_DST;
            GpuMemory::new(device, gpu, label, bytes, usage)
        };
        let bytes = (parameters.len() as u64).max(16);
        let uniform = memory("parameters", bytes, wgpu::BufferUsages::UNIFORM);
        gpu.queue.write_buffer(&uniform.buffer, 0, &parameters);
        let dispatch = |step: &GpuStep| GpuDispatch {
            pipeline: step.pipeline.clone(),
            bind_group: bind_group(gpu, step, &uniform.buffer),
            workgroups: step.workgroups,
        };
        let staging = || memory("read-back", words as u64 * 4, wgpu::BufferUsages::MAP_READ);
        Self {
            dispatches: steps.iter().map(dispatch).collect(),
            staging: (words > 0).then(staging),
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
                Storage::Cpu { .. } => None,
            }),
    );
    gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(step.shader.name),
        layout: &step.pipeline.layout,
        entries: &entries,
    })
}
