//! The kernels' CPU reference implementations: the oracle of the tests, and the kernels of the CPU device.
//!
//! A CPU reference sees the bindings of its shader under the same numbers. Weights are always `f32` on this device.

pub(crate) mod adam_rows;
pub(crate) mod add;
pub(crate) mod apply_edits;
pub(crate) mod attention;
pub(crate) mod attention_inputs;
pub(crate) mod attention_pattern;
pub(crate) mod attention_tiled;
#[cfg(any(test, target_arch = "wasm32"))]
mod blocks;
pub(crate) mod column_sums;
pub(crate) mod copy;
pub(crate) mod cross_entropy;
pub(crate) mod decode_levels;
#[cfg(not(target_arch = "wasm32"))]
mod destination;
pub(crate) mod edit_conditions;
pub(crate) mod embedding;
pub(crate) mod epilogue;
pub(crate) mod fill;
pub(crate) mod gate;
pub(crate) mod gather_rows;
pub(crate) mod kl_divergence;
#[cfg(not(target_arch = "wasm32"))]
mod lanes;
pub(crate) mod latent_activity;
pub(crate) mod latent_gradients;
pub(crate) mod latent_statistics;
pub(crate) mod layer_norm;
mod levels;
pub(crate) mod linear;
pub(crate) mod mark_latents;
pub(crate) mod mask_columns;
pub(crate) mod matmul;
pub(crate) mod matmul_direct;
pub(crate) mod matmul_small;
pub(crate) mod norm_scale;
pub(crate) mod operands;
#[cfg(not(target_arch = "wasm32"))]
mod panels;
pub(crate) mod parallel;
pub(crate) mod prefix_sums;
pub(crate) mod product;
#[cfg(not(target_arch = "wasm32"))]
mod query_tiles;
pub(crate) mod sae_normalize;
pub(crate) mod scale_shift;
pub(crate) mod scatter_latents;
mod scratch;
pub(crate) mod screen;
pub(crate) mod simd;
pub(crate) mod sparse_decode;
pub(crate) mod splice;
#[cfg(not(target_arch = "wasm32"))]
mod team;
pub(crate) mod topk;
pub(crate) mod write_columns;

use std::cell::{Ref, RefCell, RefMut};

use crate::buffer::Buffer;

/// The instruction set that the products use.
pub(crate) fn instruction_set() -> &'static str {
    if cfg!(target_feature = "simd128") {
        "WebAssembly SIMD128"
    } else if cfg!(target_arch = "wasm32") {
        "WebAssembly"
    } else {
        std::env::consts::ARCH
    }
}

/// The storage buffers of one dispatch, by binding number.
pub(crate) struct Bindings<'a>(Vec<(&'a RefCell<Vec<u32>>, usize)>);

impl<'a> Bindings<'a> {
    pub(crate) fn new(buffers: &'a [Buffer]) -> Self {
        // Memory may be larger than the buffer that lies in it.
        let memory = |buffer: &'a Buffer| Some((buffer.cpu_memory()?, buffer.words()));
        Self(buffers.iter().filter_map(memory).collect())
    }

    pub(crate) fn u32(&self, binding: usize) -> Ref<'_, [u32]> {
        let (memory, words) = self.0[binding - 1];
        Ref::map(memory.borrow(), |memory| &memory[..words])
    }

    pub(crate) fn u32_mut(&self, binding: usize) -> RefMut<'_, [u32]> {
        let (memory, words) = self.0[binding - 1];
        RefMut::map(memory.borrow_mut(), |memory| &mut memory[..words])
    }

    pub(crate) fn f32(&self, binding: usize) -> Ref<'_, [f32]> {
        Ref::map(self.u32(binding), |words| bytemuck::cast_slice(words))
    }

    pub(crate) fn f32_mut(&self, binding: usize) -> RefMut<'_, [f32]> {
        RefMut::map(self.u32_mut(binding), |words| {
            bytemuck::cast_slice_mut(words)
        })
    }
}
