// output[r] = (sum_i activations[r, i] * w_dec[latents[r, i]] + b_dec) * deviation[r] + mean[r]
//
// The gather of k decoder rows instead of a product with all of them. Shapes: latents, activations [rows, k] (empty
// slots hold an index that no shard has); w_dec [d_sae, width], one shard of its rows, f32 or packed f16; b_dec [width];
// statistics [rows, 2] (mean, deviation); output [rows, width]. Shards run one after the other and add up in `output`;
// the last one applies bias, deviation and mean.
// Operations: 2 * rows * k * width. Bytes: rows * k * width * (4 or 2).

struct Parameters {
    rows: u32,
    k: u32,
    width: u32,
    row_words: u32,
    shard_first_row: u32,
    shard_rows: u32,
}

override weights_f16: bool = false;
override first_shard: bool = true;
override last_shard: bool = true;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> latents: array<u32>;
@group(0) @binding(2) var<storage, read> activations: array<f32>;
@group(0) @binding(3) var<storage, read> w_dec: array<u32>;
@group(0) @binding(4) var<storage, read> b_dec: array<f32>;
@group(0) @binding(5) var<storage, read> statistics: array<f32>;
@group(0) @binding(6) var<storage, read_write> output: array<f32>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.y;
    let width = parameters.width;
    // Two neighbouring columns per invocation: one word of packed f16.
    let d = (group.x * threads + thread) * 2u;
    if (d >= width) {
        return;
    }
    let two = d + 1u < width;
    var sums = vec2<f32>();
    let place = row * width + d;
    if (!first_shard) {
        sums.x = output[place];
        if (two) {
            sums.y = output[place + 1u];
        }
    }
    for (var i = 0u; i < parameters.k; i++) {
        let latent = latents[row * parameters.k + i];
        let activation = activations[row * parameters.k + i];
        if (latent < parameters.shard_first_row || latent - parameters.shard_first_row >= parameters.shard_rows || activation == 0.0) {
            continue;
        }
        let first_word = (latent - parameters.shard_first_row) * parameters.row_words;
        if (weights_f16) {
            sums += activation * unpack2x16float(w_dec[first_word + d / 2u]);
        } else {
            sums.x += activation * bitcast<f32>(w_dec[first_word + d]);
            if (two) {
                sums.y += activation * bitcast<f32>(w_dec[first_word + d + 1u]);
            }
        }
    }
    if (last_shard) {
        let mean = statistics[row * 2u];
        let deviation = statistics[row * 2u + 1u];
        sums.x = (sums.x + b_dec[d]) * deviation + mean;
        if (two) {
            sums.y = (sums.y + b_dec[d + 1u]) * deviation + mean;
        }
    }
    output[place] = sums.x;
    if (two) {
        output[place + 1u] = sums.y;
    }
}
