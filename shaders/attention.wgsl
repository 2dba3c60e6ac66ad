// output[q, h, :] = sum_j softmax_j(query[q, h] . key[j, h] * scale) * value[j, h], over keys j <= q of q's sequence
//
// qkv [rows, 3 * d_model] holds queries, keys and values side by side; in decoding it is the cache itself, one row a
// position, and word 0 of `tokens` names the row of the first query. One workgroup a query and head; keys are taken 64 at a
// time with a running maximum (online softmax: Milakov & Gimelshein, arXiv 1805.02867), so any context length fits.
// Operations: 4 * d_model * keys a query. Bytes: 2 * d_model * 4 * keys a query.

struct Parameters {
    rows: u32,
    tokens_per_sequence: u32,
    n_heads: u32,
    head_dim: u32,
    scale: f32,
}

override use_position: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read> qkv: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 64u;
const max_head_dim = 256u;
const keys_per_block = 64u;

var<workgroup> query: array<f32, max_head_dim>;
var<workgroup> scores: array<f32, keys_per_block>;
// Each invocation sums the dimensions that are its own.
var<workgroup> sums: array<f32, max_head_dim>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let head = group.x;
    let row = group.y;
    let head_dim = parameters.head_dim;
    let d_model = parameters.n_heads * head_dim;
    let stride = 3u * d_model;
    var sequence_first_row = row / parameters.tokens_per_sequence * parameters.tokens_per_sequence;
    var query_row = row;
    if (use_position) {
        sequence_first_row = 0u;
        query_row = tokens[0] + row;
    }
    let keys = query_row - sequence_first_row + 1u;
    for (var d = thread; d < head_dim; d += threads) {
        query[d] = qkv[query_row * stride + head * head_dim + d] * parameters.scale;
        sums[d] = 0.0;
    }
    workgroupBarrier();

    var running_max = -3.0e38;
    var running_sum = 0.0;
    for (var first_key = 0u; first_key < keys; first_key += keys_per_block) {
        let block = min(keys_per_block, keys - first_key);
        for (var j = thread; j < block; j += threads) {
            let key = (sequence_first_row + first_key + j) * stride + d_model + head * head_dim;
            var score = 0.0;
            for (var d = 0u; d < head_dim; d++) {
                score += query[d] * qkv[key + d];
            }
            scores[j] = score;
        }
        workgroupBarrier();
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
        let first_value = (sequence_first_row + first_key) * stride + 2u * d_model + head * head_dim;
        for (var d = thread; d < head_dim; d += threads) {
            var sum = sums[d] * shrink;
            for (var j = 0u; j < block; j++) {
                sum += scores[j] * qkv[first_value + j * stride + d];
            }
            sums[d] = sum;
        }
        workgroupBarrier();
    }
    for (var d = thread; d < head_dim; d += threads) {
        output[row * d_model + head * head_dim + d] = sums[d] / running_sum;
    }
}
