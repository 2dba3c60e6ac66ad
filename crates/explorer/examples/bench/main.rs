//! Measures the kernels beside what the device could do, TopK beside its alternatives, and a model's passes.
//!
//!     cargo run --release -p explorer --example bench -- [--json PATH] [--demo FOLDER]
//!
//! Peak and copy bandwidth are measured in the same run, with kernels that do nothing else; a kernel's floor is the
//! larger of its operations at that peak and its bytes at that bandwidth. Where all of a kernel's data stays in a cache,
//! it can come out below its floor. Times are medians. Without a GPU adapter only the CPU device is measured.

mod kernels_table;
mod model;
mod peer;
mod sorting;
mod table;
mod timing;
mod topk;

use kernels::{Device, DeviceOptions};
use serde_json::json;

/// What a measurement gives, or whatever went wrong.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let mut json_path = None;
    let mut demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/demo").to_owned();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next();
        match (argument.as_str(), value) {
            ("--json", Some(path)) => json_path = Some(path),
            ("--demo", Some(folder)) => demo = folder,
            _ => return Err("usage: bench [--json PATH] [--demo FOLDER]".into()),
        }
    }

    let mut report = json!({});
    match pollster::block_on(Device::gpu(DeviceOptions::default())) {
        Err(error) => println!("Without a GPU: {error}\n"),
        Ok(device) => {
            let peer = pollster::block_on(peer::Peer::new())?;
            let machine = peer.machine()?;
            println!(
                "{}: {:.1} GFLOP/s, copies {:.1} GB/s (measured now)\n",
                device.adapter_name(),
                machine.flops / 1e9,
                machine.bytes_per_second / 1e9
            );
            report["gpu"] = json!({
                "adapter": device.adapter_name(),
                "flops": machine.flops,
                "copy_bytes_per_second": machine.bytes_per_second,
                "kernels": kernels_table::measure(&device, &machine)?,
                "topk": topk::measure(&device, &peer)?,
                "sae": kernels_table::measure_sae(&device, &machine)?,
                "model": model::measure(&device, &demo)?,
            });
        }
    }
    let cpu = Device::cpu();
    report["cpu"] = json!({
        "instruction_set": cpu.adapter_name(),
        "model": model::measure(&cpu, &demo)?,
    });
    if let Some(path) = json_path {
        std::fs::write(&path, serde_json::to_string_pretty(&report)?)?;
        println!("wrote {path}");
    }
    Ok(())
}
