// Conditions of edits: for each row and condition, whether a latent's activation is above a bound.
//
//   gates[r, c] = 1 where latent(c) of row r is above bound(c), 0 where not, 2 where it is not a number
//
// `conditions` holds their number in word 0 (cut to `capacity`), and from word 4 on four words per condition: set, latent,
// bound (f32), reserved. The conditions of `of_set` alone are written; gates [rows, capacity] keep the others.
//
// `old_kind`: 0, `old_latents` and `old_values` [.., width_old] list the latents of a row, and an unlisted one is 0;
// 1, `old_values` [.., width_old] holds every latent, below 0 taken as 0 with `relu`. With `by_source` they are those of the row
// table's word `source`; one at or beyond `old_rows` is not a number, and so is a latent at or beyond `latents`.
//
// One workgroup per row, one invocation per condition. Bytes per row: (16 + 8 * width_old + 4) per condition of the set.

struct Parameters {
    rows: u32,
    width_old: u32,
    old_rows: u32,
    capacity: u32,
    of_set: u32,
    latents: u32,
}

override old_kind: u32 = 0u;
override relu: bool = false;
override by_source: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> conditions: array<u32>;
@group(0) @binding(2) var<storage, read> rows_table: array<u32>;
@group(0) @binding(3) var<storage, read> old_latents: array<u32>;
@group(0) @binding(4) var<storage, read> old_values: array<f32>;
@group(0) @binding(5) var<storage, read_write> gates: array<u32>;

const threads = 64u;
const header = 4u;
const condition_words = 4u;
const row_words_of_table = 8u;
const table_source = 6u;
const undefined = 2u;

fn gate(from_row: u32, latent: u32, bound: f32) -> u32 {
    if (from_row >= parameters.old_rows || latent >= parameters.latents) {
        return undefined;
    }
    var value = 0.0;
    if (old_kind == 1u) {
        value = old_values[from_row * parameters.width_old + latent];
        if (relu && value < 0.0) {
            value = 0.0;
        }
    } else {
        for (var i = 0u; i < parameters.width_old; i++) {
            if (old_latents[from_row * parameters.width_old + i] == latent) {
                value = old_values[from_row * parameters.width_old + i];
                break;
            }
        }
    }
    // By its bits: what compares a NaN with itself may be optimised away.
    if ((bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u) {
        return undefined;
    }
    return select(0u, 1u, value > bound);
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    var from_row = row;
    if (by_source) {
        from_row = rows_table[row * row_words_of_table + table_source];
    }
    let count = min(conditions[0], parameters.capacity);
    for (var c = thread; c < count; c += threads) {
        let first = header + c * condition_words;
        if (conditions[first] == parameters.of_set) {
            let bound = bitcast<f32>(conditions[first + 2u]);
            gates[row * parameters.capacity + c] = gate(from_row, conditions[first + 1u], bound);
        }
    }
}
