// output[r, n] = epilogue(sum_k input[r, k] * weights[n, k] + bias[n]) + residual[r, n]
//
// The product for several rows on an adapter in software, which runs the invocations of a workgroup in turn: what
// matmul.wgsl computes, without workgroup memory and without barriers. An invocation computes four rows by four outputs.
// Weights are [outputs, inputs], f32 or packed f16, one shard of rows. Operations: 2 * rows * inputs * outputs.
// Bytes from cache: each weight ceil(rows / 4) times, each input ceil(outputs / 4) times.

// import shared/product.wgsl
// import shared/weights.wgsl

// True where the inputs fill whole vectors of weights; if not, reads past the row's end count as zero.
override aligned: bool = true;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

const threads = 16u;
const side = 4u;

fn read_input(first: u32, k: u32) -> f32 {
    if (!aligned && k >= parameters.inputs) {
        return 0.0;
    }
    return input[first + k];
}

fn read_input_vector(first: u32, k: u32) -> vec4<f32> {
    return vec4<f32>(
        read_input(first, k),
        read_input(first, k + 1u),
        read_input(first, k + 2u),
        read_input(first, k + 3u),
    );
}

fn products(first: u32, k: u32, w_0: vec4<f32>, w_1: vec4<f32>, w_2: vec4<f32>, w_3: vec4<f32>) -> vec4<f32> {
    let x = read_input_vector(first, k);
    return vec4<f32>(dot(x, w_0), dot(x, w_1), dot(x, w_2), dot(x, w_3));
}

fn finish_row(row: u32, n: u32, sums: vec4<f32>) {
    finish(row, n, sums.x);
    finish(row, n + 1u, sums.y);
    finish(row, n + 2u, sums.z);
    finish(row, n + 3u, sums.w);
}

@compute @workgroup_size(threads)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let first_row = invocation.y * side;
    let first_output = invocation.x * side;
    if (first_output >= parameters.outputs) {
        return;
    }
    // Past the last row and output the last one is computed again, and not written.
    let last_row = parameters.rows - 1u;
    let last_output = parameters.outputs - 1u;
    let inputs = parameters.inputs;
    let vectors = parameters.row_vectors;
    let x_row_0 = (parameters.input_first_row + min(first_row + 0u, last_row)) * inputs;
    let x_row_1 = (parameters.input_first_row + min(first_row + 1u, last_row)) * inputs;
    let x_row_2 = (parameters.input_first_row + min(first_row + 2u, last_row)) * inputs;
    let x_row_3 = (parameters.input_first_row + min(first_row + 3u, last_row)) * inputs;
    let w_row_0 = min(first_output + 0u, last_output) * vectors;
    let w_row_1 = min(first_output + 1u, last_output) * vectors;
    let w_row_2 = min(first_output + 2u, last_output) * vectors;
    let w_row_3 = min(first_output + 3u, last_output) * vectors;
    var sums_0 = vec4<f32>();
    var sums_1 = vec4<f32>();
    var sums_2 = vec4<f32>();
    var sums_3 = vec4<f32>();
    for (var v = 0u; v < vectors; v++) {
        let words_0 = weights[w_row_0 + v];
        let words_1 = weights[w_row_1 + v];
        let words_2 = weights[w_row_2 + v];
        let words_3 = weights[w_row_3 + v];
        if (weights_f16) {
            let low_0 = low_half(words_0);
            let low_1 = low_half(words_1);
            let low_2 = low_half(words_2);
            let low_3 = low_half(words_3);
            sums_0 += products(x_row_0, v * 8u, low_0, low_1, low_2, low_3);
            sums_1 += products(x_row_1, v * 8u, low_0, low_1, low_2, low_3);
            sums_2 += products(x_row_2, v * 8u, low_0, low_1, low_2, low_3);
            sums_3 += products(x_row_3, v * 8u, low_0, low_1, low_2, low_3);
            let high_0 = high_half(words_0);
            let high_1 = high_half(words_1);
            let high_2 = high_half(words_2);
            let high_3 = high_half(words_3);
            sums_0 += products(x_row_0, v * 8u + 4u, high_0, high_1, high_2, high_3);
            sums_1 += products(x_row_1, v * 8u + 4u, high_0, high_1, high_2, high_3);
            sums_2 += products(x_row_2, v * 8u + 4u, high_0, high_1, high_2, high_3);
            sums_3 += products(x_row_3, v * 8u + 4u, high_0, high_1, high_2, high_3);
        } else {
            let w_0 = bitcast<vec4<f32>>(words_0);
            let w_1 = bitcast<vec4<f32>>(words_1);
            let w_2 = bitcast<vec4<f32>>(words_2);
            let w_3 = bitcast<vec4<f32>>(words_3);
            sums_0 += products(x_row_0, v * 4u, w_0, w_1, w_2, w_3);
            sums_1 += products(x_row_1, v * 4u, w_0, w_1, w_2, w_3);
            sums_2 += products(x_row_2, v * 4u, w_0, w_1, w_2, w_3);
            sums_3 += products(x_row_3, v * 4u, w_0, w_1, w_2, w_3);
        }
    }
    finish_row(first_row + 0u, first_output, sums_0);
    finish_row(first_row + 1u, first_output, sums_1);
    finish_row(first_row + 2u, first_output, sums_2);
    finish_row(first_row + 3u, first_output, sums_3);
}
