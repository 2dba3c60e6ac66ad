//! Tensors as views of their storages.

use std::ops::Range;

use super::TorchFile;
use crate::error::{Error, Result, shortened};
use crate::pickle::{Storage, Tensor};
use crate::tensors::{Dtype, check_finite, check_rows};

/// The most bytes that are read at once to gather the elements of a view that does not lie in one piece.
const LARGEST_GATHERED: u64 = 256 << 20;

/// A tensor of floating-point numbers, compared with its storage.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// Its key in the dictionary.
    key: String,
    /// The entry of the archive that holds its storage.
    entry: String,
    dtype: Dtype,
    /// Its shape; offset and strides are in elements.
    shape: Vec<usize>,
    strides: Vec<usize>,
    offset: usize,
}

impl View {
    /// A view, after checking that it lies inside of its storage. An error is a sentence that begins after the tensor's
    /// name.
    pub(super) fn new(
        key: &str,
        entry: String,
        dtype: Dtype,
        tensor: &Tensor,
        storage: &Storage,
    ) -> std::result::Result<Self, String> {
        check_layout(tensor, storage)?;
        Ok(Self {
            key: key.to_owned(),
            entry,
            dtype,
            shape: tensor.shape.clone(),
            strides: tensor.strides.clone(),
            offset: tensor.offset,
        })
    }

    /// The view of a matrix in which rows lie in one piece: of itself or, where columns do, of its transpose. The flag
    /// says that it is the transpose.
    pub(crate) fn by_rows(self) -> (Self, bool) {
        let (&[height, width], &[down, across]) = (self.shape.as_slice(), self.strides.as_slice())
        else {
            return (self, false);
        };
        if across == 1 || width == 1 || (down != 1 && height != 1) {
            return (self, false);
        }
        let transposed = Self {
            shape: vec![width, height],
            strides: vec![across, down],
            ..self
        };
        (transposed, true)
    }

    /// Rows of the leading dimension, row-major, as f32.
    pub(crate) async fn rows(&self, file: &TorchFile, rows: Range<usize>) -> Result<Vec<f32>> {
        check_rows(file.name(), &self.key, &self.shape, &rows)?;
        let (Some(&stride), false) = (self.strides.first(), rows.is_empty()) else {
            return Ok(Vec::new());
        };
        // It was checked that the furthest element lies inside of the storage, so that nothing here overflows.
        let width: usize = self.shape.iter().skip(1).product();
        if width == 0 {
            return Ok(Vec::new());
        }
        let inner = self.shape.iter().zip(&self.strides).skip(1);
        let reach: usize = inner.map(|(&size, &stride)| (size - 1) * stride).sum();
        let span = (rows.len() - 1) * stride + reach + 1;
        let shape: Vec<usize> = [rows.len()]
            .into_iter()
            .chain(self.shape.iter().skip(1).copied())
            .collect();
        let in_one_piece = is_row_major(&shape, &self.strides);
        let size = self.dtype.size() as u64;
        let bytes = span as u64 * size;
        if !in_one_piece && bytes > LARGEST_GATHERED {
            return Err(Error::unsupported(
                file.name(),
                &format!(
                    "the tensor `{}` is scattered over its storage, with strides",
                    shortened(&self.key)
                ),
                format!("{:?}", self.strides),
                "tensors that lie in one piece (call .contiguous() before saving)",
            ));
        }
        let first = self.offset + rows.start * stride;
        let bytes = file.part(&self.entry, first as u64 * size, bytes).await?;
        let flat = self.dtype.decode(bytes);
        let values = if in_one_piece {
            flat
        } else {
            gathered(&shape, &self.strides, &flat)
        };
        check_finite(file.name(), &self.key, &values, rows.start * width)?;
        Ok(values)
    }

    /// About where its elements begin in the file.
    pub(crate) fn position(&self, file: &TorchFile) -> u64 {
        let within = self.offset as u64 * self.dtype.size() as u64;
        file.position(&self.entry).saturating_add(within)
    }
}

/// True if elements follow each other in row-major order without gaps.
fn is_row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(strides).rev().all(|(&size, &stride)| {
        let fits = size == 1 || stride == expected;
        expected *= size;
        fits
    })
}

/// Refuses a view that reaches past its storage, or that shows elements more than once (an expanded tensor, which may
/// be of any size while its storage holds one number).
fn check_layout(tensor: &Tensor, storage: &Storage) -> std::result::Result<(), String> {
    let mut dimensions: Vec<(usize, usize)> = tensor
        .shape
        .iter()
        .copied()
        .zip(tensor.strides.iter().copied())
        .filter(|&(size, _)| size != 1)
        .collect();
    if dimensions.iter().any(|&(size, _)| size == 0) {
        return Ok(());
    }
    dimensions.sort_unstable_by_key(|&(_, stride)| stride);
    let beyond = || {
        format!(
            "reaches past its storage: offset {}, shape {:?}, strides {:?}, but {} elements",
            tensor.offset, tensor.shape, tensor.strides, storage.elements
        )
    };
    // The furthest element, relative to the offset, of the dimensions so far.
    let mut last = 0usize;
    for (size, stride) in dimensions {
        if stride <= last {
            return Err(format!(
                "shows elements of its storage more than once (shape {:?}, strides {:?}), which is not supported",
                tensor.shape, tensor.strides
            ));
        }
        last = (size - 1)
            .checked_mul(stride)
            .and_then(|reach| reach.checked_add(last))
            .ok_or_else(beyond)?;
    }
    match tensor.offset.checked_add(last) {
        Some(last) if last < storage.elements => Ok(()),
        _ => Err(beyond()),
    }
}

/// A checked view's elements in row-major order; the first is `flat[0]`.
fn gathered(shape: &[usize], strides: &[usize], flat: &[f32]) -> Vec<f32> {
    let count = shape.iter().product();
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        out.push(flat.get(at).copied().unwrap_or(f32::NAN));
        for (position, (&size, &stride)) in index.iter_mut().zip(shape.iter().zip(strides)).rev() {
            *position += 1;
            at += stride;
            if *position < size {
                break;
            }
            at -= stride * size;
            *position = 0;
        }
    }
    out
}
