//! Recording of kernels in the order they are to run.

use crate::buffer::Buffer;
use crate::cpu::Bindings;
use crate::device::Device;
use crate::error::Error;
use crate::gpu_plan::GpuStep;
use crate::kernel::shader::{Access, Shader};
use crate::plan::{CpuStep, KernelInfo, Plan, Steps};
use crate::state::Backend;
use crate::ticket::ReadHandle;
use crate::workspace::{Taken, Workspace};

/// Collects kernels in the order they are to run.
pub struct Recorder {
    device: Device,
    gpu: Vec<GpuStep>,
    cpu: Vec<CpuStep>,
    parameters: Vec<u8>,
    reads: Vec<(Buffer, usize)>,
    workspace: Option<(Workspace, Taken)>,
    kernels: Vec<KernelInfo>,
}

impl Recorder {
    /// An empty recorder for `device`.
    pub fn new(device: &Device) -> Self {
        Self {
            device: device.clone(),
            gpu: Vec::new(),
            cpu: Vec::new(),
            parameters: Vec::new(),
            reads: Vec::new(),
            workspace: None,
            kernels: Vec::new(),
        }
    }

    /// An empty recorder whose scratch memory is that of a workspace.
    pub fn sharing(device: &Device, workspace: &Workspace) -> Self {
        Self {
            workspace: Some((workspace.clone(), Taken::default())),
            ..Self::new(device)
        }
    }

    /// The device recorded for.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A buffer for what is of no use once the plan has run: with a workspace other plans use its memory too. What it holds
    /// before a kernel writes it is anything, and NaN on a device that poisons.
    ///
    /// # Errors
    /// As [`Device::buffer`].
    pub fn scratch(&self, label: &str, words: usize) -> Result<Buffer, Error> {
        match &self.workspace {
            Some((workspace, taken)) => workspace.take(&self.device, taken, label, words),
            None => self.kept(label, words),
        }
    }

    /// A buffer that is the plan's own, for results that stay on the device after a run, until the next one. Like scratch it
    /// holds anything at first.
    ///
    /// # Errors
    /// As [`Device::buffer`].
    pub fn kept(&self, label: &str, words: usize) -> Result<Buffer, Error> {
        Buffer::pooled(&self.device.inner.state, label, words)
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
        reference: impl Fn(&Bindings<'_>) + 'static,
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
        match &self.device.inner.state.backend {
            Backend::Cpu => {
                self.cpu_step(shader.name, buffers, 0, reference);
                return Ok(());
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
                let parameters = bytemuck::bytes_of(&parameters);
                self.parameters.extend_from_slice(parameters);
                self.gpu.push(GpuStep {
                    pipeline,
                    shader,
                    buffers: buffers.iter().map(|&buffer| buffer.clone()).collect(),
                    parameters: (offset, parameters.len() as u64),
                    workgroups,
                });
            }
        }
        self.kernels.push(KernelInfo {
            name: shader.name,
            bytes: bound_bytes(buffers),
            operations: 0,
        });
        Ok(())
    }

    /// Records a step of the CPU device; on others it would never run. `buffers` are its bindings from 1 on.
    pub(crate) fn cpu_step(
        &mut self,
        name: &'static str,
        buffers: &[&Buffer],
        operations: u64,
        step: impl Fn(&Bindings<'_>) + 'static,
    ) {
        let bytes = bound_bytes(buffers);
        let buffers: Vec<Buffer> = buffers.iter().map(|&buffer| buffer.clone()).collect();
        let device = self.device.clone();
        self.cpu.push(Box::new(move || {
            step(&Bindings::new(&buffers));
            device.count(|counters| counters.dispatches += 1);
        }));
        self.kernels.push(KernelInfo {
            name,
            bytes,
            operations,
        });
    }

    /// Says how many operations the last recorded kernel takes, where they are enough to count: by them a plan is divided
    /// into parts (see [`Plan::parts`]).
    pub(crate) fn weigh(&mut self, operations: u64) {
        if let Some(last) = self.kernels.last_mut() {
            last.operations = operations;
        }
    }

    /// Runs what is recorded once, and reads the first `words` words of `buffer` back as `f32`.
    ///
    /// # Errors
    /// As [`Recorder::read_back`] and [`Plan::run`].
    pub async fn read_f32(mut self, buffer: &Buffer, words: usize) -> Result<Vec<f32>, Error> {
        let read = self.read_back(buffer, words)?;
        let readings = self.finish().run().await?;
        Ok(readings.f32(read).to_vec())
    }

    /// Makes the plan: bind groups, the parameters' buffer and the staging buffer of the read-backs. Where the device has no
    /// room for them, [`Plan::run`] tells.
    pub fn finish(self) -> Plan {
        Plan::new(
            self.device,
            Steps {
                gpu: self.gpu,
                parameters: self.parameters,
                cpu: self.cpu,
                kernels: self.kernels,
            },
            self.reads,
        )
    }
}

fn bound_bytes(buffers: &[&Buffer]) -> u64 {
    buffers.iter().map(|buffer| buffer.words() as u64 * 4).sum()
}
