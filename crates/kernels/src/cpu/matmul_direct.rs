//! CPU reference of `matmul_direct.wgsl`, which differs from `matmul.wgsl` in how it divides the work, not in what it computes:
//! the dispatch that both share runs the CPU reference of that one.
