// The transpose of a sparse encoding: of each latent the rows that list it, ascending. Latent j's entries are number firsts[j] up to
// firsts[j + 1] of entries [.., 2]: row * levels + level, and the activation.
//
// latents, activations [rows, k] as for mark_latents, with its marks; firsts [d_sae + 1] are the prefix sums of their counts. An entry's
// place is the number of marks before its own, so nothing is sorted and no order of execution shows.
// Bytes: 8 * rows * k, and for each up to rows / 8 of marks.

// import shared/levels.wgsl

struct Parameters {
    slots: u32,
    k: u32,
    d_sae: u32,
    mark_words: u32,
    levels: u32,
    invocations: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> latents: array<u32>;
@group(0) @binding(2) var<storage, read> activations: array<u32>;
@group(0) @binding(3) var<storage, read> marks: array<u32>;
@group(0) @binding(4) var<storage, read> firsts: array<u32>;
@group(0) @binding(5) var<storage, read> level_table: array<u32>;
@group(0) @binding(6) var<storage, read_write> entries: array<u32>;

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
        let first = latent * parameters.mark_words + 1u;
        var place = firsts[latent];
        for (var word = 0u; word < row / 32u; word++) {
            place += countOneBits(marks[first + word]);
        }
        place += countOneBits(marks[first + row / 32u] & ((1u << (row % 32u)) - 1u));
        entries[place * 2u] = row * parameters.levels + level_of(latent, slot % parameters.k);
        entries[place * 2u + 1u] = bits;
    }
}
