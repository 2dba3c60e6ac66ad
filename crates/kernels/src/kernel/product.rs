//! Arguments of the products with a weight matrix, which their kernels share.

use crate::cpu::epilogue::Activation;
use crate::cpu::linear::Flags;
use crate::{Buffer, Matrix};

/// LayerNorm on the way into a product.
#[derive(Clone, Copy)]
pub struct NormedInput<'a> {
    /// Weight, then bias: `[2, inputs]`.
    pub weight_bias: &'a Buffer,
    /// Added to the variance.
    pub epsilon: f32,
    /// `[rows, inputs]`: holds the normalised rows where the product is tiled; unused for few rows.
    pub scratch: &'a Buffer,
}

/// Arguments of [`crate::linear`].
pub struct Linear<'a> {
    /// `[.., inputs]` f32.
    pub input: &'a Buffer,
    /// First row taken of the input.
    pub input_first_row: usize,
    /// Number of rows.
    pub rows: usize,
    /// LayerNorm of the input rows, if any.
    pub norm: Option<NormedInput<'a>>,
    /// `[outputs, inputs]`.
    pub weights: &'a Matrix,
    /// `[outputs]`.
    pub bias: Option<&'a Buffer>,
    /// Applied after the bias.
    pub activation: Activation,
    /// `[rows, outputs]`, added last.
    pub residual: Option<&'a Buffer>,
    /// `[rows, outputs]`.
    pub output: &'a Buffer,
}

impl<'a> Linear<'a> {
    /// The product alone: no LayerNorm before it, nothing added after it, and from the first row of the input on.
    pub fn plain(input: &'a Buffer, rows: usize, weights: &'a Matrix, output: &'a Buffer) -> Self {
        Self {
            input,
            input_first_row: 0,
            rows,
            norm: None,
            weights,
            bias: None,
            activation: Activation::None,
            residual: None,
            output,
        }
    }
}

impl Activation {
    /// The shaders' pipeline constant.
    pub(crate) fn constant(self) -> (&'static str, f64) {
        let number = match self {
            Self::None => 0.0,
            Self::GeluTanh => 1.0,
            Self::Gelu => 2.0,
        };
        ("activation", number)
    }
}

impl Flags {
    pub(crate) fn of(args: &Linear<'_>) -> Self {
        Self {
            weights_f16: args.weights.is_f16(),
            normalise: args.norm.is_some(),
            activation: args.activation,
            has_bias: args.bias.is_some(),
            has_residual: args.residual.is_some(),
        }
    }
}
