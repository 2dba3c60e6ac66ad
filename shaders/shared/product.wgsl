// The parts that all products with a weight matrix share: parameters, options of the epilogue, and the epilogue itself.
// It reads the bindings `bias` and `residual` and writes `output`.

// import shared/gelu.wgsl

struct Parameters {
    rows: u32,
    inputs: u32,
    outputs: u32,
    // Vectors of four words per row of weights.
    row_vectors: u32,
    input_first_row: u32,
    output_stride: u32,
    output_offset: u32,
    bias_offset: u32,
    epsilon: f32,
}

// 0: none, 1: GELU by tanh, 2: exact GELU.
override activation: u32 = 0u;
override has_bias: bool = false;
override has_residual: bool = false;

// Output n of a row from its sum of products; nothing beyond the last row and output.
fn finish(row: u32, n: u32, sum: f32) {
    if (row >= parameters.rows || n >= parameters.outputs) {
        return;
    }
    var total = sum;
    if (has_bias) {
        total += bias[parameters.bias_offset + n];
    }
    if (activation == 1u) {
        total = gelu_tanh(total);
    } else if (activation == 2u) {
        total = gelu_exact(total);
    }
    let column = parameters.output_offset + n;
    if (has_residual) {
        total += residual[row * parameters.output_stride + column];
    }
    output[row * parameters.output_stride + column] = total;
}
