//! The device (a GPU through `wgpu`, or the CPU), its buffers and pipelines, and one typed function a kernel.
//!
//! The engine is written once: it records kernels with a [`Recorder`], which gives a [`Plan`] that can be run
//! any number of times. On the GPU a plan is a list of dispatches in one compute pass, with every bind group
//! already made; on the CPU it is the list of the kernels' twins. `shaders/<kernel>.wgsl` and
//! `src/cpu/<kernel>.rs` have the same name, the same bindings and the same result.

mod answer;
mod backlog;
mod buffer;
mod cpu;
mod device;
mod error;
mod gpu;
mod kernel;
mod matrix;
mod memory;
mod plan;
mod recorder;
pub mod rows;
mod strips;
mod upload;
mod workspace;

pub use buffer::Buffer;
pub use device::{BackendKind, Counters, Device, DeviceOptions, Division, LimitsChoice};
pub use error::Error;
pub use kernel::{Access, SHADERS, Shader};
pub use kernel::{
    add::{Add, add},
    apply_edits::{
        ALL_SEQUENCES, ApplyEdits, Directions, EDIT_HEADER, EDIT_WORDS, Edit, EditOperation,
        OldValues, apply_edits,
    },
    attention::{Attention, AttentionCache, attention},
    attention_pattern::{AttentionPattern, attention_pattern},
    copy::{Copy, copy},
    cross_entropy::{CrossEntropy, STATISTICS_PER_ROW, cross_entropy},
    embedding::{Embedding, embedding},
    gate::{Gate, Magnitude, gate},
    gather_rows::{GatherRows, RowIndex, gather_rows},
    kl_divergence::{KlDivergence, kl_divergence},
    latent_statistics::{LATENT_STATISTICS, LatentStatistics, MAX_TOP_ROWS, latent_statistics},
    layer_norm::{LayerNorm, layer_norm},
    linear::{Activation, Linear, NormedInput, linear},
    norm_scale::{NormScale, norm_scale},
    sae_normalize::{Normalization, SaeNormalize, sae_normalize},
    scale_shift::{ScaleShift, scale_shift},
    sparse_decode::{SparseDecode, sparse_decode},
    splice::{Splice, splice},
    topk::{MAX_K, TopK, topk},
};
pub use matrix::{Matrix, WeightFormat, is_exact_in_f16};
pub use plan::{KernelTime, Plan, ReadHandle, Readings, Ticket, words_as_f32};
pub use recorder::Recorder;
pub use upload::{Stored, rows_in_piece};
pub use workspace::Workspace;
