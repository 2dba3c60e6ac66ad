// Gradients of the weights in closed form, latent by latent. Of latent j's entries (row b, level l, activation z), g the gradient in
// the reconstructions that have it (decode_levels), x the encoder's input:
//
//   dz = g . w_dec[j];   dw_dec[j] = sum z * g;   dw_enc[j] = sum dz * x[b];   db_enc[j] = sum dz
//
// written, or added to what is there. The rows go in their order, so that the result depends on nothing else. One workgroup per
// latent reads its row of w_dec once and takes `block` entries at a time: their dz first, which share two barriers, then the sums.
// Shapes: gradients [rows, levels, width]; inputs [rows, width]; w_dec, dw_dec, dw_enc [d_sae, width], one shard of their rows;
// db_enc [d_sae]. Operations: 6 * entries * width. Bytes: 12 * entries * width from cache, 8 * d_sae * width written.

struct Parameters {
    width: u32,
    row_words: u32,
    levels: u32,
    shard_first_row: u32,
    shard_rows: u32,
}

override add: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> firsts: array<u32>;
@group(0) @binding(2) var<storage, read> entries: array<u32>;
@group(0) @binding(3) var<storage, read> gradients: array<f32>;
@group(0) @binding(4) var<storage, read> inputs: array<f32>;
@group(0) @binding(5) var<storage, read> w_dec: array<f32>;
@group(0) @binding(6) var<storage, read_write> dw_dec: array<f32>;
@group(0) @binding(7) var<storage, read_write> dw_enc: array<f32>;
@group(0) @binding(8) var<storage, read_write> db_enc: array<f32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 64u;
const max_threads = 64u;
const block = 16u;

var<workgroup> partial_sums: array<f32, block * max_threads>;
var<workgroup> in_activation: array<f32, block>;

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let shard_row = group.y * groups.x + group.x;
    if (shard_row >= parameters.shard_rows) {
        return;
    }
    let latent = parameters.shard_first_row + shard_row;
    let row_place = shard_row * parameters.row_words;
    let width = parameters.width;
    let begin = firsts[latent];
    let end = firsts[latent + 1u];
    var bias = 0.0;
    if (begin == end && !add) {
        for (var d = thread; d < width; d += threads) {
            dw_dec[row_place + d] = 0.0;
            dw_enc[row_place + d] = 0.0;
        }
    }
    for (var start = begin; start < end; start += block) {
        let count = min(block, end - start);
        for (var e = 0u; e < count; e++) {
            let place = entries[(start + e) * 2u] * width;
            var sum = 0.0;
            for (var d = thread; d < width; d += threads) {
                sum += gradients[place + d] * w_dec[row_place + d];
            }
            partial_sums[e * threads + thread] = sum;
        }
        workgroupBarrier();
        for (var e = thread; e < count; e += threads) {
            var sum = 0.0;
            for (var i = 0u; i < threads; i++) {
                sum += partial_sums[e * threads + i];
            }
            in_activation[e] = sum;
        }
        workgroupBarrier();
        for (var d = thread; d < width; d += threads) {
            var decoder = 0.0;
            var encoder = 0.0;
            if (add || start != begin) {
                decoder = dw_dec[row_place + d];
                encoder = dw_enc[row_place + d];
            }
            for (var e = 0u; e < count; e++) {
                let place = entries[(start + e) * 2u];
                let activation = bitcast<f32>(entries[(start + e) * 2u + 1u]);
                decoder += activation * gradients[place * width + d];
                encoder += in_activation[e] * inputs[place / parameters.levels * width + d];
            }
            dw_dec[row_place + d] = decoder;
            dw_enc[row_place + d] = encoder;
        }
        if (thread == 0u) {
            for (var e = 0u; e < count; e++) {
                bias += in_activation[e];
            }
        }
    }
    if (thread == 0u) {
        if (add) {
            bias += db_enc[latent];
        }
        db_enc[latent] = bias;
    }
}
