//! The end of a product: bias, activation and residual sum of each output.

use crate::cpu::simd;

/// A function applied to each output of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// The output as it is.
    None,
    /// 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))), which GPT-2 was trained with.
    GeluTanh,
    /// x·Φ(x) = 0.5·x·(1 + erf(x/√2)). Its error is that of f32: below 3e-7·|x|.
    Gelu,
}

/// The functions that each output of a product passes through, in this order.
#[derive(Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    /// `[outputs]`, added.
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) activation: Activation,
    /// Added; it lies as the output does.
    pub(crate) residual: Option<&'a [f32]>,
}

impl Epilogue<'_> {
    /// Applies it to neighbouring outputs of a row, of which `first` is the first, and the output's element `place`.
    #[inline(always)]
    pub(crate) fn apply(&self, values: &mut [f32], first: usize, place: usize) {
        if let Some(bias) = self.bias {
            add(values, &bias[first..]);
        }
        match self.activation {
            Activation::None => {}
            Activation::GeluTanh => simd::gelu_tanh(values),
            Activation::Gelu => simd::gelu(values),
        }
        if let Some(residual) = self.residual {
            add(values, &residual[place..]);
        }
    }
}

#[inline(always)]
fn add(values: &mut [f32], terms: &[f32]) {
    for (value, term) in values.iter_mut().zip(terms) {
        *value += term;
    }
}

#[cfg(test)]
pub(crate) const NOTHING: Epilogue<'static> = Epilogue {
    bias: None,
    activation: Activation::None,
    residual: None,
};
