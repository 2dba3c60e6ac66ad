//! CPU reference of `column_sums.wgsl`.

use crate::cpu::Bindings;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width: u32,
    pub stride: u32,
    pub piece_rows: u32,
    pub first_factor: u32,
}

/// What becomes of the output's old values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// The sums take their place.
    Write,
    /// The sums are added.
    Add,
    /// The sums are subtracted.
    Subtract,
}

pub(crate) fn run(
    parameters: &Parameters,
    (has_factors, sum): (bool, Sum),
    bindings: &Bindings<'_>,
) {
    let factors = has_factors.then(|| bindings.f32(1));
    let input = bindings.f32(2);
    let mut output = bindings.f32_mut(3);
    let (rows, width) = (parameters.rows as usize, parameters.width as usize);
    let mut total = vec![0.0_f32; width];
    for (piece, begin) in (0..rows)
        .step_by(parameters.piece_rows as usize)
        .enumerate()
    {
        total.fill(0.0);
        for row in begin..(begin + parameters.piece_rows as usize).min(rows) {
            let factor = factors.as_ref().map_or(1.0, |factors| {
                factors[parameters.first_factor as usize + row]
            });
            let values = &input[row * parameters.stride as usize..][..width];
            for (total, value) in total.iter_mut().zip(values) {
                *total += factor * value;
            }
        }
        for (output, total) in output[piece * width..].iter_mut().zip(&total) {
            *output = match sum {
                Sum::Write => *total,
                Sum::Add => *output + total,
                Sum::Subtract => *output - total,
            };
        }
    }
}
