// Which latents are active and which are dead. A latent with an activation above `threshold` in a level up to `main_level` is
// active: last_active [d_sae] becomes clock[0], the number of the step. It is dead if it was not for more than `dead_steps` steps.
// activity [d_sae, 2] = 1 for a dead latent, else 0, and the number of its entries in those levels.
//
// entries and firsts are scatter_latents's. One invocation per latent. Bytes: 8 * entries.

struct Parameters {
    d_sae: u32,
    levels: u32,
    main_level: u32,
    dead_steps: u32,
    // As bits, which order floats from 0 on.
    threshold: u32,
    invocations: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> firsts: array<u32>;
@group(0) @binding(2) var<storage, read> entries: array<u32>;
@group(0) @binding(3) var<storage, read> clock: array<u32>;
@group(0) @binding(4) var<storage, read_write> last_active: array<u32>;
@group(0) @binding(5) var<storage, read_write> activity: array<f32>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let now = clock[0];
    for (var latent = invocation.x; latent < parameters.d_sae; latent += parameters.invocations) {
        var count = 0u;
        var last = last_active[latent];
        for (var entry = firsts[latent]; entry < firsts[latent + 1u]; entry++) {
            if (entries[entry * 2u] % parameters.levels <= parameters.main_level) {
                count++;
                if (entries[entry * 2u + 1u] > parameters.threshold) {
                    last = now;
                }
            }
        }
        last_active[latent] = last;
        activity[latent * 2u] = select(0.0, 1.0, now - last > parameters.dead_steps);
        activity[latent * 2u + 1u] = f32(count);
    }
}
