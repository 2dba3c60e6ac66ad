//! Recording kernels into a plan, and running it.

use std::cell::RefCell;
use std::rc::Rc;

use crate::buffer::{Buffer, Storage};
use crate::cpu::Bindings;
use crate::device::{Backend, Device};
use crate::error::Error;
use crate::gpu::Pipeline;
use crate::kernel::{Access, Shader};

/// Collects kernels in the order they are to run.
pub struct Recorder {
    device: Device,
    gpu: Vec<GpuStep>,
    cpu: Vec<CpuStep>,
    parameters: Vec<u8>,
    reads: Vec<(Buffer, usize)>,
}

struct GpuStep {
    pipeline: Rc<Pipeline>,
    shader: &'static Shader,
    buffers: Vec<Buffer>,
    parameters: (u64, u64),
    workgroups: [u32; 3],
}

type CpuStep = Box<dyn Fn()>;

/// Names one read-back of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadHandle(usize);

impl Recorder {
    /// An empty recorder for `device`.
    pub fn new(device: &Device) -> Self {
        Self {
            device: device.clone(),
            gpu: Vec::new(),
            cpu: Vec::new(),
            parameters: Vec::new(),
            reads: Vec::new(),
        }
    }

    /// The device recorded for.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A zeroed buffer that lives as long as the plan or any clone of it.
    ///
    /// # Errors
    /// As [`Device::buffer`].
    pub fn scratch(&self, label: &str, words: usize) -> Result<Buffer, Error> {
        self.device.buffer(label, words)
    }

    /// Asks for the first `words` words of `buffer` after the last kernel.
    ///
    /// # Errors
    /// [`Error::Shape`] where the buffer is shorter.
    pub fn read_back(&mut self, buffer: &Buffer, words: usize) -> Result<ReadHandle, Error> {
        if words > buffer.words() {
            return Err(Error::shape(
                "read-back",
                format!(
                    "{words} words of {} which has {}",
                    buffer.label(),
                    buffer.words()
                ),
            ));
        }
        self.reads.push((buffer.clone(), words));
        Ok(ReadHandle(self.reads.len() - 1))
    }

    /// Number of kernels recorded so far.
    pub fn dispatches(&self) -> usize {
        self.gpu.len() + self.cpu.len()
    }

    /// Records one kernel. `buffers` are its bindings after the parameters, in declaration order.
    pub(crate) fn dispatch<P: bytemuck::Pod>(
        &mut self,
        shader: &'static Shader,
        constants: &[(&'static str, f64)],
        parameters: P,
        buffers: &[&Buffer],
        workgroups: [u32; 3],
        twin: impl Fn(&Bindings<'_>) + 'static,
    ) -> Result<(), Error> {
        debug_assert_eq!(buffers.len() + 1, shader.bindings.len(), "{}", shader.name);
        for (index, (buffer, access)) in buffers.iter().zip(&shader.bindings[1..]).enumerate() {
            let aliased = *access == Access::Write
                && buffers
                    .iter()
                    .enumerate()
                    .any(|(other, candidate)| other != index && candidate.same_memory(buffer));
            if aliased {
                return Err(Error::shape(
                    shader.name,
                    format!("{} is both written and bound elsewhere", buffer.label()),
                ));
            }
        }
        if workgroups.contains(&0) {
            return Ok(());
        }
        match &self.device.inner.backend {
            Backend::Cpu => {
                let buffers: Vec<Buffer> = buffers.iter().map(|&buffer| buffer.clone()).collect();
                let device = self.device.clone();
                self.cpu.push(Box::new(move || {
                    twin(&Bindings::new(&buffers));
                    device.count(|counters| counters.dispatches += 1);
                }));
            }
            Backend::Gpu(gpu) => {
                if let Some(count) = workgroups.iter().find(|&&count| count > gpu.max_workgroups) {
                    return Err(Error::shape(
                        shader.name,
                        format!(
                            "{count} workgroups in one dimension; this device takes {}",
                            gpu.max_workgroups
                        ),
                    ));
                }
                let (pipeline, made) = gpu.pipeline(shader, constants);
                if made {
                    self.device.count(|counters| counters.pipelines += 1);
                }
                let alignment = gpu.uniform_alignment.max(4) as usize;
                self.parameters
                    .resize(self.parameters.len().next_multiple_of(alignment), 0);
                let offset = self.parameters.len() as u64;
                let bytes = bytemuck::bytes_of(&parameters);
                self.parameters.extend_from_slice(bytes);
                self.gpu.push(GpuStep {
                    pipeline,
                    shader,
                    buffers: buffers.iter().map(|&buffer| buffer.clone()).collect(),
                    parameters: (offset, bytes.len() as u64),
                    workgroups,
                });
            }
        }
        Ok(())
    }

    /// Makes the plan: bind groups, the parameters' buffer and the staging buffer of the read-backs.
    ///
    /// # Errors
    /// As [`Device::buffer`].
    pub fn finish(self) -> Result<Plan, Error> {
        let device = self.device;
        let gpu_plan = match &device.inner.backend {
            Backend::Cpu => None,
            Backend::Gpu(gpu) => {
                let uniform = gpu.device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("parameters"),
                    size: (self.parameters.len().next_multiple_of(4) as u64).max(16),
                    usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                });
                let mut parameters = self.parameters;
                parameters.resize(parameters.len().next_multiple_of(4), 0);
                gpu.queue.write_buffer(&uniform, 0, &parameters);
                let dispatches = self
                    .gpu
                    .iter()
                    .map(|step| GpuDispatch {
                        pipeline: step.pipeline.clone(),
                        bind_group: bind_group(gpu, step, &uniform),
                        workgroups: step.workgroups,
                    })
                    .collect::<Vec<_>>();
                let words: usize = self.reads.iter().map(|(_, words)| words).sum();
                let staging = (words > 0).then(|| {
                    gpu.device.create_buffer(&wgpu::BufferDescriptor {
                        label: Some("read-back"),
                        size: words as u64 * 4,
                        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                        mapped_at_creation: false,
                    })
                });
                device.count(|counters| {
                    counters.buffers += 1 + u64::from(staging.is_some());
                    counters.bind_groups += dispatches.len() as u64;
                });
                Some(GpuPlan {
                    dispatches,
                    staging,
                })
            }
        };
        Ok(Plan {
            device,
            gpu: gpu_plan,
            cpu: self.cpu,
            reads: self.reads,
        })
    }
}

fn bind_group(gpu: &crate::gpu::Gpu, step: &GpuStep, uniform: &wgpu::Buffer) -> wgpu::BindGroup {
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
                Storage::Gpu { buffer, .. } => Some(wgpu::BindGroupEntry {
                    binding: index as u32 + 1,
                    resource: buffer.as_entire_binding(),
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

/// Kernels ready to run, any number of times.
pub struct Plan {
    device: Device,
    gpu: Option<GpuPlan>,
    cpu: Vec<CpuStep>,
    reads: Vec<(Buffer, usize)>,
}

struct GpuPlan {
    dispatches: Vec<GpuDispatch>,
    staging: Option<wgpu::Buffer>,
}

struct GpuDispatch {
    pipeline: Rc<Pipeline>,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 3],
}

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
                    if let (Some(staging), Storage::Gpu { buffer, .. }) =
                        (&plan.staging, buffer.storage())
                        && bytes > 0
                    {
                        encoder.copy_buffer_to_buffer(buffer, 0, staging, offset, bytes);
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
                    self.map(gpu, staging, words).await?;
                }
            }
            _ => {
                for step in &self.cpu {
                    step();
                }
                for (buffer, count) in &self.reads {
                    if let Storage::Cpu(memory) = buffer.storage() {
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
        gpu: &crate::gpu::Gpu,
        staging: &wgpu::Buffer,
        words: &mut Vec<u32>,
    ) -> Result<(), Error> {
        let answer = MapAnswer::default();
        let sender = answer.clone();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            sender.set(result.map_err(|error| error.to_string()));
        });
        // Natively the callback needs somebody to poll; in a browser the event loop does.
        #[cfg(not(target_arch = "wasm32"))]
        if let Err(error) = gpu.device.poll(wgpu::PollType::wait_indefinitely()) {
            self.device.check()?;
            return Err(Error::DeviceLost {
                reason: error.to_string(),
            });
        }
        if let Err(reason) = answer.await {
            gpu.faults.check(self.device.bytes())?;
            return Err(Error::DeviceLost { reason });
        }
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

/// A future that a mapping callback completes.
#[derive(Clone, Default)]
struct MapAnswer(std::sync::Arc<std::sync::Mutex<MapState>>);

#[derive(Default)]
struct MapState {
    result: Option<Result<(), String>>,
    waker: Option<std::task::Waker>,
}

impl MapAnswer {
    fn set(&self, result: Result<(), String>) {
        let mut state = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.result = Some(result);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl Future for MapAnswer {
    type Output = Result<(), String>;

    fn poll(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        let mut state = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match state.result.take() {
            Some(result) => std::task::Poll::Ready(result),
            None => {
                state.waker = Some(context.waker().clone());
                std::task::Poll::Pending
            }
        }
    }
}

/// Memory of the CPU device, as the twins see it.
pub(crate) fn cpu_memory(buffer: &Buffer) -> Option<&RefCell<Vec<u32>>> {
    match buffer.storage() {
        Storage::Cpu(memory) => Some(memory),
        Storage::Gpu { .. } => None,
    }
}
