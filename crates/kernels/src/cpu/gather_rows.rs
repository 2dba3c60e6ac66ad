//! CPU reference of `gather_rows.wgsl`.

use crate::cpu::Bindings;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width: u32,
    pub input_rows: u32,
    pub index_stride: u32,
    pub index_word: u32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let input = bindings.u32(1);
    let index = bindings.u32(2);
    let mut output = bindings.u32_mut(3);
    let width = parameters.width as usize;
    for row in 0..parameters.rows as usize {
        let from_row =
            index[row * parameters.index_stride as usize + parameters.index_word as usize];
        let out = &mut output[row * width..][..width];
        if from_row < parameters.input_rows {
            out.copy_from_slice(&input[from_row as usize * width..][..width]);
        } else {
            out.fill(f32::NAN.to_bits());
        }
    }
}
