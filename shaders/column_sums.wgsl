// output[p, d] = sum over the rows r of piece p of factors[first_factor + r] * input[r, d], or of input[r, d] alone.
//
// A long sum takes two dispatches: one of pieces of `piece_rows` rows, and one of the pieces, in fixed order, which with one piece
// adds to the output or takes from it where `mode` says so (0: written, 1: added, 2: subtracted).
// Shapes: input [rows, width], its rows `stride` words apart; output [pieces, width]. Bytes: 4 * rows * width.

struct Parameters {
    rows: u32,
    width: u32,
    stride: u32,
    piece_rows: u32,
    first_factor: u32,
}

override has_factors: bool = false;
override mode: u32 = 0u;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> factors: array<f32>;
@group(0) @binding(2) var<storage, read> input: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let d = group.x * threads + thread;
    if (d >= parameters.width) {
        return;
    }
    let begin = group.y * parameters.piece_rows;
    let end = min(begin + parameters.piece_rows, parameters.rows);
    var sum = 0.0;
    for (var row = begin; row < end; row++) {
        var value = input[row * parameters.stride + d];
        if (has_factors) {
            value *= factors[parameters.first_factor + row];
        }
        sum += value;
    }
    let place = group.y * parameters.width + d;
    if (mode == 1u) {
        sum = output[place] + sum;
    } else if (mode == 2u) {
        sum = output[place] - sum;
    }
    output[place] = sum;
}
