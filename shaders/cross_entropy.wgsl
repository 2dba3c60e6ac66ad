// Per row of logits [rows, vocabulary]: the maximum, log(sum(exp(logits))), the target's logit, and the cross-entropy
// of the target in nats, log_sum_exp - target_logit.
//
// `targets` holds one token per row, or 0xffffffff for none (then the last two are 0). statistics [rows, 4].
// One workgroup per row; the row is read twice. Bytes: 2 * vocabulary * 4 per row.

// import shared/sum_over_workgroup.wgsl

struct Parameters {
    rows: u32,
    vocabulary: u32,
    first_target: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> statistics: array<f32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 128u;
const max_threads = 128u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    let first = row * parameters.vocabulary;
    var largest = -3.0e38;
    for (var i = thread; i < parameters.vocabulary; i += threads) {
        largest = max(largest, logits[first + i]);
    }
    partial_sums[thread] = largest;
    workgroupBarrier();
    for (var i = 0u; i < threads; i++) {
        largest = max(largest, partial_sums[i]);
    }
    var sum = 0.0;
    for (var i = thread; i < parameters.vocabulary; i += threads) {
        sum += exp(logits[first + i] - largest);
    }
    let total = sum_over_workgroup(sum, thread);
    if (thread == 0u) {
        let log_sum_exp = largest + log(total);
        let target_token = targets[parameters.first_target + row];
        var target_logit = 0.0;
        var loss = 0.0;
        if (target_token < parameters.vocabulary) {
            target_logit = logits[first + target_token];
            loss = log_sum_exp - target_logit;
        }
        statistics[row * 4u] = largest;
        statistics[row * 4u + 1u] = log_sum_exp;
        statistics[row * 4u + 2u] = target_logit;
        statistics[row * 4u + 3u] = loss;
    }
}
