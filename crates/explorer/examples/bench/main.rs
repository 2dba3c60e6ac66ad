//! Measures the kernels beside what the device could do, TopK beside its alternatives, and a model's passes.
//!
//!     cargo run --release -p explorer --example bench -- [--json PATH] [--demo FOLDER] [--only cpu|steering]
//!
//! Peak and copy bandwidth are measured in the same run, with kernels that do nothing else; a kernel's floor is the
//! larger of its operations at that peak and its bytes at that bandwidth. Where all of a kernel's data stays in a cache,
//! it can come out below its floor. Times are medians. Without a GPU adapter only the CPU device is measured.

mod batches;
mod decoder;
mod demo;
mod full_size;
mod kernels_table;
mod model;
mod peer;
mod profile;
mod sorting;
mod steering;
mod table;
mod timing;
mod topk;

use kernels::{Device, DeviceOptions};
use serde_json::{Value, json};

/// What a measurement gives, or whatever went wrong.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let mut json_path = None;
    let mut with_gpu = true;
    let mut demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/demo").to_owned();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next();
        match (argument.as_str(), value) {
            ("--json", Some(path)) => json_path = Some(path),
            ("--demo", Some(folder)) => demo = folder,
            ("--only", Some(device)) if device == "cpu" => with_gpu = false,
            // While one works on it.
            ("--only", Some(part)) if part == "steering" => {
                steering::measure(&Device::cpu(), &demo)?;
                return Ok(());
            }
            _ => {
                return Err(
                    "usage: bench [--json PATH] [--demo FOLDER] [--only cpu|steering]".into(),
                );
            }
        }
    }

    let mut report = json!({});
    if with_gpu {
        report["gpu"] = gpu(&demo)?;
    }
    let cpu = Device::cpu();
    report["cpu"] = json!({
        "instruction_set": cpu.adapter_name(),
        "threads": cpu.threads(),
        "model": model::measure(&cpu, &demo)?,
        "batches": batches::measure(&cpu, &demo)?,
        "steering": steering::measure(&cpu, &demo)?,
        "full_size": full_size::measure(&cpu)?,
    });
    if let Some(path) = json_path {
        std::fs::write(&path, serde_json::to_string_pretty(&report)?)?;
        println!("wrote {path}");
    }
    Ok(())
}

/// The half on the GPU; null where there is none.
fn gpu(demo: &str) -> Result<Value> {
    let device = match pollster::block_on(Device::gpu(DeviceOptions::default())) {
        Ok(device) => device,
        Err(error) => {
            println!("Without a GPU: {error}\n");
            return Ok(Value::Null);
        }
    };
    let peer = pollster::block_on(peer::Peer::new())?;
    let machine = peer.machine()?;
    println!(
        "{}: {:.1} GFLOP/s, copies {:.1} GB/s (measured now)\n",
        device.adapter_name(),
        machine.flops / 1e9,
        machine.bytes_per_second / 1e9
    );
    Ok(json!({
        "adapter": device.adapter_name(),
        "flops": machine.flops,
        "copy_bytes_per_second": machine.bytes_per_second,
        "kernels": kernels_table::measure(&device, &machine)?,
        "topk": topk::measure(&device, &peer)?,
        "sae": kernels_table::measure_sae(&device, &machine)?,
        "model": model::measure(&device, demo)?,
        "batches": batches::measure(&device, demo)?,
        "steering": steering::measure(&device, demo)?,
        "profile": profile::measure(&device, demo, machine.bytes_per_second)?,
    }))
}
