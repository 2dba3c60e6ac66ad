//! Twin of `splice.wgsl`.

use crate::cpu::Bindings;
use crate::kernel::splice::Parameters;

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let input = bindings.f32(1);
    let replacement = bindings.f32(2);
    let mut output = bindings.f32_mut(3);
    let width = parameters.width as usize;
    for row in 0..parameters.rows {
        let keep = row % parameters.tokens_per_sequence < parameters.first_position;
        let source = if keep { &input } else { &replacement };
        let places = row as usize * width..(row as usize + 1) * width;
        output[places.clone()].copy_from_slice(&source[places]);
    }
}
