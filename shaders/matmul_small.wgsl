// output[r, n] = epilogue(sum_k input[r, k] * weights[n, k] + bias[n]) + residual[r, n]
//
// The tiled product for few workgroups: what matmul.wgsl computes, with tiles of 16 rows by 16 outputs. A prompt of 5 to 64
// tokens into 768 outputs makes 12 workgroups of 64 by 64, for GPUs of 20 to 130 cores, and up to 59 of its 64 rows are
// padding; here it makes 48 to 192, and at most 11 rows are padding.
//
// The four quarters of a workgroup split the inputs (split K): each step brings 64 inputs, of which a quarter takes 16, and
// each invocation sums 2 by 2 outputs over them. So a workgroup waits for memory inputs / 64 times instead of inputs / 16,
// which is what a small product costs, with as many reads of workgroup memory per operation as FMAs can follow (four
// vectors for 16 operations of each lane). At the end the four sums of each output are added in workgroup memory, in one
// order, so that results are the same in every run.
// Tiles are kept as vectors of four inputs; a row of a tile is padded to 17 vectors, so that neighbouring invocations read
// from different banks. Workgroup memory: 8.5 KiB.
// Workgroups next to each other have the same weights and other rows: they run at the same time, so that each weight comes
// from memory once and from the cache ceil(rows / 16) times. Operations: 2 * rows * inputs * outputs. Bytes from cache: each
// weight ceil(rows / 16) times (4 or 2 bytes), each input ceil(outputs / 16) times.

// import shared/product_tiles.wgsl

const threads = 256u;
const tile = 16u;
const tile_vectors = 16u;
const padded_vectors = 17u;
const slices = 4u;
const slice_threads = 64u;
const slice_vectors = 4u;
// Rows and outputs of an invocation are this far apart.
const side = 8u;

// After the last step it holds every invocation's sums.
var<workgroup> input_tile: array<vec4<f32>, tile * padded_vectors>;
var<workgroup> weight_tile: array<vec4<f32>, tile * padded_vectors>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_row = group.x * tile;
    let first_output = group.y * tile;
    let load_row = thread / tile_vectors;
    let load_vector = thread % tile_vectors;
    let loaded = load_row * padded_vectors + load_vector;
    let first_vector = thread / slice_threads * slice_vectors;
    let x_row = thread % slice_threads / side * padded_vectors + first_vector;
    let w_row = thread % side * padded_vectors + first_vector;
    // (row, output), (row, output + 8), (row + 8, output), (row + 8, output + 8)
    var sums = vec4<f32>();
    for (var k = 0u; k < parameters.inputs; k += tile_vectors * 4u) {
        input_tile[loaded] = read_input_vector(first_row + load_row, k + load_vector * 4u);
        weight_tile[loaded] = read_weight_vector(first_output + load_row, k + load_vector * 4u);
        workgroupBarrier();
        for (var v = 0u; v < slice_vectors; v++) {
            let x_0 = input_tile[x_row + v];
            let x_1 = input_tile[x_row + side * padded_vectors + v];
            let w_0 = weight_tile[w_row + v];
            let w_1 = weight_tile[w_row + side * padded_vectors + v];
            sums += vec4<f32>(dot(x_0, w_0), dot(x_0, w_1), dot(x_1, w_0), dot(x_1, w_1));
        }
        workgroupBarrier();
    }
    input_tile[thread] = sums;
    workgroupBarrier();
    let row = thread / tile;
    let n = thread % tile;
    let owner = row % side * side + n % side;
    let component = row / side * 2u + n / side;
    var total = 0.0;
    for (var slice = 0u; slice < slices; slice++) {
        total += input_tile[slice * slice_threads + owner][component];
    }
    finish(first_row + row, first_output + n, total);
}
