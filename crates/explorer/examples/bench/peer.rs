//! A second device on the same adapter, for what the library has no kernel for: the peak, the bandwidth, the full sort.

use std::borrow::Cow;

use crate::Result;
use crate::timing::median;

/// What the adapter reaches with kernels that do nothing else.
pub struct Machine {
    /// Multiplications and additions a second, f32.
    pub flops: f64,
    /// Bytes read and written a second by a copy.
    pub bytes_per_second: f64,
}

impl Machine {
    /// The least seconds that these operations and bytes take.
    pub fn floor(&self, operations: f64, bytes: f64) -> f64 {
        (operations / self.flops).max(bytes / self.bytes_per_second)
    }
}

pub struct Peer {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
}

const COPY_BYTES: u64 = 32 << 20;
const COPY: &str = "
@group(0) @binding(0) var<storage, read> input: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<u32>>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    output[invocation.x] = input[invocation.x];
}
";

const PEAK_INVOCATIONS: u32 = 1 << 16;
const PEAK_ROUNDS: u32 = 256;
/// Eight chains that do not wait for each other, four lanes each; a round is a multiplication and an addition.
const PEAK: &str = "
@group(0) @binding(0) var<storage, read_write> output: array<vec4<f32>>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let x = output[invocation.x];
    var a = x; var b = x + 1.0; var c = x + 2.0; var d = x + 3.0;
    var e = x + 4.0; var f = x + 5.0; var g = x + 6.0; var h = x + 7.0;
    for (var i = 0u; i < 256u; i++) {
        a = a * x + x; b = b * x + x; c = c * x + x; d = d * x + x;
        e = e * x + x; f = f * x + x; g = g * x + x; h = h * x + x;
    }
    output[invocation.x] = a + b + c + d + e + f + g + h;
}
";

impl Peer {
    pub async fn new() -> Result<Self> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapter = instance
            .request_adapter(&wgpu::RequestAdapterOptions {
                power_preference: wgpu::PowerPreference::HighPerformance,
                ..Default::default()
            })
            .await?;
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                required_limits: adapter.limits(),
                ..Default::default()
            })
            .await?;
        Ok(Self { device, queue })
    }

    pub fn machine(&self) -> Result<Machine> {
        let input = self.buffer(COPY_BYTES);
        let output = self.buffer(COPY_BYTES);
        let copy = self.pipeline(COPY);
        let group = self.bind(&copy, &[&input, &output]);
        let workgroups = (COPY_BYTES / 16 / 256) as u32;
        let copying = self.seconds(8, |pass| {
            pass.set_pipeline(&copy);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(workgroups, 1, 1);
        })?;
        let peak = self.pipeline(PEAK);
        let group = self.bind(&peak, &[&output]);
        let computing = self.seconds(4, |pass| {
            pass.set_pipeline(&peak);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(PEAK_INVOCATIONS / 256, 1, 1);
        })?;
        let operations = f64::from(PEAK_INVOCATIONS) * f64::from(PEAK_ROUNDS) * 8.0 * 4.0 * 2.0;
        Ok(Machine {
            flops: operations / computing,
            bytes_per_second: 2.0 * COPY_BYTES as f64 / copying,
        })
    }

    pub fn buffer(&self, bytes: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes,
            usage: wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_SRC
                | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    pub fn pipeline(&self, wgsl: &str) -> wgpu::ComputePipeline {
        let module = self
            .device
            .create_shader_module(wgpu::ShaderModuleDescriptor {
                label: None,
                source: wgpu::ShaderSource::Wgsl(Cow::Borrowed(wgsl)),
            });
        self.device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: None,
                layout: None,
                module: &module,
                entry_point: Some("main"),
                compilation_options: Default::default(),
                cache: None,
            })
    }

    pub fn bind(
        &self,
        pipeline: &wgpu::ComputePipeline,
        buffers: &[&wgpu::Buffer],
    ) -> wgpu::BindGroup {
        let entries: Vec<_> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        })
    }

    /// Records once and waits until it is done.
    pub fn run(&self, record: impl FnOnce(&mut wgpu::ComputePass<'_>)) -> Result<()> {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        record(&mut encoder.begin_compute_pass(&Default::default()));
        self.queue.submit([encoder.finish()]);
        self.device.poll(wgpu::PollType::wait_indefinitely())?;
        Ok(())
    }

    /// Seconds that one of `repetitions` recordings in one pass takes.
    fn seconds(
        &self,
        repetitions: u32,
        record: impl Fn(&mut wgpu::ComputePass<'_>),
    ) -> Result<f64> {
        let run = || {
            self.run(|pass| {
                for _ in 0..repetitions {
                    record(pass);
                }
            })
        };
        run()?;
        Ok(median(5, run)? / f64::from(repetitions))
    }
}
