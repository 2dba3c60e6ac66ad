//! Matrices read back.

use std::ops::Range;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};
use ts_rs::TS;

use crate::column;

/// A matrix, row-major. JavaScript and JSON have its rows and columns as its `shape`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "Shaped")]
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
    ///
    /// # Panics
    /// Where it has no such rows.
    #[must_use]
    pub fn of_rows(&self, rows: Range<usize>) -> Self {
        Self {
            rows: rows.len(),
            cols: self.cols,
            data: self.data[rows.start * self.cols..rows.end * self.cols].to_vec(),
        }
    }
}

/// A matrix as it is sent.
#[derive(Deserialize, TS)]
#[ts(rename = "Matrix")]
pub(crate) struct Shaped {
    /// `[rows, columns]`.
    shape: [usize; 2],
    /// Row-major.
    #[serde(with = "column")]
    #[ts(type = "Float32Array")]
    data: Vec<f32>,
}

impl From<Shaped> for Matrix {
    fn from(
        Shaped {
            shape: [rows, cols],
            data,
        }: Shaped,
    ) -> Self {
        Self { rows, cols, data }
    }
}

impl Serialize for Matrix {
    /// Without a copy of its numbers.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        struct Data<'a>(&'a [f32]);
        impl Serialize for Data<'_> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                column::serialize(self.0, to)
            }
        }
        let mut fields = to.serialize_struct("Matrix", 2)?;
        fields.serialize_field("shape", &[self.rows, self.cols])?;
        fields.serialize_field("data", &Data(&self.data))?;
        fields.end()
    }
}
