// output[r, d] = (input[r, d] - mean) / sqrt(variance + epsilon) * weight[d] + bias[d]
//
// mean and variance (biased) are over d. Shapes: input, output [rows, width]; weight_bias [2, width] (weight, then bias).
// Called before the tiled products of a prefill; a decoded token uses the form fused into linear.wgsl.
// Bytes: 2 * rows * width * 4; the row is read three times, from cache after the first.

// import shared/row_moments.wgsl

struct Parameters {
    rows: u32,
    width: u32,
    input_first_row: u32,
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> weight_bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 64u;
const max_threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    let width = parameters.width;
    let first = (parameters.input_first_row + row) * width;
    let moments = row_moments(first, width, thread);
    let scale = 1.0 / sqrt(moments.variance + parameters.epsilon);
    for (var d = thread; d < width; d += threads) {
        let normalised = (input[first + d] - moments.mean) * scale;
        output[row * width + d] = normalised * weight_bias[d] + weight_bias[width + d];
    }
}
