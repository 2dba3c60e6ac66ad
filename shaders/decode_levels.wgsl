// Reconstructions of each row by level, how far they are off, and the gradient of the loss in them. With r_l the sum of activation *
// w_dec over the row's latents of levels 0 to l, less the target (plus it where `add_targets`), and w_l the weight of level l:
//
//   gradients [rows, levels, width] = sum over m >= l of 2 * w_m * r_m, the gradient that a latent of level l gets
//   residuals [rows, width]         = r of the level `main_level`
//   squares [rows, levels]          = |r_l|^2
//
// latents, activations [rows, k]: empty slots as for mark_latents; targets [rows, width]; w_dec [d_sae, width] f32, one shard of its
// rows. Shards run one after the other and add up in `gradients`, which the last one finishes. One workgroup per row.
// Operations: 2 * rows * k * width. Bytes: rows * k * width * 4 of w_dec.

// import shared/levels.wgsl
// import shared/sum_over_workgroup.wgsl

struct Parameters {
    rows: u32,
    k: u32,
    width: u32,
    row_words: u32,
    shard_first_row: u32,
    shard_rows: u32,
    levels: u32,
    main_level: u32,
}

override first_shard: bool = true;
override last_shard: bool = true;
override add_targets: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> latents: array<u32>;
@group(0) @binding(2) var<storage, read> activations: array<u32>;
@group(0) @binding(3) var<storage, read> level_table: array<u32>;
@group(0) @binding(4) var<storage, read> targets: array<f32>;
@group(0) @binding(5) var<storage, read> w_dec: array<f32>;
@group(0) @binding(6) var<storage, read_write> gradients: array<f32>;
@group(0) @binding(7) var<storage, read_write> residuals: array<f32>;
@group(0) @binding(8) var<storage, read_write> squares: array<f32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 64u;
const max_threads = 64u;
const max_k = 512u;
const no_level = 0xffffffffu;

var<workgroup> slot_words: array<u32, max_k>;
var<workgroup> slot_activations: array<f32, max_k>;
var<workgroup> slot_levels: array<u32, max_k>;

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = group.y * groups.x + group.x;
    if (row >= parameters.rows) {
        return;
    }
    let k = parameters.k;
    let width = parameters.width;
    let levels = parameters.levels;
    for (var i = thread; i < k; i += threads) {
        let latent = latents[row * k + i];
        let bits = activations[row * k + i];
        let is_here = latent >= parameters.shard_first_row && latent - parameters.shard_first_row < parameters.shard_rows;
        slot_levels[i] = no_level;
        if (is_here && is_active(bits)) {
            slot_levels[i] = level_of(latent, i);
            slot_words[i] = (latent - parameters.shard_first_row) * parameters.row_words;
            slot_activations[i] = bitcast<f32>(bits);
        }
    }
    workgroupBarrier();
    let first = row * levels * width;
    for (var level = 0u; level < levels; level++) {
        var sum_of_squares = 0.0;
        for (var d = thread; d < width; d += threads) {
            let place = first + level * width + d;
            var sum = 0.0;
            if (!first_shard) {
                sum = gradients[place];
            }
            for (var i = 0u; i < k; i++) {
                if (slot_levels[i] == level) {
                    sum += slot_activations[i] * w_dec[slot_words[i] + d];
                }
            }
            if (last_shard) {
                // The level before, as this invocation has left it.
                if (level == 0u) {
                    let wanted = targets[row * width + d];
                    sum += select(-wanted, wanted, add_targets);
                } else {
                    sum += gradients[place - width];
                }
                sum_of_squares += sum * sum;
                if (level == parameters.main_level) {
                    residuals[row * width + d] = sum;
                }
            }
            gradients[place] = sum;
        }
        if (last_shard) {
            let total = sum_over_workgroup(sum_of_squares, thread);
            if (thread == 0u) {
                squares[row * levels + level] = total;
            }
        }
    }
    if (last_shard) {
        for (var d = thread; d < width; d += threads) {
            var sum = 0.0;
            for (var level = levels; level > 0u; level--) {
                let place = first + (level - 1u) * width + d;
                let weight = bitcast<f32>(level_table[levels + level - 1u]);
                sum += 2.0 * weight * gradients[place];
                gradients[place] = sum;
            }
        }
    }
}
