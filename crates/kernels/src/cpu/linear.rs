//! CPU reference of `linear.wgsl`.

use crate::cpu::epilogue::{Activation, Epilogue};
use crate::cpu::operands::Product;
use crate::cpu::product::product;
use crate::cpu::scratch::scratch;
use crate::cpu::{Bindings, layer_norm};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub inputs: u32,
    pub outputs: u32,
    pub row_vectors: u32,
    pub input_first_row: u32,
    pub output_stride: u32,
    pub output_offset: u32,
    pub bias_offset: u32,
    pub epsilon: f32,
}

#[derive(Clone, Copy)]
pub(crate) struct Flags {
    pub weights_f16: bool,
    pub normalise: bool,
    pub activation: Activation,
    pub has_bias: bool,
    pub has_residual: bool,
}

pub(crate) fn run(parameters: &Parameters, flags: Flags, bindings: &Bindings<'_>) {
    let rows = parameters.rows as usize;
    let inputs = parameters.inputs as usize;
    let input = bindings.f32(1);
    let input = &input[parameters.input_first_row as usize * inputs..][..rows * inputs];
    if !flags.normalise {
        return finish(parameters, flags, bindings, input, [3, 4, 5, 6]);
    }
    let weight_bias = bindings.f32(2);
    let mut normalised = scratch(rows * inputs);
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
        &Epilogue {
            bias,
            activation: flags.activation,
            residual: residual.as_deref(),
        },
    );
}
