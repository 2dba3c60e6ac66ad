//! CPU reference of `apply_edits.wgsl`.

use crate::cpu::{Bindings, simd};
use crate::edits::{
    ALL_SEQUENCES, EDIT_HEADER, EDIT_WORDS, GATE_CLOSED, GATE_OPEN, GATE_UNDEFINED,
};
use crate::rows::{POSITION, ROW_WORDS, SEQUENCE, SOURCE};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width: u32,
    pub width_old: u32,
    pub old_rows: u32,
    pub row_words: u32,
    pub shard_first_row: u32,
    pub shard_rows: u32,
    pub capacity: u32,
    pub set: u32,
    pub conditions: u32,
}

#[derive(Clone, Copy)]
pub(crate) enum OldKind {
    Sparse,
    Dense,
    Activation,
}

#[derive(Clone, Copy)]
pub(crate) struct Flags {
    pub old_kind: OldKind,
    pub relu: bool,
    pub by_source: bool,
    pub has_statistics: bool,
    pub identity: bool,
    pub weights_f16: bool,
}

pub(crate) fn run(parameters: &Parameters, flags: Flags, bindings: &Bindings<'_>) {
    let edits = bindings.u32(1);
    let rows_table = bindings.u32(2);
    let old_latents = bindings.u32(3);
    let old_values = bindings.f32(4);
    let statistics = bindings.f32(5);
    let directions = bindings.f32(6);
    let mut activation = bindings.f32_mut(7);
    let gates = bindings.u32(8);
    let (width, width_old) = (parameters.width as usize, parameters.width_old as usize);
    let count = edits[0].min(parameters.capacity) as usize;
    let (edits, _) = edits[EDIT_HEADER..].as_chunks::<EDIT_WORDS>();
    let (rows, _) = rows_table.as_chunks::<ROW_WORDS>();
    for (row, described) in rows.iter().enumerate().take(parameters.rows as usize) {
        let values = &mut activation[row * width..][..width];
        let source = if flags.by_source {
            described[SOURCE] as usize
        } else {
            row
        };
        let known = source < parameters.old_rows as usize;
        let deviation = match (flags.has_statistics, known) {
            (false, _) => 1.0,
            (true, true) => statistics[source * 2 + 1],
            (true, false) => f32::NAN,
        };
        for &[
            set,
            sequence,
            first,
            end,
            latent,
            operation,
            value,
            condition,
        ] in &edits[..count]
        {
            if set != parameters.set
                || (sequence != ALL_SEQUENCES && sequence != described[SEQUENCE])
                || !(first..end).contains(&described[POSITION])
            {
                continue;
            }
            let Some(in_shard) = latent
                .checked_sub(parameters.shard_first_row)
                .filter(|in_shard| *in_shard < parameters.shard_rows)
            else {
                continue;
            };
            let gate = match condition.checked_sub(1) {
                None => GATE_OPEN,
                Some(column) if column >= parameters.conditions => GATE_CLOSED,
                Some(column) => gates[row * parameters.conditions as usize + column as usize],
            };
            if gate == GATE_CLOSED {
                continue;
            }
            let old = || match flags.old_kind {
                _ if !known => f32::NAN,
                OldKind::Sparse => old_latents[source * width_old..][..width_old]
                    .iter()
                    .position(|listed| *listed == latent)
                    .map_or(0.0, |slot| old_values[source * width_old + slot]),
                OldKind::Dense => {
                    let value = old_values[source * width_old + latent as usize];
                    if flags.relu && value < 0.0 {
                        0.0
                    } else {
                        value
                    }
                }
                OldKind::Activation => values[latent as usize],
            };
            let value = f32::from_bits(value);
            let delta = match operation {
                _ if gate == GATE_UNDEFINED => f32::NAN,
                0 => value - old(),
                1 => value,
                _ => {
                    let old = old();
                    old * value - old
                }
            };
            let change = delta * deviation;
            if change == 0.0 {
                continue;
            }
            if flags.identity {
                values[latent as usize] += change;
            } else {
                let first = in_shard as usize * parameters.row_words as usize;
                simd::add_scaled(values, change, &directions[first..][..width]);
            }
        }
    }
}
