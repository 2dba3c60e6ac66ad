// output[r, n] = epilogue(sum_k normalise(input)[r, k] * weights[n, k] + bias[n]) + residual[r, n]
//
// The product for few rows (GEMV). Weights are [outputs, inputs], f32 or packed halves, one shard of rows.
// `normalise` applies LayerNorm to the input row on the way in, which saves the dispatch of layer_norm.wgsl:
// each workgroup needs the row's statistics, 2 * inputs reads from cache against 16 * inputs weights.
// `activation` is GPT-2's GELU by tanh, or the exact one.
//
// `lanes` invocations share a row of weights: 16 on a GPU, so that a quarter of a workgroup reads 256 consecutive bytes,
// and one where invocations run in turn, which then needs no barrier. Each keeps four outputs.
// Operations: 2 * rows * inputs * outputs. Bytes: outputs * inputs * (4 or 2), read once: the floor.

struct Parameters {
    rows: u32,
    inputs: u32,
    outputs: u32,
    row_vectors: u32,
    input_first_row: u32,
    output_stride: u32,
    output_offset: u32,
    bias_offset: u32,
    epsilon: f32,
}

override weights_f16: bool = false;
// Whether the inputs fill whole vectors of weights; if not, reads past the row's end count as zero.
override aligned: bool = true;
override normalise: bool = false;
// 0: none, 1: GELU by tanh, 2: exact GELU.
override activation: u32 = 0u;
override has_bias: bool = false;
override has_residual: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> norm_weight_bias: array<f32>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read> residual: array<f32>;
@group(0) @binding(6) var<storage, read_write> output: array<f32>;

override threads: u32 = 64u;
override lanes: u32 = 16u;
const max_threads = 64u;
const outputs_per_lane = 4u;

var<workgroup> partial_sums: array<f32, max_threads>;
var<workgroup> partial_outputs: array<vec4<f32>, max_threads>;

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

fn read_input(first: u32, k: u32, mean: f32, scale: f32) -> f32 {
    if (!aligned && k >= parameters.inputs) {
        return 0.0;
    }
    let value = input[first + k];
    if (normalise) {
        return (value - mean) * scale * norm_weight_bias[k] + norm_weight_bias[parameters.inputs + k];
    }
    return value;
}

fn read_input_vector(first: u32, k: u32, mean: f32, scale: f32) -> vec4<f32> {
    return vec4<f32>(
        read_input(first, k, mean, scale),
        read_input(first, k + 1u, mean, scale),
        read_input(first, k + 2u, mean, scale),
        read_input(first, k + 3u, mean, scale),
    );
}

fn gelu_tanh(x: f32) -> f32 {
    // sqrt(2 / pi); tanh is clamped because exp overflows beyond |x| of about 44 on some devices.
    let inner = clamp(0.7978845608 * (x + 0.044715 * x * x * x), -20.0, 20.0);
    return 0.5 * x * (1.0 + tanh(inner));
}

// Phi(x) = erfc(-x / sqrt(2)) / 2, with erfc by the Chebyshev fit of Press et al., Numerical Recipes, 2nd ed., section 6.2
// (erfcc): a relative error below 1.2e-7 everywhere, so that the tails keep their digits.
fn gelu_exact(x: f32) -> f32 {
    let z = abs(x) * 0.7071067811865476;
    let t = 1.0 / (1.0 + 0.5 * z);
    let high = -1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277));
    let low = 1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 + t * high))));
    // Beyond 80 it is 0 long before.
    let tail = 0.5 * t * exp(max(-z * z - 1.26551223 + t * low, -80.0));
    return x * select(tail, 1.0 - tail, x > 0.0);
}

fn finish(row: u32, n: u32, sum: f32) {
    if (n >= parameters.outputs) {
        return;
    }
    var total = sum;
    if (has_bias) {
        total += bias[parameters.bias_offset + n];
    }
    if (activation == 1u) {
        total = gelu_tanh(total);
    } else if (activation == 2u) {
        total = gelu_exact(total);
    }
    let column = parameters.output_offset + n;
    if (has_residual) {
        total += residual[row * parameters.output_stride + column];
    }
    output[row * parameters.output_stride + column] = total;
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.y;
    let inputs = parameters.inputs;
    let first = (parameters.input_first_row + row) * inputs;
    var mean = 0.0;
    var scale = 1.0;
    if (normalise) {
        var sum = 0.0;
        for (var k = thread; k < inputs; k += threads) {
            sum += input[first + k];
        }
        mean = sum_over_workgroup(sum, thread) / f32(inputs);
        var squares = 0.0;
        for (var k = thread; k < inputs; k += threads) {
            let centred = input[first + k] - mean;
            squares += centred * centred;
        }
        let variance = sum_over_workgroup(squares, thread) / f32(inputs);
        scale = 1.0 / sqrt(variance + parameters.epsilon);
    }

    let lane = thread % lanes;
    let outputs_per_workgroup = threads / lanes * outputs_per_lane;
    let first_output = group.x * outputs_per_workgroup + thread / lanes * outputs_per_lane;
    let last = parameters.outputs - 1u;
    let vectors = parameters.row_vectors;
    let row_0 = min(first_output, last) * vectors;
    let row_1 = min(first_output + 1u, last) * vectors;
    let row_2 = min(first_output + 2u, last) * vectors;
    let row_3 = min(first_output + 3u, last) * vectors;
    var sums = vec4<f32>();
    for (var v = lane; v < vectors; v += lanes) {
        let w_0 = weights[row_0 + v];
        let w_1 = weights[row_1 + v];
        let w_2 = weights[row_2 + v];
        let w_3 = weights[row_3 + v];
        if (weights_f16) {
            let x_low = read_input_vector(first, v * 8u, mean, scale);
            let x_high = read_input_vector(first, v * 8u + 4u, mean, scale);
            sums += vec4<f32>(
                dot(x_low, vec4<f32>(unpack2x16float(w_0.x), unpack2x16float(w_0.y))) + dot(x_high, vec4<f32>(unpack2x16float(w_0.z), unpack2x16float(w_0.w))),
                dot(x_low, vec4<f32>(unpack2x16float(w_1.x), unpack2x16float(w_1.y))) + dot(x_high, vec4<f32>(unpack2x16float(w_1.z), unpack2x16float(w_1.w))),
                dot(x_low, vec4<f32>(unpack2x16float(w_2.x), unpack2x16float(w_2.y))) + dot(x_high, vec4<f32>(unpack2x16float(w_2.z), unpack2x16float(w_2.w))),
                dot(x_low, vec4<f32>(unpack2x16float(w_3.x), unpack2x16float(w_3.y))) + dot(x_high, vec4<f32>(unpack2x16float(w_3.z), unpack2x16float(w_3.w))),
            );
        } else {
            let x = read_input_vector(first, v * 4u, mean, scale);
            sums += vec4<f32>(
                dot(x, bitcast<vec4<f32>>(w_0)),
                dot(x, bitcast<vec4<f32>>(w_1)),
                dot(x, bitcast<vec4<f32>>(w_2)),
                dot(x, bitcast<vec4<f32>>(w_3)),
            );
        }
    }
    if (lanes == 1u) {
        for (var i = 0u; i < outputs_per_lane; i++) {
            finish(row, first_output + i, sums[i]);
        }
        return;
    }
    partial_outputs[thread] = sums;
    workgroupBarrier();
    if (thread < outputs_per_workgroup) {
        let first_partial = thread / outputs_per_lane * lanes;
        var total = 0.0;
        for (var i = 0u; i < lanes; i++) {
            total += partial_outputs[first_partial + i][thread % outputs_per_lane];
        }
        finish(row, group.x * outputs_per_workgroup + thread, total);
    }
}
