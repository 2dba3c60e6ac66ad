//! AuxK: dead latents reconstruct what the others left of a token (section A.2 of the paper), so that they come to life.

use crate::decode::{Decoded, Objective};
use crate::encode::{Encoder, Winners};
use crate::gradients;
use crate::parameters::Parameters;
use crate::selection::{Levels, Selection};
use crate::sums;

/// Memory of AuxK, used again in every step.
#[derive(Debug, Default)]
pub(crate) struct Auxiliary {
    weights: Vec<f32>,
    bias: Vec<f32>,
    encoder: Encoder,
    targets: Vec<f32>,
    winners: Winners,
    selection: Selection,
    pub(crate) decoded: Decoded,
}

impl Auxiliary {
    /// Adds the gradients of coefficient · Σ ‖ê − e‖² / Σ ‖e − mean(e)‖², where e is what the measured reconstruction left of each
    /// of some rows and ê comes from the `slots` dead latents that are the largest there. Returns the loss without the
    /// coefficient; None where it is undefined, and then nothing is added.
    pub(crate) fn add(
        &mut self,
        parameters: &Parameters,
        dead: &[u32],
        (inputs, residuals): (&[f32], &[f32]),
        (slots, coefficient): (usize, f64),
        into: &mut Parameters,
    ) -> Option<f64> {
        let width = parameters.width();
        let slots = slots.min(dead.len());
        if slots == 0 {
            return None;
        }
        self.targets.clear();
        self.targets.extend(residuals.iter().map(|value| -value));
        let (_, spread) = sums::spread(&self.targets, width);
        let weight = (coefficient / spread) as f32;
        if !(weight > 0.0 && weight.is_finite()) {
            return None;
        }
        self.weights.clear();
        self.bias.clear();
        for latent in dead {
            let latent = *latent as usize;
            let row = &parameters.w_enc[latent * width..][..width];
            self.weights.extend_from_slice(row);
            self.bias.push(parameters.b_enc[latent]);
        }
        let is_number = self.encoder.encode(
            (inputs, width),
            (&self.weights, &self.bias),
            slots,
            &mut self.winners,
        );
        if !is_number {
            return None;
        }
        let latents = parameters.latents();
        self.selection
            .fill(&self.winners, latents, &Levels::One, Some(dead));
        self.decoded.fill(
            &self.selection,
            &Objective {
                targets: &self.targets,
                w_dec: &parameters.w_dec,
                weights: &[weight],
                main: 0,
            },
        );
        gradients::latents(
            &self.selection,
            (inputs, &self.decoded.gradients, 1),
            (&parameters.w_dec, 0.0),
            into,
            true,
        );
        Some(self.decoded.squared / spread)
    }
}
