//! Twin of `matmul_direct.wgsl`, which differs from `matmul.wgsl` in how it divides the work, not in what it computes.

pub(crate) use crate::cpu::matmul::run;
