//! The GPU behind a [`crate::Device`]: adapter, device, queue, pipelines, and the driver's errors.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::kernel::shader::{Access, Shader};
use crate::options::{DispatchProfile, LimitsChoice};

pub(crate) struct Gpu {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) adapter_name: String,
    pub(crate) max_binding_bytes: u64,
    pub(crate) uniform_alignment: u64,
    pub(crate) max_workgroups: u32,
    pub(crate) software_profile: bool,
    pub(crate) faults: Faults,
    pipelines: RefCell<HashMap<PipelineKey, Rc<Pipeline>>>,
}

type PipelineKey = (&'static str, Vec<(&'static str, u64)>);

pub(crate) struct Pipeline {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
}

/// Errors that arrive on the driver's own time, kept until somebody asks.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<FaultState>>);

#[derive(Default)]
struct FaultState {
    lost: Option<String>,
    first: Option<Complaint>,
    last_allocation: (String, u64),
}

/// A driver's error as it is kept: the error itself cannot leave its thread in a browser.
enum Complaint {
    OutOfMemory(String),
    Other(String),
}

impl From<wgpu::Error> for Complaint {
    fn from(error: wgpu::Error) -> Self {
        match error {
            wgpu::Error::OutOfMemory { source } => Self::OutOfMemory(source.to_string()),
            other => Self::Other(other.to_string()),
        }
    }
}

impl Faults {
    fn with<R>(&self, change: impl FnOnce(&mut FaultState) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn note_allocation(&self, label: &str, bytes: u64) {
        self.with(|state| state.last_allocation = (label.to_owned(), bytes));
    }

    pub(crate) fn lose(&self, reason: &str) {
        self.with(|state| state.lost.get_or_insert_with(|| reason.to_owned()).len());
    }

    pub(crate) fn check(&self, in_use: u64) -> Result<(), Error> {
        self.with(|state| {
            if let Some(reason) = &state.lost {
                return Err(Error::DeviceLost {
                    reason: reason.clone(),
                });
            }
            match state.first.take() {
                None => Ok(()),
                Some(Complaint::OutOfMemory(reason)) => Err(Error::OutOfMemory {
                    label: state.last_allocation.0.clone(),
                    needed: state.last_allocation.1,
                    in_use,
                    reason,
                }),
                Some(Complaint::Other(message)) => Err(Error::Validation(message)),
            }
        })
    }
}

impl Gpu {
    pub(crate) async fn request(
        limits: LimitsChoice,
        profile: DispatchProfile,
    ) -> Result<Self, Error> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapter = instance
            .request_adapter(&wgpu::RequestAdapterOptions {
                power_preference: wgpu::PowerPreference::HighPerformance,
                ..Default::default()
            })
            .await
            .map_err(|error| Error::NoAdapter {
                reason: error.to_string(),
            })?;
        let info = adapter.get_info();
        let in_software = info.device_type == wgpu::DeviceType::Cpu;
        // Browsers keep the name to themselves.
        let adapter_name = match info.name.as_str() {
            "" if in_software => "WebGPU software adapter".to_owned(),
            "" => "WebGPU adapter".to_owned(),
            name => name.to_owned(),
        };
        let software_profile = match profile {
            // Browsers call an adapter in software a fallback adapter, which arrives here as this type.
            DispatchProfile::Auto => in_software,
            DispatchProfile::Gpu => false,
            DispatchProfile::SoftwareAdapter => true,
        };
        // Browsers give WebGPU's default limits unless more is requested.
        let limits = match limits {
            LimitsChoice::Adapter => adapter.limits(),
            LimitsChoice::Default => wgpu::Limits::default(),
        };
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("sae-explorer"),
                required_limits: limits.clone(),
                // For profiles, which do without where there is none.
                required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
                ..Default::default()
            })
            .await
            .map_err(|error| Error::NoDevice {
                adapter: adapter_name.clone(),
                reason: error.to_string(),
            })?;
        #[cfg(target_arch = "wasm32")]
        let adapter_name = browser_adapter_name(&device).unwrap_or(adapter_name);
        let faults = Faults::default();
        let on_error = faults.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            on_error.with(|state| {
                state.first.get_or_insert_with(|| error.into());
            });
        }));
        let on_lost = faults.clone();
        device.set_device_lost_callback(move |reason, message| {
            on_lost.lose(&format!("{reason:?}: {}", message.trim_end_matches('.')));
        });
        Ok(Self {
            device,
            queue,
            adapter_name,
            max_binding_bytes: limits
                .max_storage_buffer_binding_size
                .min(limits.max_buffer_size),
            uniform_alignment: u64::from(limits.min_uniform_buffer_offset_alignment),
            max_workgroups: limits.max_compute_workgroups_per_dimension,
            software_profile,
            faults,
            pipelines: RefCell::default(),
        })
    }

    /// True where passes can be timed.
    pub(crate) fn has_timestamps(&self) -> bool {
        let features = self.device.features();
        features.contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    /// The pipeline of `shader` with `constants`, compiled on first use. The flag says whether it was made now.
    pub(crate) fn pipeline(
        &self,
        shader: &'static Shader,
        constants: &[(&'static str, f64)],
    ) -> (Rc<Pipeline>, bool) {
        let key = (
            shader.name,
            constants
                .iter()
                .map(|(name, value)| (*name, value.to_bits()))
                .collect::<Vec<_>>(),
        );
        if let Some(pipeline) = self.pipelines.borrow().get(&key) {
            return (pipeline.clone(), false);
        }
        let module = self
            .device
            .create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(shader.name),
                source: wgpu::ShaderSource::Wgsl(shader.wgsl.into()),
            });
        let entries: Vec<_> = shader
            .bindings
            .iter()
            .enumerate()
            .map(|(index, access)| wgpu::BindGroupLayoutEntry {
                binding: index as u32,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: match access {
                        Access::Parameters => wgpu::BufferBindingType::Uniform,
                        Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
                        Access::Write => wgpu::BufferBindingType::Storage { read_only: false },
                    },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let layout = self
            .device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(shader.name),
                entries: &entries,
            });
        let pipeline_layout = self
            .device
            .create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(shader.name),
                bind_group_layouts: &[Some(&layout)],
                ..Default::default()
            });
        let pipeline = Rc::new(Pipeline {
            pipeline: self
                .device
                .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                    label: Some(shader.name),
                    layout: Some(&pipeline_layout),
                    module: &module,
                    entry_point: Some("main"),
                    compilation_options: wgpu::PipelineCompilationOptions {
                        constants,
                        ..Default::default()
                    },
                    cache: None,
                }),
            layout,
        });
        self.pipelines.borrow_mut().insert(key, pipeline.clone());
        (pipeline, true)
    }
}

/// Browsers name an adapter by vendor and architecture, which `wgpu` does not hand on: `GPUDevice.adapterInfo` has them.
#[cfg(target_arch = "wasm32")]
fn browser_adapter_name(device: &wgpu::Device) -> Option<String> {
    let info = js_sys::Reflect::get(device.as_webgpu()?, &"adapterInfo".into()).ok()?;
    let text = |name: &str| {
        js_sys::Reflect::get(&info, &name.into())
            .ok()
            .and_then(|value| value.as_string())
            .filter(|text| !text.is_empty())
    };
    text("description").or_else(|| match (text("vendor"), text("architecture")) {
        (Some(vendor), Some(architecture)) => Some(format!("{vendor} {architecture}")),
        (vendor, architecture) => vendor.or(architecture),
    })
}
