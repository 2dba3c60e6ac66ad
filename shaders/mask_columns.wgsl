// values[r, n] stays where mask[2 * n] is not 0, and is -3e38 elsewhere, below everything that is kept.
//
// Shapes: values [rows, columns]; mask [columns, 2], of which the first word counts. Bytes: 4 * rows * columns written.

struct Parameters {
    rows: u32,
    columns: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> mask: array<f32>;
@group(0) @binding(2) var<storage, read_write> values: array<f32>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let column = group.y * threads + thread;
    if (column < parameters.columns && mask[column * 2u] == 0.0) {
        values[group.x * parameters.columns + column] = -3e38;
    }
}
