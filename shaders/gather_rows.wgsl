// output[r] = input[index[r]], whole rows: input [input_rows, width], output [rows, width].
//
// The index of row r is word r * index_stride + index_word of `index`: a plain list, or one word of a row table.
// An index at or beyond input_rows fills its row with NaN, because a row of another place or of zeros would pass for a result.
// Values pass through as bits. One workgroup per row. Bytes: 2 * rows * width * 4.

struct Parameters {
    rows: u32,
    width: u32,
    input_rows: u32,
    index_stride: u32,
    index_word: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read_write> output: array<u32>;

const threads = 64u;
const quiet_nan = 0x7fc00000u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    let from_row = index[row * parameters.index_stride + parameters.index_word];
    for (var d = thread; d < parameters.width; d += threads) {
        var value = quiet_nan;
        if (from_row < parameters.input_rows) {
            value = input[from_row * parameters.width + d];
        }
        output[row * parameters.width + d] = value;
    }
}
