// scales[r] = sqrt(mean_d((input[r, d] - mean)^2) + epsilon)
//
// The divisor of LayerNorm, `hook_scale` in TransformerLens. Shapes: input [rows, width], scales [rows].
// For observation only. Bytes: rows * width * 4; the row is read twice, from cache the second time.

// import shared/row_moments.wgsl

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

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let width = parameters.width;
    let moments = row_moments(group.x * width, width, thread);
    if (thread == 0u) {
        scales[group.x] = sqrt(moments.variance + parameters.epsilon);
    }
}
