// output[r, d] = input[r, d] * weight[d] + bias[d], the second half of a LayerNorm whose first half was looked at.
//
// Shapes: input, output [rows, width]; weight_bias [2, width], the weight first. Bytes: 2 * rows * width * 4.

struct Parameters {
    rows: u32,
    width: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> weight_bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let width = parameters.width;
    for (var d = thread; d < width; d += threads) {
        output[group.x * width + d] = input[group.x * width + d] * weight_bias[d] + weight_bias[width + d];
    }
}
