// pattern[r, h, j] = softmax_j(query[r, h] . key[j, h] * scale), over the keys of row r
//
// Keys as in attention.wgsl: past ones from the cache, then those of this run, numbered from the past's first. Shapes:
// qkv [rows, 3 * d_model], cache [capacity, 2 * d_model], pattern [rows, n_heads, width]. The softmax is over all keys
// of the row; beyond them the pattern is 0, and keys from `width` on are left out of it.
//
// One workgroup per row and head; each invocation takes every `threads`-th key and reads again what it wrote itself.
// For observation only. Operations: 2 * d_model * keys per row. Bytes: d_model * 4 * keys + n_heads * width * 4 per row.

// import shared/row_keys.wgsl

struct Parameters {
    rows: u32,
    n_heads: u32,
    head_dim: u32,
    scale: f32,
    width: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> qkv: array<f32>;
@group(0) @binding(3) var<storage, read> cache: array<f32>;
@group(0) @binding(4) var<storage, read_write> pattern: array<f32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 64u;
const max_threads = 64u;

var<workgroup> partial_max: array<f32, max_threads>;
var<workgroup> partial_sums: array<f32, max_threads>;

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
    let first_word = (row * parameters.n_heads + head) * parameters.width;
    load_query(row, column, thread);
    workgroupBarrier();

    var running_max = -3.0e38;
    var running_sum = 0.0;
    for (var j = thread; j < keys; j += threads) {
        var score = 0.0;
        if (use_cache && j < past) {
            let key = (cache_first + j) * 2u * d_model + column;
            for (var d = 0u; d < head_dim; d++) {
                score += query[d] * cache[key + d];
            }
        } else {
            let key = (first_row + j - past) * 3u * d_model + d_model + column;
            for (var d = 0u; d < head_dim; d++) {
                score += query[d] * qkv[key + d];
            }
        }
        let larger = max(running_max, score);
        running_sum = running_sum * exp(running_max - larger) + exp(score - larger);
        running_max = larger;
        if (j < parameters.width) {
            pattern[first_word + j] = score;
        }
    }
    partial_max[thread] = running_max;
    partial_sums[thread] = running_sum;
    workgroupBarrier();
    var largest = -3.0e38;
    for (var i = 0u; i < threads; i++) {
        largest = max(largest, partial_max[i]);
    }
    var sum = 0.0;
    for (var i = 0u; i < threads; i++) {
        sum += partial_sums[i] * exp(partial_max[i] - largest);
    }
    for (var j = thread; j < parameters.width; j += threads) {
        if (j < keys) {
            pattern[first_word + j] = exp(pattern[first_word + j] - largest) / sum;
        } else {
            pattern[first_word + j] = 0.0;
        }
    }
}
