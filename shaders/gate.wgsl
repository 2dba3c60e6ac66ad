// Pre-activations to activations of autoencoders that decide by a threshold, in place on values [rows, n]:
//
//   jumprelu: v = max(h, 0) where h > threshold[n], else 0          (Rajamanoharan et al., arXiv 2407.14435)
//   gated:    v = max(h * scale[n] + bias[n], 0) where h + threshold[n] > 0, else 0, with threshold = b_gate,
//             scale = exp(r_mag), bias = b_mag and h = s · W_enc    (Rajamanoharan et al., arXiv 2404.16014)
//
// Bytes: 2 * rows * n * 4.

struct Parameters {
    words: u32,
    n: u32,
    invocations: u32,
}

override gated: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> threshold: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> values: array<f32>;

const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    for (var i = invocation.x; i < parameters.words; i += parameters.invocations) {
        let column = i % parameters.n;
        let value = values[i];
        var open = value > threshold[column];
        var magnitude = value;
        if (gated) {
            open = value + threshold[column] > 0.0;
            magnitude = value * scale[column] + bias[column];
        }
        // A NaN stays one, so that it is reported.
        if (value == value) {
            values[i] = select(0.0, max(magnitude, 0.0), open);
        }
    }
}
