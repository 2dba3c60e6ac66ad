//! The peer of TopK that sorts everything: a bitonic sort of (value, index) pairs on the GPU.

use crate::Result;
use crate::peer::Peer;
use crate::timing::median;

/// Pairs that a workgroup sorts in its memory.
const BLOCK: u32 = 512;

/// Descending by value, then ascending by index. Parameters: size and distance of the step, pairs a row.
const COMMON: &str = "
@group(0) @binding(0) var<storage, read_write> pairs: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> parameters: array<u32>;

// Larger keys are larger floats.
fn order_key(bits: u32) -> u32 {
    return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

fn goes_first(a: vec2<u32>, b: vec2<u32>) -> bool {
    let key_a = order_key(a.x);
    let key_b = order_key(b.x);
    return key_a > key_b || (key_a == key_b && a.y < b.y);
}
";

/// One step over all pairs, in device memory.
const STEP: &str = "
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = invocation.y * groups.x * 256u + invocation.x;
    let size = parameters[0];
    let distance = parameters[1];
    let first = (i / distance) * distance * 2u + i % distance;
    let a = pairs[first];
    let b = pairs[first + distance];
    let descending = ((first % parameters[2]) & size) == 0u;
    if (goes_first(b, a) == descending) {
        pairs[first] = b;
        pairs[first + distance] = a;
    }
}
";

/// All steps from `size` to `last_size` whose distance fits a block, in workgroup memory.
const LOCAL: &str = "
var<workgroup> block: array<vec2<u32>, 512>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first = (group.y * groups.x + group.x) * 512u;
    block[thread] = pairs[first + thread];
    block[thread + 256u] = pairs[first + thread + 256u];
    workgroupBarrier();
    for (var size = parameters[0]; size <= parameters[1]; size *= 2u) {
        for (var distance = min(size / 2u, 256u); distance > 0u; distance /= 2u) {
            let i = (thread / distance) * distance * 2u + thread % distance;
            let a = block[i];
            let b = block[i + distance];
            let descending = (((first + i) % parameters[2]) & size) == 0u;
            if (goes_first(b, a) == descending) {
                block[i] = b;
                block[i + distance] = a;
            }
            workgroupBarrier();
        }
    }
    pairs[first + thread] = block[thread];
    pairs[first + thread + 256u] = block[thread + 256u];
}
";

/// Sorts rows of `n` (a power of two) and returns the median seconds and the first `k` indices of the first row.
pub fn sort(
    peer: &Peer,
    values: &[f32],
    n: usize,
    k: usize,
    runs: usize,
) -> Result<(f64, Vec<u32>)> {
    let pairs: Vec<[u32; 2]> = values
        .iter()
        .enumerate()
        .map(|(i, value)| [value.to_bits(), (i % n) as u32])
        .collect();
    let buffer = peer.buffer(pairs.len() as u64 * 8);
    let step = peer.pipeline(&format!("{COMMON}{STEP}"));
    let local = peer.pipeline(&format!("{COMMON}{LOCAL}"));
    let bind = |pipeline: &wgpu::ComputePipeline, parameters: [u32; 3]| {
        let uniform = peer.buffer(16);
        peer.queue
            .write_buffer(&uniform, 0, bytemuck::bytes_of(&parameters));
        peer.bind(pipeline, &[&buffer, &uniform])
    };
    let row = n as u32;
    let mut passes = vec![(&local, bind(&local, [2, BLOCK, row]))];
    let mut size = BLOCK * 2;
    while size <= row {
        let mut distance = size / 2;
        while distance >= BLOCK {
            passes.push((&step, bind(&step, [size, distance, row])));
            distance /= 2;
        }
        passes.push((&local, bind(&local, [size, size, row])));
        size *= 2;
    }
    // 512 pairs a workgroup in both kernels; in two dimensions, because one may not be long enough.
    let workgroups = pairs.len() as u32 / BLOCK;
    let columns = workgroups.min(1 << 10);
    let run = || {
        peer.run(|pass| {
            for (pipeline, group) in &passes {
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, group, &[]);
                pass.dispatch_workgroups(columns, workgroups / columns, 1);
            }
        })
    };
    let upload = || {
        peer.queue
            .write_buffer(&buffer, 0, bytemuck::cast_slice(&pairs))
    };
    // A bitonic sort takes the same steps whatever the order is, so the runs need not start from the same one.
    upload();
    run()?;
    let seconds = median(runs, run)?;
    let staging = peer.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: k as u64 * 8,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = peer.device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(&buffer, 0, &staging, 0, k as u64 * 8);
    peer.queue.submit([encoder.finish()]);
    staging.map_async(wgpu::MapMode::Read, .., |_| {});
    peer.device.poll(wgpu::PollType::wait_indefinitely())?;
    let view = staging.get_mapped_range(..)?;
    let indices = bytemuck::cast_slice::<u8, [u32; 2]>(&view)
        .iter()
        .map(|pair| pair[1])
        .collect();
    Ok((seconds, indices))
}
