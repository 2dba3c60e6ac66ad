//! CPU reference of `mask_columns.wgsl`.

use crate::cpu::Bindings;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub columns: u32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let mask = bindings.f32(1);
    let mut values = bindings.f32_mut(2);
    let columns = parameters.columns as usize;
    for row in values
        .chunks_exact_mut(columns)
        .take(parameters.rows as usize)
    {
        for (value, mask) in row.iter_mut().zip(mask.as_chunks::<2>().0) {
            if mask[0] == 0.0 {
                *value = -3e38;
            }
        }
    }
}
