// Marks in which rows each latent is active, and counts them: marks [d_sae, 1 + ceil(rows / 32)] holds for each latent the number of
// rows, then one bit a row. It has to be zero before.
//
// latents, activations [rows, k]: a slot whose activation is not above 0, or whose index is of no latent, is empty; a row lists a
// latent at most once. Integers alone are added up, so the result does not depend on the order.
// Bytes: 8 * rows * k, and as many of atomics.

// import shared/active.wgsl

struct Parameters {
    slots: u32,
    k: u32,
    d_sae: u32,
    mark_words: u32,
    invocations: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> latents: array<u32>;
@group(0) @binding(2) var<storage, read> activations: array<u32>;
@group(0) @binding(3) var<storage, read_write> marks: array<atomic<u32>>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    for (var slot = invocation.x; slot < parameters.slots; slot += parameters.invocations) {
        let bits = activations[slot];
        let latent = latents[slot];
        if (!is_active(bits) || latent >= parameters.d_sae) {
            continue;
        }
        let row = slot / parameters.k;
        let first = latent * parameters.mark_words;
        atomicAdd(&marks[first], 1u);
        atomicOr(&marks[first + 1u + row / 32u], 1u << (row % 32u));
    }
}
