// output[r, n] = epilogue(sum_k input[r, k] * weights[n, k] + bias[n]) + residual[r, n]
//
// The product for many rows (GEMM), tiled: a workgroup of 256 computes 64 rows by 64 outputs, 16 inputs at a time through
// workgroup memory, each invocation 4 by 4. Weights are [outputs, inputs], f32 or packed f16, one shard of rows.
// Tiles are kept as vectors of four inputs; a row of a tile is padded to five vectors, so that neighbouring invocations
// read from different banks. Workgroups next to each other have the same weights and other rows: they run at the same
// time, so that the weights, which are larger than a cache, come from memory once.
// Operations: 2 * rows * inputs * outputs. Bytes from cache: each weight ceil(rows / 64) times, each input
// ceil(outputs / 64) times. Where that makes too few workgroups for a GPU, matmul_small.wgsl is taken.

// import shared/product_tiles.wgsl

const side = 16u;
const tile = 64u;
const tile_vectors = 4u;
const padded_vectors = 5u;

var<workgroup> input_tile: array<vec4<f32>, tile * padded_vectors>;
var<workgroup> weight_tile: array<vec4<f32>, tile * padded_vectors>;

@compute @workgroup_size(side, side)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let first_row = group.x * tile;
    let first_output = group.y * tile;
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
