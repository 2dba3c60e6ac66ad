//! Reconstructions by level, their errors, and the gradient of the loss in them.

use kernels::host;

use crate::selection::Selection;
use crate::sums::ROWS;
use crate::vectors;

/// The loss of some reconstructions: Σ over levels of weight · Σ over rows of ‖reconstruction − target‖².
pub(crate) struct Objective<'a> {
    /// What is to be reconstructed, `[rows, width]`, without the decoder's bias.
    pub(crate) targets: &'a [f32],
    /// `[latents, width]`
    pub(crate) w_dec: &'a [f32],
    /// Weight of each level.
    pub(crate) weights: &'a [f32],
    /// The level that is measured.
    pub(crate) main: usize,
}

/// Results of decoding.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// For each row and each level the gradient in all reconstructions from that level on, `[rows, levels, width]`: that is the
    /// gradient which a latent of the level gets.
    pub(crate) gradients: Vec<f32>,
    /// Reconstruction − target of the measured level, `[rows, width]`.
    pub(crate) residuals: Vec<f32>,
    /// Σ ‖residual‖² of the measured level.
    pub(crate) squared: f64,
    /// The loss.
    pub(crate) loss: f64,
    /// Σ over rows of the gradient in all reconstructions, `[width]`: that of the decoder's bias.
    pub(crate) bias: Vec<f64>,
}

struct Sums {
    squared: f64,
    loss: f64,
    bias: Vec<f64>,
}

impl Decoded {
    /// Decodes the rows of a selection.
    pub(crate) fn fill(&mut self, selection: &Selection, objective: &Objective<'_>) {
        let rows = selection.rows();
        let width = objective.targets.len() / rows.max(1);
        let levels = objective.weights.len();
        self.gradients.resize(rows * levels * width, 0.0);
        self.residuals.resize(rows * width, 0.0);
        let pieces = rows.div_ceil(ROWS);
        let empty = || Sums {
            squared: 0.0,
            loss: 0.0,
            bias: vec![0.0; width],
        };
        let mut sums: Vec<Sums> = (0..pieces).map(|_| empty()).collect();
        let parts = self
            .gradients
            .chunks_mut(ROWS * levels * width)
            .zip(self.residuals.chunks_mut(ROWS * width))
            .zip(&mut sums)
            .enumerate();
        host::for_each(
            (rows * levels + 2 * selection.len()) * width / 8,
            parts,
            || vec![0.0; width],
            |sum, (piece, ((gradients, residuals), sums))| {
                let rows = gradients
                    .chunks_exact_mut(levels * width)
                    .zip(residuals.chunks_exact_mut(width));
                for (place, (gradients, residual)) in rows.enumerate() {
                    let row = piece * ROWS + place;
                    host::vectorised(
                        #[inline(always)]
                        || objective.row(selection, row, (sum, gradients, residual), sums),
                    );
                }
            },
        );
        (self.squared, self.loss) = (0.0, 0.0);
        self.bias.clear();
        self.bias.resize(width, 0.0);
        for sums in sums {
            self.squared += sums.squared;
            self.loss += sums.loss;
            for (total, sum) in self.bias.iter_mut().zip(sums.bias) {
                *total += sum;
            }
        }
    }
}

impl Objective<'_> {
    #[inline(always)]
    fn row(
        &self,
        selection: &Selection,
        row: usize,
        (sum, gradients, residual): (&mut [f32], &mut [f32], &mut [f32]),
        sums: &mut Sums,
    ) {
        let width = sum.len();
        for (sum, target) in sum.iter_mut().zip(&self.targets[row * width..]) {
            *sum = -target;
        }
        let mut items = selection.row(row).iter().peekable();
        for (level, (weight, gradient)) in self
            .weights
            .iter()
            .zip(gradients.chunks_exact_mut(width))
            .enumerate()
        {
            while let Some(item) = items.next_if(|item| item.level as usize <= level) {
                let direction = &self.w_dec[item.latent as usize * width..][..width];
                vectors::add_scaled(sum, item.value, direction);
            }
            let squared = f64::from(vectors::dot(sum, sum));
            sums.loss += f64::from(*weight) * squared;
            if level == self.main {
                sums.squared += squared;
                residual.copy_from_slice(sum);
            }
            for (gradient, sum) in gradient.iter_mut().zip(&*sum) {
                *gradient = 2.0 * weight * sum;
            }
        }
        // A latent of a level is in all reconstructions from there on.
        for level in (0..self.weights.len().saturating_sub(1)).rev() {
            let (before, behind) = gradients.split_at_mut((level + 1) * width);
            for (gradient, later) in before[level * width..].iter_mut().zip(behind) {
                *gradient += *later;
            }
        }
        for (sum, gradient) in sums.bias.iter_mut().zip(&*gradients) {
            *sum += f64::from(*gradient);
        }
    }
}
