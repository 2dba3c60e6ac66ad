//! Plans: kernels ready to run any number of times, and the read-backs after them.

pub(crate) mod profile;

use std::ops::Range;
use std::rc::Rc;

use crate::buffer::{Buffer, Storage};
use crate::device::Device;
use crate::error::Error;
use crate::gpu::Gpu;
use crate::gpu_plan::{GpuDispatch, GpuPlan, GpuStep};
use crate::memory::GpuMemory;
use crate::state::Backend;
use crate::ticket::{Readings, Ticket, TicketState, under_way};

/// One kernel's CPU reference, with its buffers.
pub(crate) type CpuStep = Box<dyn Fn()>;

/// Kernels ready to run, any number of times.
pub struct Plan {
    device: Device,
    gpu: Option<GpuPlan>,
    cpu: Vec<CpuStep>,
    reads: Vec<(Buffer, usize)>,
    /// Range of each read-back among the words of all.
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

/// Recorded steps: on the GPU the dispatches and their parameters, on the CPU the kernels.
#[derive(Default)]
pub(crate) struct Steps {
    pub(crate) gpu: Vec<GpuStep>,
    pub(crate) parameters: Vec<u8>,
    pub(crate) cpu: Vec<CpuStep>,
    pub(crate) kernels: Vec<KernelInfo>,
}

impl Plan {
    pub(crate) fn new(device: Device, steps: Steps, reads: Vec<(Buffer, usize)>) -> Self {
        let gpu = match &device.inner.state.backend {
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

    /// Operations of some of the kernels, as far as they are known.
    pub fn operations(&self, kernels: Range<usize>) -> u64 {
        let kernels = self.kernels.get(kernels).unwrap_or_default();
        kernels.iter().map(|kernel| kernel.operations).sum()
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
        let state = match (&self.gpu, &self.device.inner.state.backend) {
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
        Ok(Ticket::new(&self.device, self.ranges.clone(), state))
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
        let staging = (words > 0)
            .then(|| GpuMemory::pooled(&self.device.inner.state, gpu, "read-back", words, usage));
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

impl Device {
    /// Waits until the device has done all that it was given. Without it, what is written faster than the device takes
    /// it piles up in memory.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub async fn drain(&self) -> Result<(), Error> {
        // A run without kernels that reads one word back.
        let plan = Plan::new(self.clone(), Steps::default(), vec![(self.dummy()?, 1)]);
        plan.run().await?;
        Ok(())
    }
}
