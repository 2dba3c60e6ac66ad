//! Twin of `copy.wgsl`.

use crate::cpu::Bindings;
use crate::kernel::copy::Parameters;

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let words = parameters.words as usize;
    bindings.u32_mut(2)[parameters.output_offset as usize..][..words]
        .copy_from_slice(&bindings.u32(1)[parameters.input_offset as usize..][..words]);
}
