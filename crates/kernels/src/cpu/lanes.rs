//! Products with vectors along the rows, natively, by the crate `gemm`.
//!
//! `gemm` computes with vectors along one dimension and broadcasts along the other. Vectors along the rows need only the left
//! operand transposed, `[inner, lanes]`, which here is the small one; the right one is taken as it lies.

/// Lanes are padded to a multiple of this: whole vectors of AVX-512.
pub(crate) const VECTOR: usize = 16;

/// The right operand of a product, `[inner, outputs]`.
pub(crate) struct Right<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

/// `output[n, lane] = Σ left[k, lane] · right[k, n]`, added to what is there unless it is to be replaced.
///
/// With up to 64 lanes and 2 to 64 outputs, `gemm` takes both operands as they are and sums over 512 at a time, so that an
/// element does not depend on how many lanes and outputs there are.
pub(crate) fn multiply(
    (left, lanes, inner): (&[f32], usize, usize),
    right: &Right<'_>,
    replace: bool,
    output: &mut [f32],
) {
    if inner == 0 {
        if replace {
            output.fill(0.0);
        }
        return;
    }
    let outputs = output.len() / lanes;
    let last = (inner - 1) * right.row_stride + (outputs - 1) * right.column_stride;
    assert!(left.len() >= lanes * inner && right.values.len() > last);
    // SAFETY: the lengths bound every element that these shapes and strides reach.
    unsafe {
        gemm::gemm(
            lanes,
            outputs,
            inner,
            output.as_mut_ptr(),
            lanes as isize,
            1,
            !replace,
            left.as_ptr(),
            lanes as isize,
            1,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
