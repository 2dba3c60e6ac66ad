// The input of an encoder: output[r] = (input[r] - mean) / (deviation + 1e-5) - b_dec, per row, and (mean, deviation).
//
// The deviation is unbiased (n - 1) and 1e-5 is added to it, as in OpenAI's sparse autoencoders and SAELens's
// `layer_norm`. Without `normalise` the row is taken as it is, and mean 0 and deviation 1 are written.
// Shapes: input, output [rows, width]; statistics [rows, 2]; b_dec [width]. Bytes: 2 * rows * width * 4.

struct Parameters {
    rows: u32,
    width: u32,
}

override normalise: bool = true;
override subtract_b_dec: bool = true;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> b_dec: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<f32>;

const threads = 64u;
var<workgroup> partial_sums: array<f32, threads>;

fn sum_over_workgroup(value: f32, thread: u32) -> f32 {
    workgroupBarrier();
    partial_sums[thread] = value;
    workgroupBarrier();
    var total = 0.0;
    for (var i = 0u; i < threads; i++) {
        total += partial_sums[i];
    }
    return total;
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    let width = parameters.width;
    let first = row * width;
    var mean = 0.0;
    var deviation = 1.0;
    var divisor = 1.0;
    if (normalise) {
        var sum = 0.0;
        for (var d = thread; d < width; d += threads) {
            sum += input[first + d];
        }
        mean = sum_over_workgroup(sum, thread) / f32(width);
        var squares = 0.0;
        for (var d = thread; d < width; d += threads) {
            let centred = input[first + d] - mean;
            squares += centred * centred;
        }
        deviation = sqrt(sum_over_workgroup(squares, thread) / f32(width - 1u));
        divisor = deviation + 1e-5;
    }
    for (var d = thread; d < width; d += threads) {
        var value = (input[first + d] - mean) / divisor;
        if (subtract_b_dec) {
            value -= b_dec[d];
        }
        output[first + d] = value;
    }
    if (thread == 0u) {
        statistics[row * 2u] = mean;
        statistics[row * 2u + 1u] = deviation;
    }
}
