// output[r, d] = token_embedding[token[r], d] + position_embedding[position[r], d]
//
// Shapes: token_embedding [vocabulary, d_model] (one shard of its rows), position_embedding [n_positions, d_model],
// output [rows, d_model]. Token and position of each row come from the row table.
// A row whose token lies in another shard is left alone: each token lies in exactly one.
// Called at the start of every forward pass. Bytes: 3 * rows * d_model * 4.

struct Parameters {
    rows: u32,
    width: u32,
    row_words: u32,
    shard_first_row: u32,
    shard_rows: u32,
}

override weights_f16: bool = false;
override add_token: bool = true;
override add_position: bool = true;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> token_embedding: array<u32>;
@group(0) @binding(3) var<storage, read> position_embedding: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

const threads = 64u;
const table_row_words = 8u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    if (row >= parameters.rows) {
        return;
    }
    let token = rows[row * table_row_words];
    if (token < parameters.shard_first_row || token - parameters.shard_first_row >= parameters.shard_rows) {
        return;
    }
    let position = rows[row * table_row_words + 1u];
    let first_word = (token - parameters.shard_first_row) * parameters.row_words;
    for (var d = thread; d < parameters.width; d += threads) {
        var value = 0.0;
        if (add_token) {
            if (weights_f16) {
                value = unpack2x16float(token_embedding[first_word + d / 2u])[d % 2u];
            } else {
                value = bitcast<f32>(token_embedding[first_word + d]);
            }
        }
        if (add_position) {
            value += position_embedding[position * parameters.width + d];
        }
        output[row * parameters.width + d] = value;
    }
}
