//! CPU reference of `latent_statistics.wgsl`, in time linear in the slots.

use crate::cpu::Bindings;

/// Words per latent of the statistics: count, sum, sum of squares, maximum.
pub const LATENT_STATISTICS: usize = 4;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub slots: u32,
    pub k: u32,
    pub d_sae: u32,
    pub top: u32,
}

/// A sum with Kahan's compensation.
#[derive(Clone, Copy, Default)]
struct Sum {
    total: f32,
    lost: f32,
}

impl Sum {
    fn add(&mut self, value: f32) {
        let term = value - self.lost;
        let next = self.total + term;
        self.lost = (next - self.total) - term;
        self.total = next;
    }
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let latents = bindings.u32(1);
    let activations = bindings.f32(2);
    let mut statistics = bindings.f32_mut(3);
    let mut top_values = bindings.f32_mut(4);
    let mut top_rows = bindings.u32_mut(5);
    let (d_sae, top) = (parameters.d_sae as usize, parameters.top as usize);
    let (slots, k) = (parameters.slots as usize, parameters.k as usize);
    top_values[..d_sae * top].fill(0.0);
    top_rows[..d_sae * top].fill(u32::MAX);
    let mut sums = vec![(0_u32, Sum::default(), Sum::default(), 0.0_f32); d_sae];
    for (slot, (&latent, &z)) in latents[..slots].iter().zip(activations.iter()).enumerate() {
        let Some((count, sum, squares, largest)) = sums.get_mut(latent as usize) else {
            continue;
        };
        sum.add(z);
        squares.add(z * z);
        if z > 0.0 {
            *count += 1;
            *largest = largest.max(z);
            let kept = latent as usize * top..(latent as usize + 1) * top;
            insert(
                &mut top_values[kept.clone()],
                &mut top_rows[kept],
                z,
                (slot / k) as u32,
            );
        }
    }
    for (out, (count, sum, squares, largest)) in
        statistics.chunks_exact_mut(LATENT_STATISTICS).zip(sums)
    {
        out.copy_from_slice(&[count as f32, sum.total, squares.total, largest]);
    }
}

/// Puts a value after all that are as large, and drops the last.
fn insert(values: &mut [f32], rows: &mut [u32], value: f32, row: u32) {
    let place = values.partition_point(|kept| *kept >= value);
    if place < values.len() {
        values[place..].rotate_right(1);
        rows[place..].rotate_right(1);
        values[place] = value;
        rows[place] = row;
    }
}
