// Sets one latent to a value and keeps the autoencoder's error term:
// output[r] = input[r] + deviation[r] * (value - z[r, latent]) * w_dec[latent] where mask[r] is not 0, else input[r].
//
// This is x + decode(z_edited) - decode(z) with the terms that do not change left out, so that a row whose latent already
// has the value stays exactly as it was. latents, activations [rows, k] hold z; w_dec is the shard with the latent's row.
// Shapes: input, output [rows, width]; statistics [rows, 2] (mean, deviation); mask [rows]. Bytes: 2 * rows * width * 4.

// import shared/weights.wgsl

struct Parameters {
    rows: u32,
    k: u32,
    width: u32,
    latent: u32,
    first_word: u32,
    value: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> latents: array<u32>;
@group(0) @binding(3) var<storage, read> activations: array<f32>;
@group(0) @binding(4) var<storage, read> statistics: array<f32>;
@group(0) @binding(5) var<storage, read> mask: array<u32>;
@group(0) @binding(6) var<storage, read> w_dec: array<u32>;
@group(0) @binding(7) var<storage, read_write> output: array<f32>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    var change = 0.0;
    if (mask[row] != 0u) {
        var current = 0.0;
        for (var i = 0u; i < parameters.k; i++) {
            if (latents[row * parameters.k + i] == parameters.latent) {
                current = activations[row * parameters.k + i];
            }
        }
        change = (parameters.value - current) * statistics[row * 2u + 1u];
    }
    for (var d = thread; d < parameters.width; d += threads) {
        let place = row * parameters.width + d;
        var value = input[place];
        if (change != 0.0) {
            value += change * weight_in(w_dec[parameters.first_word + word_of(d)], d);
        }
        output[place] = value;
    }
}
