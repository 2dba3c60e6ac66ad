// output[r, n] = epilogue(sum_k normalise(input)[r, k] * weights[n, k] + bias[n]) + residual[r, n]
//
// The product for few rows (GEMV). Weights are [outputs, inputs], f32 or packed f16, one shard of rows.
// `normalise` applies LayerNorm to the input row on the way in, which saves the dispatch of layer_norm.wgsl:
// each workgroup needs the row's statistics, 2 * inputs reads from cache against 16 * inputs weights.
// `activation` is GPT-2's GELU by tanh, or the exact one.
//
// `lanes` invocations share a row of weights: 16 on a GPU, so that a quarter of a workgroup reads 256 consecutive bytes,
// and one where invocations run in turn, which then needs no barrier. Each keeps four outputs.
// Operations: 2 * rows * inputs * outputs. Bytes: outputs * inputs * (4 or 2), read once: the floor.

// import shared/product.wgsl
// import shared/weights.wgsl
// import shared/row_moments.wgsl

// True where the inputs fill whole vectors of weights; if not, reads past the row's end count as zero.
override aligned: bool = true;
override normalise: bool = false;

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

var<workgroup> partial_outputs: array<vec4<f32>, max_threads>;

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

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.y;
    let inputs = parameters.inputs;
    let first = (parameters.input_first_row + row) * inputs;
    var mean = 0.0;
    var scale = 1.0;
    if (normalise) {
        let moments = row_moments(first, inputs, thread);
        mean = moments.mean;
        scale = 1.0 / sqrt(moments.variance + parameters.epsilon);
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
                dot(x_low, low_half(w_0)) + dot(x_high, high_half(w_0)),
                dot(x_low, low_half(w_1)) + dot(x_high, high_half(w_1)),
                dot(x_low, low_half(w_2)) + dot(x_high, high_half(w_2)),
                dot(x_low, low_half(w_3)) + dot(x_high, high_half(w_3)),
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
