// output[r] = replacement[r] where r's position in its sequence is at least `first_position`, else input[r].
//
// Puts a reconstruction in the place of the residual stream and keeps the first positions. All [rows, width].
// Bytes: 2 * rows * width * 4.

struct Parameters {
    rows: u32,
    width: u32,
    tokens_per_sequence: u32,
    first_position: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> replacement: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    let keep = row % parameters.tokens_per_sequence < parameters.first_position;
    for (var d = thread; d < parameters.width; d += threads) {
        let place = row * parameters.width + d;
        if (keep) {
            output[place] = input[place];
        } else {
            output[place] = replacement[place];
        }
    }
}
