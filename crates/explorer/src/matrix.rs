//! Matrices read back.

use serde::Serialize;

/// A matrix read back, row-major.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matrix {
    /// Rows: tokens.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// `rows * cols` numbers.
    pub data: Vec<f32>,
}

impl Matrix {
    /// Some of its rows.
    pub(crate) fn of_rows(&self, rows: std::ops::Range<usize>) -> Self {
        Self {
            rows: rows.len(),
            cols: self.cols,
            data: self.data[rows.start * self.cols..rows.end * self.cols].to_vec(),
        }
    }
}
