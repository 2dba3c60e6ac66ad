// sums[i] = input[0] + input[stride] + .. + input[(i - 1) * stride], for i = 0 ..= count: where each of some lists begins.
//
// One workgroup; each invocation sums a run of neighbours. Bytes: 2 * 4 * count read, 4 * count written.

struct Parameters {
    count: u32,
    stride: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;

// Invocations of the workgroup; fewer where they run in turn.
override threads: u32 = 256u;
const max_threads = 256u;

var<workgroup> run_sums: array<u32, max_threads>;

@compute @workgroup_size(threads)
fn main(@builtin(local_invocation_index) thread: u32) {
    let run = (parameters.count + threads - 1u) / threads;
    let begin = min(thread * run, parameters.count);
    let end = min(begin + run, parameters.count);
    var sum = 0u;
    for (var i = begin; i < end; i++) {
        sum += input[i * parameters.stride];
    }
    run_sums[thread] = sum;
    workgroupBarrier();
    var before = 0u;
    for (var i = 0u; i < thread; i++) {
        before += run_sums[i];
    }
    for (var i = begin; i < end; i++) {
        sums[i] = before;
        before += input[i * parameters.stride];
    }
    if (thread == threads - 1u) {
        sums[parameters.count] = before;
    }
}
