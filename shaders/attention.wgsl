// output[r, h, :] = sum_j softmax_j(query[r, h] . key[j, h] * scale) * value[j, h], over the keys of row r
//
// The keys of row r: rows cache_first .. cache_first + past of the cache, then rows first_row ..= r of this run, by the
// row table. qkv [rows, 3 * d_model] holds queries, keys and values of this run side by side, cache
// [capacity, 2 * d_model] past keys and values. With `append` each workgroup also writes its row's key and value of its
// head to the cache, at cache_first + past + (r - first_row); no workgroup reads what is written in the same dispatch.
//
// One workgroup per row and head, for few rows. Keys are taken 64 at a time with a running maximum (online softmax: Milakov
// & Gimelshein, arXiv 1805.02867), so any context length fits. `lanes` neighbouring invocations share a key and read its
// words together; `groups` parts of the workgroup each sum the values of every `groups`-th key.
// Operations: 4 * d_model * keys per row. Bytes: 2 * d_model * 4 * keys per row.

// import shared/row_keys.wgsl

struct Parameters {
    rows: u32,
    n_heads: u32,
    head_dim: u32,
    scale: f32,
}

override append: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> qkv: array<f32>;
@group(0) @binding(3) var<storage, read_write> cache: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 256u;
override lanes: u32 = 16u;
override groups: u32 = 4u;
const max_lanes = 16u;
const max_groups = 4u;
const keys_per_block = 64u;

var<workgroup> scores: array<f32, keys_per_block>;
var<workgroup> partial_scores: array<f32, keys_per_block * max_lanes>;
// Each invocation sums the dimensions that are its own, of the keys that are its group's.
var<workgroup> sums: array<f32, max_head_dim * max_groups>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let head = group.x;
    let row = group.y;
    let head_dim = parameters.head_dim;
    let d_model = parameters.n_heads * head_dim;
    let column = head * head_dim;
    let row_range = row_keys(row);
    let first_row = row_range.first_row;
    let cache_first = row_range.cache_first;
    let past = row_range.past;
    let keys = row_range.count;
    load_query(row, column, thread);
    let value_lanes = threads / groups;
    let value_group = thread / value_lanes;
    let value_lane = thread % value_lanes;
    let own_sums = value_group * max_head_dim;
    for (var d = value_lane; d < head_dim; d += value_lanes) {
        sums[own_sums + d] = 0.0;
    }
    workgroupBarrier();

    let lane = thread % lanes;
    var running_max = -3.0e38;
    var running_sum = 0.0;
    for (var first_key = 0u; first_key < keys; first_key += keys_per_block) {
        let block = min(keys_per_block, keys - first_key);
        // Keys of the block below this are past ones. The row of key j in qkv, where it is not, is own_first + j: the sum
        // may wrap below 0 and back.
        let past_block = min(block, max(past, first_key) - first_key);
        let own_first = first_row + first_key - past;
        for (var j = thread / lanes; j < block; j += threads / lanes) {
            var score = 0.0;
            if (use_cache && j < past_block) {
                let key = (cache_first + first_key + j) * 2u * d_model + column;
                for (var d = lane; d < head_dim; d += lanes) {
                    score += query[d] * cache[key + d];
                }
            } else {
                let key = (own_first + j) * 3u * d_model + d_model + column;
                for (var d = lane; d < head_dim; d += lanes) {
                    score += query[d] * qkv[key + d];
                }
            }
            if (lanes == 1u) {
                scores[j] = score;
            } else {
                partial_scores[j * lanes + lane] = score;
            }
        }
        workgroupBarrier();
        if (lanes > 1u) {
            for (var j = thread; j < block; j += threads) {
                var score = 0.0;
                for (var i = 0u; i < lanes; i++) {
                    score += partial_scores[j * lanes + i];
                }
                scores[j] = score;
            }
            workgroupBarrier();
        }
        var block_max = running_max;
        for (var j = 0u; j < block; j++) {
            block_max = max(block_max, scores[j]);
        }
        workgroupBarrier();
        for (var j = thread; j < block; j += threads) {
            scores[j] = exp(scores[j] - block_max);
        }
        workgroupBarrier();
        let shrink = exp(running_max - block_max);
        running_max = block_max;
        var block_sum = 0.0;
        for (var j = 0u; j < block; j++) {
            block_sum += scores[j];
        }
        running_sum = running_sum * shrink + block_sum;
        for (var d = value_lane; d < head_dim; d += value_lanes) {
            var sum = sums[own_sums + d] * shrink;
            var j = value_group;
            if (use_cache) {
                let value = (cache_first + first_key) * 2u * d_model + d_model + column + d;
                for (; j < past_block; j += groups) {
                    sum += scores[j] * cache[value + j * 2u * d_model];
                }
            }
            let value = own_first * 3u * d_model + 2u * d_model + column + d;
            for (; j < block; j += groups) {
                sum += scores[j] * qkv[value + j * 3u * d_model];
            }
            sums[own_sums + d] = sum;
        }
        workgroupBarrier();
    }
    for (var d = thread; d < head_dim; d += threads) {
        var sum = 0.0;
        for (var i = 0u; i < groups; i++) {
            sum += sums[i * max_head_dim + d];
        }
        output[row * d_model + column + d] = sum / running_sum;
    }
    if (append) {
        let appended = (cache_first + past + row - first_row) * 2u * d_model + column;
        let key = row * 3u * d_model + d_model + column;
        for (var d = thread; d < head_dim; d += threads) {
            cache[appended + d] = qkv[key + d];
            cache[appended + d_model + d] = qkv[key + d_model + d];
        }
    }
}
