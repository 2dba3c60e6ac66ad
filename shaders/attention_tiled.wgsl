// output[r, h, :] = sum_j softmax_j(query[r, h] . key[j, h] * scale) * value[j, h], over the keys of row r
//
// The result of attention.wgsl, with the same bindings, for many rows. A workgroup of 256 takes a tile of 32 rows
// of one head; each block of 32 keys, then of their values, is read once for the whole tile, through workgroup memory, by
// neighbouring invocations word by word. A tile may hold rows of several sequences, so each row has its own range of the
// keys in a block: past keys are taken once for all neighbouring sequences that share them, then come the keys of this run,
// from the first row of the tile's first sequence to the tile's last row. Running maxima as in attention.wgsl.
//
// An invocation computes the scores of two rows with two keys, then sums four dimensions of two rows for every 64 of a
// head's width. Operations: 4 * d_model * keys per row. Bytes: 2 * d_model * 4 * keys per tile, and the tile's queries
// again for each block.

struct Parameters {
    rows: u32,
    n_heads: u32,
    head_dim: u32,
    scale: f32,
}

override use_cache: bool = false;
override append: bool = false;
// head_dim / 64, rounded up: a constant, so that the sums below may stay in registers.
override value_chunks: u32 = 4u;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> qkv: array<f32>;
@group(0) @binding(3) var<storage, read_write> cache: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

const row_words = 8u;
const threads = 256u;
const tile_rows = 32u;
const block_keys = 32u;
const side = 16u;
// Dimensions of queries and keys are taken 32 at a time: 8 vectors, padded to 9, so that neighbouring invocations read from
// different banks.
const score_vectors = 8u;
const padded_vectors = 9u;
const value_vectors = 16u;
const padded_keys = 33u;
const max_value_chunks = 4u;

// The queries, then the keys; later the values.
var<workgroup> tile: array<vec4<f32>, 2u * 32u * padded_vectors>;
var<workgroup> scores: array<f32, tile_rows * padded_keys>;

// Running maximum and sum of the invocation's two rows.
var<private> running_max: vec2<f32> = vec2<f32>(-3.0e38);
var<private> running_sum: vec2<f32>;
var<private> sums_0: array<vec4<f32>, max_value_chunks>;
var<private> sums_1: array<vec4<f32>, max_value_chunks>;

// Word `d` of a head in qkv or the cache; 0 beyond the head's width.
fn read_word(from_cache: bool, first: u32, d: u32) -> f32 {
    if (d >= parameters.head_dim) {
        return 0.0;
    }
    if (use_cache && from_cache) {
        return cache[first + d];
    }
    return qkv[first + d];
}

fn read_vector(from_cache: bool, first: u32, d: u32) -> vec4<f32> {
    return vec4<f32>(
        read_word(from_cache, first, d),
        read_word(from_cache, first, d + 1u),
        read_word(from_cache, first, d + 2u),
        read_word(from_cache, first, d + 3u),
    );
}

// Takes `keys` keys from row `first_key` of qkv or the cache on. `range_0` and `range_1` are the ranges of them that the
// invocation's two rows attend to.
fn take_block(
    from_cache: bool,
    first_key: u32,
    keys: u32,
    range_0: vec2<u32>,
    range_1: vec2<u32>,
    group: vec2<u32>,
    thread: u32,
) {
    let d_model = parameters.n_heads * parameters.head_dim;
    let column = group.x * parameters.head_dim;
    // In qkv a key lies d_model after its query, in the cache at the row's beginning; the value follows d_model later.
    let stride = select(3u, 2u, from_cache) * d_model;
    let key_column = column + select(d_model, 0u, from_cache);
    let lane = thread % side;
    let pair = thread / side;

    var scores_0 = vec2<f32>();
    var scores_1 = vec2<f32>();
    let load_row = thread / score_vectors;
    let load_vector = thread % score_vectors;
    let query_row = min(group.y * tile_rows + load_row, parameters.rows - 1u);
    let key_row = first_key + min(load_row, keys - 1u);
    for (var d = 0u; d < parameters.head_dim; d += score_vectors * 4u) {
        let at = load_row * padded_vectors + load_vector;
        tile[at] = read_vector(false, query_row * 3u * d_model + column, d + load_vector * 4u) * parameters.scale;
        tile[tile_rows * padded_vectors + at] = read_vector(from_cache, key_row * stride + key_column, d + load_vector * 4u);
        workgroupBarrier();
        for (var v = 0u; v < score_vectors; v++) {
            let q_0 = tile[2u * pair * padded_vectors + v];
            let q_1 = tile[(2u * pair + 1u) * padded_vectors + v];
            let k_0 = tile[(tile_rows + lane) * padded_vectors + v];
            let k_1 = tile[(tile_rows + lane + side) * padded_vectors + v];
            scores_0 += vec2<f32>(dot(q_0, k_0), dot(q_0, k_1));
            scores_1 += vec2<f32>(dot(q_1, k_0), dot(q_1, k_1));
        }
        workgroupBarrier();
    }
    let row_0 = 2u * pair * padded_keys;
    let row_1 = row_0 + padded_keys;
    scores[row_0 + lane] = scores_0.x;
    scores[row_0 + lane + side] = scores_0.y;
    scores[row_1 + lane] = scores_1.x;
    scores[row_1 + lane + side] = scores_1.y;
    workgroupBarrier();
    var block_max = running_max;
    for (var j = range_0.x; j < range_0.y; j++) {
        block_max.x = max(block_max.x, scores[row_0 + j]);
    }
    for (var j = range_1.x; j < range_1.y; j++) {
        block_max.y = max(block_max.y, scores[row_1 + j]);
    }
    workgroupBarrier();
    // Beyond a row's range these are not read.
    scores[row_0 + lane] = exp(scores_0.x - block_max.x);
    scores[row_0 + lane + side] = exp(scores_0.y - block_max.x);
    scores[row_1 + lane] = exp(scores_1.x - block_max.y);
    scores[row_1 + lane + side] = exp(scores_1.y - block_max.y);
    let shrink = exp(running_max - block_max);
    running_max = block_max;
    running_sum *= shrink;

    for (var chunk = 0u; chunk < value_chunks; chunk++) {
        let first_dimension = chunk * value_vectors * 4u;
        for (var i = thread; i < block_keys * value_vectors; i += threads) {
            let row = first_key + min(i / value_vectors, keys - 1u);
            tile[i] = read_vector(from_cache, row * stride + key_column + d_model, first_dimension + i % value_vectors * 4u);
        }
        workgroupBarrier();
        var sum_0 = sums_0[chunk] * shrink.x;
        var sum_1 = sums_1[chunk] * shrink.y;
        for (var j = min(range_0.x, range_1.x); j < max(range_0.y, range_1.y); j++) {
            let value = tile[j * value_vectors + lane];
            // A key that a row does not attend to is not multiplied by 0: its value may be no number.
            if (j >= range_0.x && j < range_0.y) {
                let weight = scores[row_0 + j];
                sum_0 += weight * value;
                running_sum.x += select(0.0, weight, chunk == 0u);
            }
            if (j >= range_1.x && j < range_1.y) {
                let weight = scores[row_1 + j];
                sum_1 += weight * value;
                running_sum.y += select(0.0, weight, chunk == 0u);
            }
        }
        sums_0[chunk] = sum_0;
        sums_1[chunk] = sum_1;
        workgroupBarrier();
    }
}

// The range of a block of `keys` keys from row `first_key` of this run on that a row attends to; empty beyond the run.
fn own_range(row: u32, first_key: u32, keys: u32) -> vec2<u32> {
    if (row >= parameters.rows) {
        return vec2<u32>();
    }
    let first_row = rows[row * row_words + 2u];
    let begin = clamp(first_row, first_key, first_key + keys) - first_key;
    let end = clamp(row + 1u, first_key, first_key + keys) - first_key;
    return vec2<u32>(begin, max(begin, end));
}

fn write_row(row: u32, column: u32, chunk: u32, lane: u32, sum: vec4<f32>, divisor: f32) {
    if (row >= parameters.rows) {
        return;
    }
    for (var i = 0u; i < 4u; i++) {
        let d = chunk * value_vectors * 4u + lane * 4u + i;
        if (d < parameters.head_dim) {
            output[row * parameters.n_heads * parameters.head_dim + column + d] = sum[i] / divisor;
        }
    }
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group_id: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let group = group_id.xy;
    let column = group.x * parameters.head_dim;
    let d_model = parameters.n_heads * parameters.head_dim;
    let first = group.y * tile_rows;
    let end = min(first + tile_rows, parameters.rows);
    let row_0 = first + thread / side * 2u;
    let row_1 = row_0 + 1u;

    if (use_cache) {
        var begin = first;
        while (begin < end) {
            let cache_first = rows[begin * row_words + 3u];
            let past = rows[begin * row_words + 4u];
            var after = begin + 1u;
            while (after < end && rows[after * row_words + 3u] == cache_first && rows[after * row_words + 4u] == past) {
                after++;
            }
            for (var key = 0u; key < past; key += block_keys) {
                let keys = min(block_keys, past - key);
                let range_0 = vec2<u32>(0u, select(0u, keys, row_0 >= begin && row_0 < after));
                let range_1 = vec2<u32>(0u, select(0u, keys, row_1 >= begin && row_1 < after));
                take_block(true, cache_first + key, keys, range_0, range_1, group, thread);
            }
            begin = after;
        }
    }
    for (var key = rows[first * row_words + 2u]; key < end; key += block_keys) {
        let keys = min(block_keys, end - key);
        take_block(false, key, keys, own_range(row_0, key, keys), own_range(row_1, key, keys), group, thread);
    }

    for (var chunk = 0u; chunk < value_chunks; chunk++) {
        write_row(row_0, column, chunk, thread % side, sums_0[chunk], running_sum.x);
        write_row(row_1, column, chunk, thread % side, sums_1[chunk], running_sum.y);
    }
    if (append) {
        for (var i = thread; i < (end - first) * parameters.head_dim; i += threads) {
            let row = first + i / parameters.head_dim;
            let word = column + i % parameters.head_dim;
            let place = rows[row * row_words + 3u] + rows[row * row_words + 4u] + row - rows[row * row_words + 2u];
            cache[place * 2u * d_model + word] = qkv[row * 3u * d_model + d_model + word];
            cache[place * 2u * d_model + d_model + word] = qkv[row * 3u * d_model + 2u * d_model + word];
        }
    }
}
