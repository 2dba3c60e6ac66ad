//! CPU reference of `embedding.wgsl`.

use crate::cpu::Bindings;
use crate::rows::{POSITION, ROW_WORDS, TOKEN};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width: u32,
    pub row_words: u32,
    pub shard_first_row: u32,
    pub shard_rows: u32,
}

#[derive(Clone, Copy)]
pub(crate) struct Flags {
    pub weights_f16: bool,
    pub add_token: bool,
    pub add_position: bool,
}

pub(crate) fn run(parameters: &Parameters, flags: Flags, bindings: &Bindings<'_>) {
    let rows = bindings.u32(1);
    let token_embedding = bindings.f32(2);
    let position_embedding = bindings.f32(3);
    let mut output = bindings.f32_mut(4);
    let width = parameters.width as usize;
    for row in 0..parameters.rows as usize {
        let token = rows[row * ROW_WORDS + TOKEN];
        let Some(shard_row) = token.checked_sub(parameters.shard_first_row) else {
            continue;
        };
        if shard_row >= parameters.shard_rows {
            continue;
        }
        let position = rows[row * ROW_WORDS + POSITION] as usize;
        let out = &mut output[row * width..(row + 1) * width];
        out.fill(0.0);
        if flags.add_token {
            let first = shard_row as usize * parameters.row_words as usize;
            out.copy_from_slice(&token_embedding[first..first + width]);
        }
        if flags.add_position {
            for (value, position) in out.iter_mut().zip(&position_embedding[position * width..]) {
                *value += position;
            }
        }
    }
}
