//! Twin of `linear.wgsl`.

use crate::cpu::product::{Product, product};
use crate::cpu::{Bindings, layer_norm, simd};
use crate::kernel::linear::{Activation, Flags, Parameters};

pub(crate) fn run(parameters: &Parameters, flags: Flags, bindings: &Bindings<'_>) {
    let rows = parameters.rows as usize;
    let inputs = parameters.inputs as usize;
    let input = bindings.f32(1);
    let input = &input[parameters.input_first_row as usize * inputs..][..rows * inputs];
    if !flags.normalise {
        return finish(parameters, flags, bindings, input, [3, 4, 5, 6]);
    }
    let weight_bias = bindings.f32(2);
    let mut normalised = vec![0.0; rows * inputs];
    layer_norm::rows(
        input,
        &weight_bias[..2 * inputs],
        parameters.epsilon,
        &mut normalised,
    );
    finish(parameters, flags, bindings, &normalised, [3, 4, 5, 6]);
}

/// The product with its epilogue. `numbers` are the bindings of weights, bias, residual and output.
pub(crate) fn finish(
    parameters: &Parameters,
    flags: Flags,
    bindings: &Bindings<'_>,
    input: &[f32],
    numbers: [usize; 4],
) {
    let [weights, bias, residual, output] = numbers;
    let rows = parameters.rows as usize;
    let outputs = parameters.outputs as usize;
    let stride = parameters.output_stride as usize;
    let column = parameters.output_offset as usize;
    let mut output = bindings.f32_mut(output);
    let bias = flags.has_bias.then(|| bindings.f32(bias));
    let bias = bias
        .as_deref()
        .map(|bias| &bias[parameters.bias_offset as usize..][..outputs]);
    let residual = flags.has_residual.then(|| bindings.f32(residual));
    let residual = residual.as_deref();
    product(
        &Product {
            input,
            rows,
            inputs: parameters.inputs as usize,
            weights: &bindings.f32(weights),
            weight_stride: parameters.row_vectors as usize * 4,
            outputs,
        },
        &mut output,
        (stride, column),
        |row, first, values| {
            if let Some(bias) = bias {
                simd::add_scaled(values, 1.0, &bias[first..]);
            }
            match flags.activation {
                Activation::None => {}
                Activation::GeluTanh => simd::gelu_tanh(values),
                Activation::Gelu => simd::gelu(values),
            }
            if let Some(residual) = residual {
                simd::add_scaled(values, 1.0, &residual[row * stride + column + first..]);
            }
        },
    );
}
