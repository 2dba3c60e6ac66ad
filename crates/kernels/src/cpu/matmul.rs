//! CPU reference of `matmul.wgsl`.

use crate::cpu::linear::{Flags, Parameters};
use crate::cpu::{Bindings, linear};

pub(crate) fn run(parameters: &Parameters, flags: Flags, bindings: &Bindings<'_>) {
    let rows = parameters.rows as usize;
    let inputs = parameters.inputs as usize;
    let input = bindings.f32(1);
    let input = &input[parameters.input_first_row as usize * inputs..][..rows * inputs];
    linear::finish(parameters, flags, bindings, input, [2, 3, 4, 5]);
}
