// Per row: KL(clean || edited) of the two next-token distributions, in nats.
//
// With p the clean distribution, d[v] = clean[v] - edited[v] the difference of the logits, m = sum(p * d) its mean and
// e = d - m, the divergence is log(sum(p * exp(-e))) = log(1 + sum(p * (exp(-e) - 1 + e))), because sum(p * e) = 0. Every
// term of the last sum is positive and of second order in e, so that nothing cancels and divergences far below the
// rounding of a logit are resolved; the textbook sum(p * (log p - log q)) loses everything below 1e-6. Above 1 the
// textbook form m + log_sum(edited) - log_sum(clean) is exact enough, and its terms cannot overflow.
//
// logits [rows, vocabulary]; statistics [rows, 4] as cross_entropy.wgsl leaves them (word 1 is log(sum(exp))).
// With `use_clean_rows`, row r is compared with row clean_rows[r] of the clean logits and statistics, of which there are
// `clean_count`; a row beyond them gives NaN.
// One workgroup per row. Bytes: 4 * vocabulary * 4 per row, the second half from cache.

// import shared/sum_over_workgroup.wgsl

struct Parameters {
    rows: u32,
    vocabulary: u32,
    clean_count: u32,
}

override use_clean_rows: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> clean_logits: array<f32>;
@group(0) @binding(2) var<storage, read> clean_statistics: array<f32>;
@group(0) @binding(3) var<storage, read> edited_logits: array<f32>;
@group(0) @binding(4) var<storage, read> edited_statistics: array<f32>;
@group(0) @binding(5) var<storage, read> clean_rows: array<u32>;
@group(0) @binding(6) var<storage, read_write> divergences: array<f32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 128u;
const max_threads = 128u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    var clean_row = row;
    if (use_clean_rows) {
        clean_row = clean_rows[row];
    }
    let known = clean_row < parameters.clean_count;
    clean_row = select(0u, clean_row, known);
    let clean_first = clean_row * parameters.vocabulary;
    let first = row * parameters.vocabulary;
    let clean_log_sum = clean_statistics[clean_row * 4u + 1u];
    let edited_log_sum = edited_statistics[row * 4u + 1u];
    var weight = 0.0;
    var weighted = 0.0;
    for (var i = thread; i < parameters.vocabulary; i += threads) {
        let p = exp(clean_logits[clean_first + i] - clean_log_sum);
        weight += p;
        weighted += p * (clean_logits[clean_first + i] - edited_logits[first + i]);
    }
    let total = sum_over_workgroup(weight, thread);
    let mean = sum_over_workgroup(weighted, thread) / total;
    let textbook = mean + edited_log_sum - clean_log_sum;
    var sum = 0.0;
    for (var i = thread; i < parameters.vocabulary; i += threads) {
        let log_p = clean_logits[clean_first + i] - clean_log_sum;
        let p = exp(log_p);
        let e = clean_logits[clean_first + i] - edited_logits[first + i] - mean;
        if (abs(e) < 0.5) {
            // exp(-e) - 1 + e as its series; the first term left out is e^8 / 40320.
            sum += p * e * e * (0.5 - e * (1.0 / 6.0 - e * (1.0 / 24.0 - e * (1.0 / 120.0 - e * (1.0 / 720.0 - e / 5040.0)))));
        } else {
            // p * exp(-e) is a probability of the edited distribution times exp(KL): as one exponential it cannot overflow.
            sum += exp(log_p - e) - p + p * e;
        }
    }
    let excess = sum_over_workgroup(sum, thread) / total;
    if (thread == 0u) {
        var divergence = textbook;
        if (!(textbook > 1.0)) {
            if (excess < 0.01) {
                // log(1 + x) as its series, which keeps what 1 + x would round away.
                divergence = excess * (1.0 - excess * (0.5 - excess * (1.0 / 3.0 - excess * 0.25)));
            } else {
                divergence = log(1.0 + excess);
            }
        }
        if (!known) {
            // A variable: WGSL refuses a NaN in a constant expression.
            var nan_bits = 0x7fc00000u;
            divergence = bitcast<f32>(nan_bits);
        }
        divergences[row] = divergence;
    }
}
