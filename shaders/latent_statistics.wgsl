// Statistics of each latent over the rows of a sparse encoding, and the rows where it is largest:
//
//   statistics [d_sae, 4] = number of rows with z > 0, sum(z), sum(z^2), max(z, 0)
//   top_values, top_rows [d_sae, top] = the largest z > 0, descending, ties to the lower row; else 0 and 0xffffffff
//
// latents, activations [rows, k]: an index of no latent is an empty slot, and z of a latent that no slot lists is 0. A NaN
// makes the sums NaN and is in no count and never chosen. Sums go in the order of the rows, with Kahan's compensation
// (which a compiler that reorders sums may undo; then they are plain).
//
// One invocation per latent, and `threads` latents a workgroup. A workgroup reads all slots, 1,024 at a time, into workgroup
// memory and marks in a bit mask those that list one of its latents; every invocation then walks the marked slots in order.
// Values are compared as bits, which order positive floats, so that nothing depends on the device.
// Operations: d_sae / threads * rows * k to mark, and each slot again for each of the `threads` latents of the one workgroup that
// has its latent. Bytes from cache: 8 * rows * k * d_sae / threads.

struct Parameters {
    slots: u32,
    k: u32,
    d_sae: u32,
    top: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> latents: array<u32>;
@group(0) @binding(2) var<storage, read> activations: array<u32>;
@group(0) @binding(3) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(4) var<storage, read_write> top_values: array<u32>;
@group(0) @binding(5) var<storage, read_write> top_rows: array<u32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 256u;
const block = 1024u;
const mask_words = block / 32u;
const infinity = 0x7f800000u;
const no_row = 0xffffffffu;

var<workgroup> block_latents: array<u32, block>;
var<workgroup> block_activations: array<u32, block>;
// The mask of the block being read, and that of the one before, which is cleared meanwhile.
var<workgroup> masks: array<atomic<u32>, 2u * mask_words>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_latent = group.x * threads;
    let latent = first_latent + thread;
    let top = parameters.top;
    let first_top = latent * top;
    if (latent < parameters.d_sae) {
        for (var i = 0u; i < top; i++) {
            top_values[first_top + i] = 0u;
            top_rows[first_top + i] = no_row;
        }
    }
    var count = 0u;
    var sum = 0.0;
    var sum_lost = 0.0;
    var squares = 0.0;
    var squares_lost = 0.0;
    var largest = 0u;
    // The smallest that is among the `top` largest, 0 while there are fewer.
    var smallest_kept = 0u;
    var mask = 0u;
    for (var first_slot = 0u; first_slot < parameters.slots; first_slot += block) {
        let length = min(block, parameters.slots - first_slot);
        for (var i = thread; i < length; i += threads) {
            let listed = latents[first_slot + i];
            if (listed >= first_latent && listed - first_latent < threads && listed < parameters.d_sae) {
                block_latents[i] = listed;
                block_activations[i] = activations[first_slot + i];
                atomicOr(&masks[mask + i / 32u], 1u << (i % 32u));
            }
        }
        workgroupBarrier();
        for (var word = 0u; word < mask_words; word++) {
            var marked = atomicLoad(&masks[mask + word]);
            while (marked != 0u) {
                let i = word * 32u + firstTrailingBit(marked);
                marked &= marked - 1u;
                if (block_latents[i] != latent) {
                    continue;
                }
                let bits = block_activations[i];
                let z = bitcast<f32>(bits);
                let term = z - sum_lost;
                let next = sum + term;
                sum_lost = (next - sum) - term;
                sum = next;
                let square_term = z * z - squares_lost;
                let next_squares = squares + square_term;
                squares_lost = (next_squares - squares) - square_term;
                squares = next_squares;
                if (bits == 0u || bits > infinity) {
                    continue;
                }
                count += 1u;
                largest = max(largest, bits);
                if (bits <= smallest_kept) {
                    continue;
                }
                var place = top - 1u;
                while (place > 0u && top_values[first_top + place - 1u] < bits) {
                    top_values[first_top + place] = top_values[first_top + place - 1u];
                    top_rows[first_top + place] = top_rows[first_top + place - 1u];
                    place -= 1u;
                }
                top_values[first_top + place] = bits;
                top_rows[first_top + place] = (first_slot + i) / parameters.k;
                smallest_kept = top_values[first_top + top - 1u];
            }
        }
        mask = mask_words - mask;
        for (var i = thread; i < mask_words; i += threads) {
            atomicStore(&masks[mask + i], 0u);
        }
        workgroupBarrier();
    }
    if (latent < parameters.d_sae) {
        statistics[latent * 4u] = f32(count);
        statistics[latent * 4u + 1u] = sum;
        statistics[latent * 4u + 2u] = squares;
        statistics[latent * 4u + 3u] = bitcast<f32>(largest);
    }
}
