//! Data types of stored numbers.

use crate::source::Bytes;

/// Data type of a tensor's floating-point elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dtype {
    /// IEEE 754 double precision, 8 bytes.
    F64,
    /// IEEE 754 single precision, 4 bytes.
    F32,
    /// IEEE 754 half precision, 2 bytes.
    F16,
    /// The upper half of a single, 2 bytes.
    BF16,
}

impl Dtype {
    /// The type of this name in `safetensors`, if it can hold weights.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "F64" => Some(Self::F64),
            "F32" => Some(Self::F32),
            "F16" => Some(Self::F16),
            "BF16" => Some(Self::BF16),
            _ => None,
        }
    }

    /// Bytes an element takes.
    pub fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
        }
    }

    /// One little-endian element as f32. `bytes` must hold exactly [`Dtype::size`] bytes; anything else reads as NaN.
    fn element(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::F64, &[a, b, c, d, e, f, g, h]) => {
                f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32
            }
            (Self::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Self::F16, &[a, b]) => half::f16::from_le_bytes([a, b]).to_f32(),
            (Self::BF16, &[a, b]) => half::bf16::from_le_bytes([a, b]).to_f32(),
            _ => f32::NAN,
        }
    }

    /// All little-endian elements of `bytes` as f32, in order.
    pub(crate) fn decode(self, bytes: Bytes) -> Vec<f32> {
        // The match on the dtype stands outside of the loop, so that each loop vectorises.
        match self {
            Self::F64 => bytes
                .as_chunks::<8>()
                .0
                .iter()
                .map(|b| Self::F64.element(b))
                .collect(),
            Self::F32 => bytes.into_f32(),
            Self::F16 => bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|b| Self::F16.element(b))
                .collect(),
            Self::BF16 => bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|b| Self::BF16.element(b))
                .collect(),
        }
    }
}
