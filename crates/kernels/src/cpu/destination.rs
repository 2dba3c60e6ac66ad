//! An output matrix that threads write parts of.

use std::marker::PhantomData;

/// An output that threads write side by side, each its own rows or columns.
pub(crate) struct Destination<'a> {
    first: *mut f32,
    words: usize,
    output: PhantomData<&'a mut [f32]>,
}

// SAFETY: only `write` uses the pointer, and its callers on different threads write different places.
unsafe impl Sync for Destination<'_> {}

impl<'a> Destination<'a> {
    pub(crate) fn new(output: &'a mut [f32]) -> Self {
        Self {
            first: output.as_mut_ptr(),
            words: output.len(),
            output: PhantomData,
        }
    }

    /// Writes `values` from `place` on.
    ///
    /// # Safety
    /// No other thread may write there.
    #[inline(always)]
    pub(crate) unsafe fn write(&self, place: usize, values: &[f32]) {
        assert!(place <= self.words && values.len() <= self.words - place);
        // SAFETY: the assert bounds the place. `values` is no part of the output, which is borrowed mutably for as long as this
        // lives, and no other thread writes there, as the caller promises.
        unsafe {
            std::ptr::copy_nonoverlapping(values.as_ptr(), self.first.add(place), values.len());
        }
    }
}
