//! The device (a GPU through `wgpu`, or the CPU), its buffers and pipelines, and one typed function per kernel.
//!
//! The engine is written once: it records kernels with a [`Recorder`], which gives a [`Plan`] that can be run
//! any number of times. On the GPU a plan is a list of dispatches in one compute pass, with every bind group
//! already made; on the CPU it is the list of the kernels' CPU references. `shaders/<kernel>.wgsl` and
//! `src/cpu/<kernel>.rs` have the same name, the same bindings and the same result.

mod answer;
mod backlog;
mod buffer;
mod cpu;
mod device;
mod download;
mod edits;
mod error;
mod gpu;
mod gpu_plan;
pub mod host;
mod kernel;
mod matrix;
mod memory;
mod options;
mod pieces;
mod plan;
mod pool;
mod recorder;
pub mod rows;
mod state;
mod strips;
mod ticket;
mod upload;
mod waiting;
mod workspace;

pub use buffer::Buffer;
pub use cpu::{
    column_sums::Sum, cross_entropy::STATISTICS_PER_ROW, epilogue::Activation,
    latent_statistics::LATENT_STATISTICS, sae_normalize::Normalization,
};
pub use device::Device;
pub use edits::{
    ALL_SEQUENCES, CONDITION_WORDS, EDIT_HEADER, EDIT_WORDS, Edit, EditCondition, EditOperation,
};
pub use error::Error;
pub use kernel::{
    adam_rows::{Adam, AdamDirections, AdamRule, adam_rows, adam_vector},
    add::{Add, add},
    all::SHADERS,
    apply_edits::{ApplyEdits, Directions, OldValues, apply_edits},
    attention::{Attention, AttentionCache, attention},
    attention_pattern::{AttentionPattern, attention_pattern},
    column_sums::{ColumnSums, column_sums, matrix_column_sums},
    copy::{Copy, copy},
    cross_entropy::{CrossEntropy, cross_entropy},
    decode_levels::{DecodeLevels, decode_levels},
    edit_conditions::{EditConditions, edit_conditions},
    embedding::{Embedding, embedding},
    fill::fill,
    gate::{Gate, Magnitude, gate},
    gather_rows::{GatherRows, RowIndex, gather_rows},
    kl_divergence::{KlDivergence, kl_divergence},
    latent_activity::{LatentActivity, latent_activity},
    latent_gradients::{LatentGradients, latent_gradients},
    latent_statistics::{LatentStatistics, MAX_TOP_ROWS, latent_statistics},
    layer_norm::{LayerNorm, layer_norm},
    linear::linear,
    linear_topk::{EncoderScreen, LinearTopK, linear_topk},
    mask_columns::mask_columns,
    norm_scale::{NormScale, norm_scale},
    product::{Linear, NormedInput},
    sae_normalize::{SaeNormalize, sae_normalize},
    scale_shift::{ScaleShift, scale_shift},
    shader::{Access, Shader},
    sparse_codes::{LatentEntries, Levels, SparseCodes},
    sparse_decode::{SparseDecode, sparse_decode},
    splice::{Splice, splice},
    topk::{MAX_K, TopK, topk},
    transpose_codes::transpose_codes,
};
pub use matrix::{Matrix, WeightFormat, is_exact_in_f16};
pub use options::{BackendKind, Counters, DeviceOptions, DispatchProfile, LimitsChoice};
pub use pieces::rows_in_piece;
pub use plan::{Plan, profile::KernelTime};
pub use recorder::Recorder;
pub use ticket::{ReadHandle, Readings, Ticket, words_as_f32};
pub use upload::Stored;
pub use workspace::Workspace;
