// Edits of latents, read from a table on the device, applied in place and with the autoencoder's error term kept:
//
//   activation[r] += deviation[r] * sum over edits of (new - old) * W_dec[latent]
//
// `edits` holds the number of edits in word 0 (cut to `capacity`), and from word 4 on eight words per edit: set, sequence
// (0xffffffff for all), first position, end position (exclusive), latent, operation (0 set, 1 add, 2 scale), value (f32),
// condition (from 1; 0 for none). An edit applies to row r where its set is `of_set`, the row table's position and sequence of r
// match, and its condition's gate in `gates` [rows, conditions] is not 0; 2 stands for a condition that is not known, and gives
// NaN.
// new - old is value - old (set), value (add), or old * value - old (scale).
//
// `old_kind`: 0, `old_latents` and `old_values` [.., width_old] list the latents of a row, and an unlisted one is 0;
// 1, `old_values` [.., width_old] holds every latent; 2, the activation itself as the edits before this one left it.
// With `by_source` old values and statistics are those of the row table's word `source`; one at or beyond `old_rows` gives NaN.
// `identity`: latent i writes dimension i; else `directions` is the shard of W_dec whose first row is shard_first_row, f32
// or packed f16, and the edits of its latents alone apply.
//
// A row stays bit for bit as it is where no edit changes a latent. One workgroup per row; each invocation owns every 64th
// dimension, so edits add up in the table's order without barriers.
// Bytes per row: 32 per edit, and (8 * width_old + (12 or 10) * width) per edit that applies; nothing is written otherwise.

// import shared/weights.wgsl

struct Parameters {
    rows: u32,
    width: u32,
    width_old: u32,
    old_rows: u32,
    row_words: u32,
    shard_first_row: u32,
    shard_rows: u32,
    capacity: u32,
    of_set: u32,
    conditions: u32,
}

override old_kind: u32 = 0u;
override relu: bool = false;
override by_source: bool = false;
override has_statistics: bool = false;
override identity: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> edits: array<u32>;
@group(0) @binding(2) var<storage, read> rows_table: array<u32>;
@group(0) @binding(3) var<storage, read> old_latents: array<u32>;
@group(0) @binding(4) var<storage, read> old_values: array<f32>;
@group(0) @binding(5) var<storage, read> statistics: array<f32>;
@group(0) @binding(6) var<storage, read> directions: array<u32>;
@group(0) @binding(7) var<storage, read_write> activation: array<f32>;
@group(0) @binding(8) var<storage, read> gates: array<u32>;

const threads = 64u;
const edit_header = 4u;
const edit_words = 8u;
const row_words_of_table = 8u;
const table_position = 1u;
const table_sequence = 5u;
const table_source = 6u;
const every_sequence = 0xffffffffu;

fn old_value(row: u32, from_row: u32, latent: u32) -> f32 {
    if (old_kind == 2u) {
        return activation[row * parameters.width + latent];
    }
    var value = 0.0;
    if (old_kind == 1u) {
        value = old_values[from_row * parameters.width_old + latent];
        if (relu && value < 0.0) {
            value = 0.0;
        }
        return value;
    }
    for (var i = 0u; i < parameters.width_old; i++) {
        if (old_latents[from_row * parameters.width_old + i] == latent) {
            return old_values[from_row * parameters.width_old + i];
        }
    }
    return 0.0;
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    let position = rows_table[row * row_words_of_table + table_position];
    let sequence = rows_table[row * row_words_of_table + table_sequence];
    var from_row = row;
    if (by_source) {
        from_row = rows_table[row * row_words_of_table + table_source];
    }
    let known = from_row < parameters.old_rows;
    // A variable: WGSL refuses a NaN in a constant expression.
    var nan_bits = 0x7fc00000u;
    let not_a_number = bitcast<f32>(nan_bits);
    var deviation = 1.0;
    if (has_statistics) {
        deviation = not_a_number;
        if (known) {
            deviation = statistics[from_row * 2u + 1u];
        }
    }
    let count = min(edits[0], parameters.capacity);
    for (var e = 0u; e < count; e++) {
        let first = edit_header + e * edit_words;
        let of_sequence = edits[first + 1u];
        if (edits[first] != parameters.of_set || (of_sequence != every_sequence && of_sequence != sequence)) {
            continue;
        }
        if (position < edits[first + 2u] || position >= edits[first + 3u]) {
            continue;
        }
        let latent = edits[first + 4u];
        if (latent < parameters.shard_first_row || latent - parameters.shard_first_row >= parameters.shard_rows) {
            continue;
        }
        if (identity && latent % threads != thread) {
            continue;
        }
        let condition = edits[first + 7u];
        var gate = 1u;
        if (condition != 0u) {
            gate = 0u;
            if (condition <= parameters.conditions) {
                gate = gates[row * parameters.conditions + condition - 1u];
            }
        }
        if (gate == 0u) {
            continue;
        }
        let operation = edits[first + 5u];
        let value = bitcast<f32>(edits[first + 6u]);
        var delta = value;
        if (operation != 1u) {
            var old = not_a_number;
            if (known) {
                old = old_value(row, from_row, latent);
            }
            if (operation == 0u) {
                delta = value - old;
            } else {
                delta = old * value - old;
            }
        }
        if (gate == 2u) {
            delta = not_a_number;
        }
        let change = delta * deviation;
        if (change == 0.0) {
            continue;
        }
        if (identity) {
            activation[row * parameters.width + latent] += change;
            continue;
        }
        let first_word = (latent - parameters.shard_first_row) * parameters.row_words;
        for (var d = thread; d < parameters.width; d += threads) {
            activation[row * parameters.width + d] += change * weight_in(directions[first_word + word_of(d)], d);
        }
    }
}
