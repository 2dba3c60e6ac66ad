// A step of Adam (Kingma and Ba, arXiv 1412.6980) as PyTorch computes it, with what happens to decoder directions around it, in one
// pass over the rows:
//
//   the row gets length 1                                        where normalise_before
//   g = gradient - (gradient . values) * values                  where remove_parallel
//   mean = ema * mean + (1 - ema) * values                       where has_mean and mean_before
//   first = beta1 * first + (1 - beta1) * g;   second = beta2 * second + (1 - beta2) * g^2
//   values -= numbers[0] * first / (sqrt(second) / numbers[1] + epsilon)
//   the row gets length 1                                        where normalise_after
//   mean as above                                                where has_mean and not mean_before
//
// numbers[0] is the learning rate over 1 - beta1^t, numbers[1] the root of 1 - beta2^t. A row of length 0 stays.
// Shapes: values, gradient, first, second, mean [rows, width], rows `row_words` words apart; words from `length` on are left alone.
// One workgroup per row. Bytes: 4 * rows * width * (4 read, 3 written, 2 more with a mean).

// import shared/sum_over_workgroup.wgsl

struct Parameters {
    rows: u32,
    width: u32,
    row_words: u32,
    length: u32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    ema: f32,
}

override normalise_before: bool = false;
override normalise_after: bool = false;
override remove_parallel: bool = false;
override has_mean: bool = false;
override mean_before: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> numbers: array<f32>;
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> values: array<f32>;
@group(0) @binding(4) var<storage, read_write> first: array<f32>;
@group(0) @binding(5) var<storage, read_write> second: array<f32>;
@group(0) @binding(6) var<storage, read_write> mean: array<f32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 64u;
const max_threads = 64u;

fn normalise(begin: u32, end: u32, thread: u32) {
    var squares = 0.0;
    for (var i = begin + thread; i < end; i += threads) {
        squares += values[i] * values[i];
    }
    let length = sqrt(sum_over_workgroup(squares, thread));
    if (length > 0.0) {
        for (var i = begin + thread; i < end; i += threads) {
            values[i] = values[i] / length;
        }
    }
}

fn update_mean(begin: u32, end: u32, thread: u32) {
    for (var i = begin + thread; i < end; i += threads) {
        mean[i] = parameters.ema * mean[i] + (1.0 - parameters.ema) * values[i];
    }
}

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
    let begin = row * parameters.row_words;
    let end = min(begin + parameters.width, parameters.length);
    if (normalise_before) {
        normalise(begin, end, thread);
    }
    var parallel = 0.0;
    if (remove_parallel) {
        var sum = 0.0;
        for (var i = begin + thread; i < end; i += threads) {
            sum += gradient[i] * values[i];
        }
        parallel = sum_over_workgroup(sum, thread);
    }
    if (has_mean && mean_before) {
        update_mean(begin, end, thread);
    }
    let beta1 = parameters.beta1;
    let beta2 = parameters.beta2;
    for (var i = begin + thread; i < end; i += threads) {
        let g = gradient[i] - parallel * values[i];
        let m = beta1 * first[i] + (1.0 - beta1) * g;
        let v = beta2 * second[i] + (1.0 - beta2) * g * g;
        first[i] = m;
        second[i] = v;
        values[i] -= numbers[0] * m / (sqrt(v) / numbers[1] + parameters.epsilon);
    }
    if (normalise_after) {
        normalise(begin, end, thread);
    }
    if (has_mean && !mean_before) {
        update_mean(begin, end, thread);
    }
}
