// output[i] = left[i] + right[i], for i < words.
//
// The residual sum where a block's output is read or edited by itself; elsewhere the sum is an epilogue of the product.
// Bytes: 3 * words * 4.

struct Parameters {
    words: u32,
    invocations: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> left: array<f32>;
@group(0) @binding(2) var<storage, read> right: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    for (var i = invocation.x; i < parameters.words; i += parameters.invocations) {
        output[i] = left[i] + right[i];
    }
}
