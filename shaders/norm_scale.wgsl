// scales[r] = sqrt(mean_d((input[r, d] - mean)^2) + epsilon)
//
// The divisor of LayerNorm, `hook_scale` in TransformerLens. Shapes: input [rows, width], scales [rows].
// For observation only. Bytes: rows * width * 4; the row is read twice, from cache the second time.

struct Parameters {
    rows: u32,
    width: u32,
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> scales: array<f32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 64u;
const max_threads = 64u;
var<workgroup> partial_sums: array<f32, max_threads>;

fn sum_over_workgroup(value: f32, thread: u32) -> f32 {
    workgroupBarrier();
    partial_sums[thread] = value;
    workgroupBarrier();
    var total = 0.0;
    for (var i = 0u; i < threads; i++) {
        total += partial_sums[i];
    }
    return total;
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let width = parameters.width;
    let first = group.x * width;
    var sum = 0.0;
    for (var d = thread; d < width; d += threads) {
        sum += input[first + d];
    }
    let mean = sum_over_workgroup(sum, thread) / f32(width);
    var squares = 0.0;
    for (var d = thread; d < width; d += threads) {
        let centred = input[first + d] - mean;
        squares += centred * centred;
    }
    let variance = sum_over_workgroup(squares, thread) / f32(width);
    if (thread == 0u) {
        scales[group.x] = sqrt(variance + parameters.epsilon);
    }
}
