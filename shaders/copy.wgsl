// output[output_offset + i] = input[input_offset + i], for i < words.
//
// Keeps an activation that later kernels write over. A kernel rather than a buffer copy, because a copy would end the
// compute pass. Bytes: 2 * words * 4.

struct Parameters {
    words: u32,
    input_offset: u32,
    output_offset: u32,
    invocations: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    for (var i = invocation.x; i < parameters.words; i += parameters.invocations) {
        output[parameters.output_offset + i] = input[parameters.input_offset + i];
    }
}
