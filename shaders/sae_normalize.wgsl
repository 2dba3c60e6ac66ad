// The input of an encoder: output[r] = normalise(input[r]) - b_dec, per row, and the (shift, scale) that undo it:
//
//   mode 0, none:                  x,                                              (0, 1)
//   mode 1, layer_norm:            (x - mean) / (deviation + 1e-5), unbiased n-1,  (mean, deviation)
//   mode 2, constant_norm_rescale: x * sqrt(width) / norm(x),                      (0, norm(x) / sqrt(width))
//   mode 3, centred:               x - mean,                                       (mean, 1)
//   mode 4, scaled:                x * factor,                                     (0, 1 / factor)
//
// Mode 3 is what a model with centred writing weights gives its autoencoder; mode 4 is expected_average_only_in.
// Mode 1 is OpenAI's and SAELens's. A row of zeros stays one in mode 2.
// Shapes: input, output [rows, width]; statistics [rows, 2]; b_dec [width]. Bytes: 2 * rows * width * 4.

// import shared/sum_over_workgroup.wgsl

struct Parameters {
    rows: u32,
    width: u32,
    factor: f32,
}

override mode: u32 = 1u;
override subtract_b_dec: bool = true;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> b_dec: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<f32>;

// Invocations of a workgroup; fewer where they run in turn.
override threads: u32 = 64u;
const max_threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    let width = parameters.width;
    let first = row * width;
    var mean = 0.0;
    var deviation = 1.0;
    var divisor = 1.0;
    if (mode == 1u || mode == 3u) {
        var sum = 0.0;
        for (var d = thread; d < width; d += threads) {
            sum += input[first + d];
        }
        mean = sum_over_workgroup(sum, thread) / f32(width);
    }
    if (mode == 1u) {
        var squares = 0.0;
        for (var d = thread; d < width; d += threads) {
            let centred = input[first + d] - mean;
            squares += centred * centred;
        }
        deviation = sqrt(sum_over_workgroup(squares, thread) / f32(width - 1u));
        divisor = deviation + 1e-5;
    }
    if (mode == 2u) {
        var squares = 0.0;
        for (var d = thread; d < width; d += threads) {
            squares += input[first + d] * input[first + d];
        }
        deviation = sqrt(sum_over_workgroup(squares, thread) / f32(width));
        divisor = select(1.0, deviation, deviation > 0.0);
    }
    if (mode == 4u) {
        deviation = 1.0 / parameters.factor;
        divisor = deviation;
    }
    for (var d = thread; d < width; d += threads) {
        var value = (input[first + d] - mean) / divisor;
        if (subtract_b_dec) {
            value -= b_dec[d];
        }
        output[first + d] = value;
    }
    if (thread == 0u) {
        statistics[row * 2u] = mean;
        statistics[row * 2u + 1u] = deviation;
    }
}
