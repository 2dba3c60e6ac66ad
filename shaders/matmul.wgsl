// output[r, n] = epilogue(sum_k input[r, k] * weights[n, k] + bias[n]) + residual[r, n]
//
// The product for many rows (GEMM), tiled: a workgroup of 256 computes 64 rows by 64 outputs, 16 inputs at a time through
// workgroup memory, each invocation 4 by 4. Weights are [outputs, inputs], f32 or packed halves, one shard of rows.
// Tiles are kept as vectors of four inputs; a row of a tile is padded to five vectors, so that neighbouring invocations
// read from different banks. Operations: 2 * rows * inputs * outputs. Bytes from memory: each weight
// ceil(rows / 64) times, each input ceil(outputs / 64) times.

// import shared/product.wgsl
// import shared/weights.wgsl

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

const side = 16u;
const tile = 64u;
const tile_vectors = 4u;
const padded_vectors = 5u;

var<workgroup> input_tile: array<vec4<f32>, tile * padded_vectors>;
var<workgroup> weight_tile: array<vec4<f32>, tile * padded_vectors>;

fn read_input_vector(row: u32, k: u32) -> vec4<f32> {
    if (row >= parameters.rows) {
        return vec4<f32>();
    }
    let first = (parameters.input_first_row + row) * parameters.inputs;
    if (k + 3u < parameters.inputs) {
        return vec4<f32>(input[first + k], input[first + k + 1u], input[first + k + 2u], input[first + k + 3u]);
    }
    var values = vec4<f32>();
    for (var i = 0u; i < 4u; i++) {
        if (k + i < parameters.inputs) {
            values[i] = input[first + k + i];
        }
    }
    return values;
}

// Stored rows are padded with zeros to whole vectors, so only whole vectors are checked.
fn read_weight_vector(n: u32, k: u32) -> vec4<f32> {
    if (n >= parameters.outputs) {
        return vec4<f32>();
    }
    if (weights_f16) {
        let vector = k / 8u;
        if (vector >= parameters.row_vectors) {
            return vec4<f32>();
        }
        let words = weights[n * parameters.row_vectors + vector];
        if (k % 8u >= 4u) {
            return high_half(words);
        }
        return low_half(words);
    }
    let vector = k / 4u;
    if (vector >= parameters.row_vectors) {
        return vec4<f32>();
    }
    return bitcast<vec4<f32>>(weights[n * parameters.row_vectors + vector]);
}

@compute @workgroup_size(side, side)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let first_row = group.y * tile;
    let first_output = group.x * tile;
    // An invocation's rows and outputs are 16 apart, so that neighbours read neighbouring rows of the tiles.
    var sums_0 = vec4<f32>();
    var sums_1 = vec4<f32>();
    var sums_2 = vec4<f32>();
    var sums_3 = vec4<f32>();
    let load_row = thread / tile_vectors;
    let load_vector = thread % tile_vectors;
    for (var k = 0u; k < parameters.inputs; k += tile_vectors * 4u) {
        input_tile[load_row * padded_vectors + load_vector] = read_input_vector(first_row + load_row, k + load_vector * 4u);
        weight_tile[load_row * padded_vectors + load_vector] = read_weight_vector(first_output + load_row, k + load_vector * 4u);
        workgroupBarrier();
        for (var v = 0u; v < tile_vectors; v++) {
            let x_0 = input_tile[local.y * padded_vectors + v];
            let x_1 = input_tile[(local.y + side) * padded_vectors + v];
            let x_2 = input_tile[(local.y + 2u * side) * padded_vectors + v];
            let x_3 = input_tile[(local.y + 3u * side) * padded_vectors + v];
            let w_0 = weight_tile[local.x * padded_vectors + v];
            let w_1 = weight_tile[(local.x + side) * padded_vectors + v];
            let w_2 = weight_tile[(local.x + 2u * side) * padded_vectors + v];
            let w_3 = weight_tile[(local.x + 3u * side) * padded_vectors + v];
            sums_0 += vec4<f32>(dot(x_0, w_0), dot(x_0, w_1), dot(x_0, w_2), dot(x_0, w_3));
            sums_1 += vec4<f32>(dot(x_1, w_0), dot(x_1, w_1), dot(x_1, w_2), dot(x_1, w_3));
            sums_2 += vec4<f32>(dot(x_2, w_0), dot(x_2, w_1), dot(x_2, w_2), dot(x_2, w_3));
            sums_3 += vec4<f32>(dot(x_3, w_0), dot(x_3, w_1), dot(x_3, w_2), dot(x_3, w_3));
        }
        workgroupBarrier();
    }
    for (var j = 0u; j < 4u; j++) {
        let n = first_output + local.x + j * side;
        finish(first_row + local.y, n, sums_0[j]);
        finish(first_row + local.y + side, n, sums_1[j]);
        finish(first_row + local.y + 2u * side, n, sums_2[j]);
        finish(first_row + local.y + 3u * side, n, sums_3[j]);
    }
}
