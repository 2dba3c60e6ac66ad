//! The largest outputs of an affine map, found with products of bf16, which a processor that has them makes twice as fast, and
//! computed in f32: exactly those that f32 finds.
//!
//! Inputs x and weights w become bf16 numbers x̂ and ŵ. By Cauchy and Schwarz |x·w − x̂·ŵ| ≤ ‖x − x̂‖·‖ŵ‖ + ‖x‖·‖w − ŵ‖, and both
//! differences are known. So every output has a lower and an upper bound. The k-th largest lower bound is not above the k-th
//! largest output, and only outputs whose upper bound reaches it can be among the k largest: some more than k, as a rule. Those
//! alone are computed in f32 and compared.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(not(target_arch = "x86_64"))]
mod never;
#[cfg(target_arch = "x86_64")]
mod packed;
#[cfg(target_arch = "x86_64")]
mod prepared;

#[cfg(not(target_arch = "x86_64"))]
pub use never::Screen;
#[cfg(target_arch = "x86_64")]
pub use packed::Screen;
