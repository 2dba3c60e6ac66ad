// Reading of vectors of four inputs for tiles in workgroup memory, and the bindings of the products that do so.
// Beyond the last row, output and input everything is 0.

// import shared/product.wgsl
// import shared/weights.wgsl

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

fn read_input_vector(row: u32, k: u32) -> vec4<f32> {
    if (row >= parameters.rows) {
        return vec4<f32>();
    }
    let first = (parameters.input_first_row + row) * parameters.inputs;
    if (k + 3u < parameters.inputs) {
        return vec4<f32>(input[first + k], input[first + k + 1u], input[first + k + 2u], input[first + k + 3u]);
    }
    var values = vec4<f32>();
    for (var i = 0u; i < 4u; i++) {
        if (k + i < parameters.inputs) {
            values[i] = input[first + k + i];
        }
    }
    return values;
}

// Stored rows are padded with zeros to whole vectors, so only whole vectors are checked.
fn read_weight_vector(n: u32, k: u32) -> vec4<f32> {
    if (n >= parameters.outputs) {
        return vec4<f32>();
    }
    if (weights_f16) {
        let vector = k / 8u;
        if (vector >= parameters.row_vectors) {
            return vec4<f32>();
        }
        let words = weights[n * parameters.row_vectors + vector];
        if (k % 8u >= 4u) {
            return high_half(words);
        }
        return low_half(words);
    }
    let vector = k / 4u;
    if (vector >= parameters.row_vectors) {
        return vec4<f32>();
    }
    return bitcast<vec4<f32>>(weights[n * parameters.row_vectors + vector]);
}
