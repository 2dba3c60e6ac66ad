// output[i] = value, for i < words. Bytes: 4 * words.

struct Parameters {
    words: u32,
    value: u32,
    invocations: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    for (var i = invocation.x; i < parameters.words; i += parameters.invocations) {
        output[i] = parameters.value;
    }
}
