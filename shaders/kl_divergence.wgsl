// Per row: KL(clean || edited) = sum_v p_clean[v] * (log p_clean[v] - log p_edited[v]), in nats.
//
// logits [rows, vocabulary]; statistics [rows, 4] as cross_entropy.wgsl leaves them (word 1 is log(sum(exp))).
// One workgroup a row. Bytes: 2 * vocabulary * 4 a row.

struct Parameters {
    rows: u32,
    vocabulary: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> clean_logits: array<f32>;
@group(0) @binding(2) var<storage, read> clean_statistics: array<f32>;
@group(0) @binding(3) var<storage, read> edited_logits: array<f32>;
@group(0) @binding(4) var<storage, read> edited_statistics: array<f32>;
@group(0) @binding(5) var<storage, read_write> divergences: array<f32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 128u;
const max_threads = 128u;
var<workgroup> partials: array<f32, max_threads>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    let first = row * parameters.vocabulary;
    let clean_log_sum = clean_statistics[row * 4u + 1u];
    let edited_log_sum = edited_statistics[row * 4u + 1u];
    var sum = 0.0;
    for (var i = thread; i < parameters.vocabulary; i += threads) {
        let clean = clean_logits[first + i] - clean_log_sum;
        let edited = edited_logits[first + i] - edited_log_sum;
        sum += exp(clean) * (clean - edited);
    }
    partials[thread] = sum;
    workgroupBarrier();
    if (thread == 0u) {
        var total = 0.0;
        for (var i = 0u; i < threads; i++) {
            total += partials[i];
        }
        divergences[row] = total;
    }
}
