// output[r] = replacement[r] where mask[r] is not 0, else input[r].
//
// Replaces an activation by a reconstruction at the positions that count, and keeps the others.
// Shapes: mask [rows], the others [rows, width]. Bytes: 2 * rows * width * 4.

struct Parameters {
    rows: u32,
    width: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> replacement: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    for (var d = thread; d < parameters.width; d += threads) {
        let place = row * parameters.width + d;
        if (mask[row] == 0u) {
            output[place] = input[place];
        } else {
            output[place] = replacement[place];
        }
    }
}
