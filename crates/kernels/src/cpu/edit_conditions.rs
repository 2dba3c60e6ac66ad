//! CPU reference of `edit_conditions.wgsl`.

use crate::cpu::Bindings;
use crate::cpu::apply_edits::OldKind;
use crate::edits::{CONDITION_WORDS, EDIT_HEADER, GATE_CLOSED, GATE_OPEN, GATE_UNDEFINED};
use crate::rows::{ROW_WORDS, SOURCE};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width_old: u32,
    pub old_rows: u32,
    pub capacity: u32,
    pub set: u32,
    pub latents: u32,
}

#[derive(Clone, Copy)]
pub(crate) struct Flags {
    pub old_kind: OldKind,
    pub relu: bool,
    pub by_source: bool,
}

pub(crate) fn run(parameters: &Parameters, flags: Flags, bindings: &Bindings<'_>) {
    let conditions = bindings.u32(1);
    let rows_table = bindings.u32(2);
    let old_latents = bindings.u32(3);
    let old_values = bindings.f32(4);
    let mut gates = bindings.u32_mut(5);
    let (width, capacity) = (parameters.width_old as usize, parameters.capacity as usize);
    let count = conditions[0].min(parameters.capacity) as usize;
    let (conditions, _) = conditions[EDIT_HEADER..].as_chunks::<CONDITION_WORDS>();
    let (rows, _) = rows_table.as_chunks::<ROW_WORDS>();
    for (row, described) in rows.iter().enumerate().take(parameters.rows as usize) {
        let source = match flags.by_source {
            true => described[SOURCE] as usize,
            false => row,
        };
        for (c, &[set, latent, bound, _]) in conditions[..count].iter().enumerate() {
            if set != parameters.set {
                continue;
            }
            let known = source < parameters.old_rows as usize && latent < parameters.latents;
            let value = match flags.old_kind {
                _ if !known => f32::NAN,
                OldKind::Dense | OldKind::Activation => {
                    let value = old_values[source * width + latent as usize];
                    if flags.relu && value < 0.0 {
                        0.0
                    } else {
                        value
                    }
                }
                OldKind::Sparse => old_latents[source * width..][..width]
                    .iter()
                    .position(|listed| *listed == latent)
                    .map_or(0.0, |slot| old_values[source * width + slot]),
            };
            gates[row * capacity + c] = match value > f32::from_bits(bound) {
                _ if value.is_nan() => GATE_UNDEFINED,
                true => GATE_OPEN,
                false => GATE_CLOSED,
            };
        }
    }
}
