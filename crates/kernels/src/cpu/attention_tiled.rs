//! CPU reference of `attention_tiled.wgsl`, which differs from `attention.wgsl` in how it divides the work, not in what it
//! computes: the dispatch runs that one's.
