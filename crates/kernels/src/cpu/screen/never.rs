//! A screen where no processor is known to have products of bf16: there is none.

/// Weights that are never prepared.
#[derive(Debug, Default)]
pub struct Screen(());

impl Screen {
    /// False.
    #[must_use]
    pub fn prepare(&mut self, _: (&[f32], usize), _: &[f32], _: usize) -> bool {
        false
    }

    /// Nothing.
    pub fn memory(_: usize, _: usize) -> u64 {
        0
    }

    /// 0.
    pub fn bytes(&self) -> u64 {
        0
    }

    /// Never called, since nothing is ever prepared; false.
    #[must_use]
    pub fn top_k(
        &self,
        _: &[f32],
        _: (&[f32], &[f32]),
        _: usize,
        _: (&mut [u32], &mut [f32]),
    ) -> bool {
        false
    }
}
