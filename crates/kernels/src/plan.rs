//! Kernels made ready, running them, and reading back.

mod profile;

use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;

use futures_channel::oneshot;

use crate::answer::Answer;
use crate::buffer::{Buffer, Storage};
use crate::device::{Backend, Device};
use crate::error::Error;
use crate::gpu::{Gpu, Pipeline};
use crate::memory::GpuMemory;
use crate::recorder::GpuStep;

pub use profile::KernelTime;

/// One kernel's CPU reference, with its buffers.
pub(crate) type CpuStep = Box<dyn Fn()>;

/// Kernels ready to run, any number of times.
pub struct Plan {
    device: Device,
    gpu: Option<GpuPlan>,
    cpu: Vec<CpuStep>,
    reads: Vec<(Buffer, usize)>,
    /// Where each read-back lies among the words of all.
    ranges: Rc<[Range<usize>]>,
    kernels: Vec<KernelInfo>,
}

/// One recorded kernel.
#[derive(Clone, Copy)]
pub(crate) struct KernelInfo {
    pub(crate) name: &'static str,
    /// Bytes of all buffers that it binds.
    pub(crate) bytes: u64,
    /// Operations, as far as they are known.
    pub(crate) operations: u64,
}

/// What was recorded: on the GPU the dispatches and their parameters, on the CPU the kernels.
pub(crate) struct Steps {
    pub(crate) gpu: Vec<GpuStep>,
    pub(crate) parameters: Vec<u8>,
    pub(crate) cpu: Vec<CpuStep>,
    pub(crate) kernels: Vec<KernelInfo>,
}

struct GpuPlan {
    dispatches: Vec<GpuDispatch>,
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
    ranges: Rc<[Range<usize>]>,
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
    pub(crate) fn new(device: Device, steps: Steps, reads: Vec<(Buffer, usize)>) -> Self {
        let gpu = match &device.inner.backend {
            Backend::Cpu => None,
            Backend::Gpu(gpu) => {
                let plan = GpuPlan::new(&device, gpu, steps.gpu, steps.parameters);
                device.count(|counters| counters.bind_groups += plan.dispatches.len() as u64);
                Some(plan)
            }
        };
        let ranges = reads.iter().scan(0, |end, (_, words)| {
            *end += words;
            Some(*end - words..*end)
        });
        Self {
            ranges: ranges.collect(),
            device,
            gpu,
            cpu: steps.cpu,
            reads,
            kernels: steps.kernels,
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
        self.submit()?.readings().await
    }

    /// As [`Plan::run`], but writes the read-backs, one after the other, into `words`, whose memory is reused.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub async fn run_into(&self, words: &mut Vec<u32>) -> Result<(), Error> {
        self.submit()?.read_into(words).await
    }

    /// Starts a run without waiting for it. What is written to buffers and submitted later comes after it, so that the same
    /// plan may be submitted again, with other inputs, while this run is under way; every run has read-back memory of its
    /// own. The CPU device runs it here and now.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], [`Error::OutOfMemory`], [`Error::Validation`]: what was known before the run.
    pub fn submit(&self) -> Result<Ticket, Error> {
        self.submit_part(0..self.dispatches())
    }

    /// Divides the kernels into parts of about so many operations each (a product of `[m, k]` and `[k, n]` counts 2mkn), to be
    /// submitted one after the other: drivers stop a submission that takes seconds, and between two parts a run can be given up.
    pub fn parts(&self, operations: u64) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let (mut start, mut sum) = (0, 0);
        for (number, kernel) in self.kernels.iter().enumerate() {
            if sum > 0 && sum + kernel.operations > operations {
                parts.push(start..number);
                (start, sum) = (number, 0);
            }
            sum += kernel.operations;
        }
        parts.push(start..self.dispatches());
        parts
    }

    /// As [`Plan::submit`] for some of the kernels, as [`Plan::parts`] divides them; what is to be read back is read after the
    /// last one.
    ///
    /// # Errors
    /// As [`Plan::submit`].
    pub fn submit_part(&self, kernels: Range<usize>) -> Result<Ticket, Error> {
        self.device.check()?;
        let is_last = kernels.end == self.dispatches();
        let words = match self.ranges.last() {
            Some(range) if is_last => range.end,
            _ => 0,
        };
        let state = match (&self.gpu, &self.device.inner.backend) {
            (Some(plan), Backend::Gpu(gpu)) => {
                self.submit_to(gpu, &plan.dispatches[kernels], words)
            }
            _ => {
                for step in &self.cpu[kernels] {
                    step();
                }
                let mut read = Vec::with_capacity(words);
                for (buffer, count) in self.reads.iter().filter(|_| is_last) {
                    if let Some(memory) = buffer.cpu_memory() {
                        read.extend_from_slice(&memory.borrow()[..*count]);
                    }
                }
                self.device.count(|counters| {
                    counters.submits += 1;
                    counters.read_backs += u64::from(words > 0);
                });
                TicketState::Done(read)
            }
        };
        Ok(Ticket {
            device: self.device.clone(),
            ranges: self.ranges.clone(),
            state,
        })
    }

    fn submit_to(&self, gpu: &Gpu, dispatches: &[GpuDispatch], words: usize) -> TicketState {
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for dispatch in dispatches {
                dispatch.record(&mut pass);
            }
        }
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging =
            (words > 0).then(|| GpuMemory::pooled(&self.device, gpu, "read-back", words, usage));
        if let Some(staging) = &staging {
            for ((buffer, _), range) in self.reads.iter().zip(&*self.ranges) {
                if let Storage::Gpu { memory, .. } = buffer.storage()
                    && !range.is_empty()
                {
                    let (offset, bytes) = (range.start as u64 * 4, range.len() as u64 * 4);
                    encoder.copy_buffer_to_buffer(
                        &memory.buffer,
                        0,
                        &staging.buffer,
                        offset,
                        bytes,
                    );
                }
            }
        }
        let submission = gpu.queue.submit([encoder.finish()]);
        self.device.count(|counters| {
            counters.dispatches += dispatches.len() as u64;
            counters.passes += 1;
            counters.submits += 1;
            counters.read_backs += u64::from(staging.is_some());
        });
        match staging {
            None => TicketState::Done(Vec::new()),
            Some(staging) => under_way(staging, words, submission),
        }
    }
}

impl GpuDispatch {
    fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.pipeline.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        let [x, y, z] = self.workgroups;
        pass.dispatch_workgroups(x, y, z);
    }
}

/// Begins to map `words` words of a read-back.
fn under_way(
    mut staging: GpuMemory,
    words: usize,
    submission: wgpu::SubmissionIndex,
) -> TicketState {
    staging.set_reusable(false);
    let (sender, answer) = oneshot::channel();
    staging
        .buffer
        .map_async(wgpu::MapMode::Read, ..words as u64 * 4, move |result| {
            // The ticket may have been dropped.
            let _ = sender.send(result.map_err(|error| error.to_string()));
        });
    TicketState::UnderWay {
        staging,
        answer,
        submission,
        words,
    }
}

/// A run that was submitted. Dropped, it is not waited for, and what it would have read back is lost.
pub struct Ticket {
    device: Device,
    ranges: Rc<[Range<usize>]>,
    state: TicketState,
}

enum TicketState {
    Done(Vec<u32>),
    UnderWay {
        staging: GpuMemory,
        answer: Answer,
        submission: wgpu::SubmissionIndex,
        words: usize,
    },
}

impl Ticket {
    /// Waits for the run and returns its read-backs.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], [`Error::OutOfMemory`], [`Error::Validation`].
    pub async fn readings(self) -> Result<Readings, Error> {
        let ranges = self.ranges.clone();
        let mut words = Vec::new();
        self.read_into(&mut words).await?;
        Ok(Readings { words, ranges })
    }

    /// As [`Ticket::readings`], but writes the read-backs, one after the other, into `words`, whose memory is reused.
    ///
    /// # Errors
    /// As [`Ticket::readings`].
    pub async fn read_into(self, words: &mut Vec<u32>) -> Result<(), Error> {
        words.clear();
        match (self.state, &self.device.inner.backend) {
            (TicketState::Done(read), _) => *words = read,
            (
                TicketState::UnderWay {
                    mut staging,
                    answer,
                    submission,
                    words: count,
                },
                Backend::Gpu(gpu),
            ) => {
                self.device.answered(gpu, answer, Some(submission)).await?;
                // A device that was lost in the meantime may have mapped zeros.
                self.device.check()?;
                let view = staging
                    .buffer
                    .get_mapped_range(..count as u64 * 4)
                    .map_err(|error| Error::Validation(error.to_string()))?;
                words.resize(count, 0);
                bytemuck::cast_slice_mut::<u32, u8>(words).copy_from_slice(&view);
                drop(view);
                staging.buffer.unmap();
                staging.set_reusable(true);
            }
            (TicketState::UnderWay { .. }, Backend::Cpu) => {}
        }
        self.device.check()
    }
}

impl GpuPlan {
    fn new(device: &Device, gpu: &Gpu, steps: Vec<GpuStep>, mut parameters: Vec<u8>) -> Self {
        parameters.resize(parameters.len().next_multiple_of(4), 0);
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let uniform = GpuMemory::pooled(device, gpu, "parameters", parameters.len() / 4, usage);
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
