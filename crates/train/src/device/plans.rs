//! The parts of a step as plans of kernels.

use kernels::{
    Activation, Adam, AdamDirections, AdamRule, Buffer, ColumnSums, Copy, DecodeLevels, Device,
    LatentActivity, LatentGradients, Levels, Linear, Matrix, Normalization, Plan, ReadHandle,
    Recorder, SaeNormalize, SparseCodes, Sum, TopK, Workspace, adam_rows, adam_vector, column_sums,
    copy, decode_levels, latent_activity, latent_gradients, linear, mask_columns,
    matrix_column_sums, sae_normalize, topk, transpose_codes,
};

use super::buffers::Buffers;
use super::shape::Shape;
use super::state::Group;
use crate::config::{Config, DecoderNorm};
use crate::error::Error;

/// What plans are recorded with.
pub(super) struct Parts<'a> {
    pub(super) device: &'a Device,
    pub(super) workspace: &'a Workspace,
    pub(super) config: &'a Config,
    pub(super) shape: &'a Shape,
    pub(super) buffers: &'a Buffers,
    pub(super) weights: &'a Group,
    pub(super) gradient: &'a Group,
}

/// From a batch to its errors.
pub(super) struct Forward {
    pub(super) plan: Plan,
    /// `[rows]` u32: pre-activations that are NaN.
    pub(super) nans: ReadHandle,
    /// `[levels]`: Σ over rows of ‖reconstruction − target‖².
    pub(super) squares: ReadHandle,
    /// `[2]`: dead latents; active latents over all rows.
    pub(super) activity: ReadHandle,
    /// Of the rows of AuxK: `[levels]` as `squares`, and `[width]`, the sum of the residuals.
    pub(super) aux: (ReadHandle, ReadHandle),
}

/// Gradients of all weights.
pub(super) struct Gradients {
    pub(super) plan: Plan,
    /// With AuxK `[1]`: Σ over its rows of ‖reconstruction − target‖².
    pub(super) aux_squares: Option<ReadHandle>,
}

impl Parts<'_> {
    fn recorder(&self) -> Recorder {
        Recorder::sharing(self.device, self.workspace)
    }

    fn levels(&self) -> Levels<'_> {
        Levels {
            table: &self.buffers.levels,
            count: self.shape.levels,
            by_rank: self.shape.by_rank,
        }
    }

    /// Pre-activations of some rows.
    fn encode(&self, recorder: &mut Recorder, first: usize, rows: usize) -> Result<(), Error> {
        let args = Linear {
            input_first_row: first,
            bias: Some(&self.weights.b_enc),
            activation: Activation::None,
            ..Linear::plain(
                &self.buffers.inputs,
                rows,
                &self.weights.w_enc,
                &self.buffers.pre_activations,
            )
        };
        Ok(linear(recorder, &args)?)
    }

    /// The largest pre-activations of the first `rows` rows, in chunks that fit; of dead latents alone where `dead`.
    fn select(
        &self,
        recorder: &mut Recorder,
        (rows, slots, dead): (usize, usize, bool),
    ) -> Result<[Buffer; 3], Error> {
        let (chunk, latents) = (self.shape.chunk, self.shape.latents);
        let words = [rows * slots, rows * slots, rows];
        let labels = ["latents", "activations", "NaNs"];
        let made =
            |recorder: &Recorder, which: usize, words| recorder.scratch(labels[which], words);
        let mut whole = Vec::with_capacity(3);
        for (which, words) in words.into_iter().enumerate() {
            whole.push(made(recorder, which, words)?);
        }
        let mut piece = whole.clone();
        if rows > chunk {
            for (which, words) in [chunk * slots, chunk * slots, chunk]
                .into_iter()
                .enumerate()
            {
                piece[which] = made(recorder, which, words)?;
            }
        }
        for first in (0..rows).step_by(chunk) {
            let count = chunk.min(rows - first);
            // What fits one chunk is still there from the forward pass.
            if !dead || self.shape.rows > chunk {
                self.encode(recorder, first, count)?;
            }
            let values = &self.buffers.pre_activations;
            if dead {
                mask_columns(recorder, (values, count, latents), &self.buffers.activity)?;
            }
            let args = TopK {
                values,
                rows: count,
                n: latents,
                k: slots,
                relu: true,
                top_indices: &piece[0],
                top_values: &piece[1],
                nan_counts: &piece[2],
            };
            topk(recorder, &args)?;
            if rows > chunk {
                for ((input, output), size) in piece.iter().zip(&whole).zip([slots, slots, 1]) {
                    let args = Copy {
                        input,
                        input_offset: 0,
                        output,
                        output_offset: first * size,
                        words: count * size,
                    };
                    copy(recorder, &args)?;
                }
            }
        }
        let mut whole = whole.into_iter();
        let dummy = || self.buffers.clock.clone();
        Ok(std::array::from_fn(|_| whole.next().unwrap_or_else(dummy)))
    }

    fn sum(
        &self,
        recorder: &mut Recorder,
        input: (&Buffer, usize),
        (width, stride): (usize, usize),
        (output, sum): (&Buffer, Sum),
    ) -> Result<(), Error> {
        let args = ColumnSums {
            input: input.0,
            rows: input.1,
            width,
            stride,
            output,
            sum,
        };
        Ok(column_sums(recorder, &args)?)
    }

    /// Encodes, selects, reconstructs, and looks which latents are dead.
    pub(super) fn forward(&self) -> Result<Forward, Error> {
        let (shape, buffers) = (self.shape, self.buffers);
        let Shape {
            rows,
            width,
            latents,
            levels,
            ..
        } = *shape;
        let mut recorder = self.recorder();
        let statistics = recorder.scratch("statistics", 2 * rows)?;
        let args = SaeNormalize {
            input: &buffers.batch,
            rows,
            width,
            normalization: Normalization::None,
            b_dec: Some(&self.weights.b_dec),
            output: &buffers.inputs,
            statistics: &statistics,
        };
        sae_normalize(&mut recorder, &args)?;
        let [indices, values, nans] = self.select(&mut recorder, (rows, shape.slots, false))?;
        let codes = SparseCodes {
            latents: &indices,
            activations: &values,
            rows,
            k: shape.slots,
            d_sae: latents,
        };
        transpose_codes(&mut recorder, &codes, &self.levels(), &buffers.listed())?;
        let squares = recorder.scratch("squares", rows * levels)?;
        let args = DecodeLevels {
            codes,
            levels: self.levels(),
            main_level: shape.main,
            targets: &buffers.inputs,
            negative_targets: false,
            w_dec: &self.weights.w_dec,
            gradients: &buffers.gradients,
            residuals: &buffers.residuals,
            squares: &squares,
        };
        decode_levels(&mut recorder, &args)?;
        let args = LatentActivity {
            entries: buffers.listed(),
            d_sae: latents,
            levels,
            main_level: shape.main,
            threshold: self.config.dead_threshold,
            dead_steps: shape.dead_steps,
            clock: &buffers.clock,
            last_active: &buffers.last_active,
            activity: &buffers.activity,
        };
        latent_activity(&mut recorder, &args)?;
        let totals = [
            recorder.kept("sums of squares", levels)?,
            recorder.kept("sums of activity", 2)?,
            recorder.kept("AuxK's squares", levels)?,
            recorder.kept("AuxK's residuals", width)?,
        ];
        let inputs = [
            (&squares, rows, levels),
            (&buffers.activity, latents, 2),
            (&squares, shape.aux_rows, levels),
            (&buffers.residuals, shape.aux_rows, width),
        ];
        for (total, (input, rows, width)) in totals.iter().zip(inputs) {
            let into = (total, Sum::Write);
            self.sum(&mut recorder, (input, rows), (width, width), into)?;
        }
        let nans = recorder.read_back(&nans, rows)?;
        let squares = recorder.read_back(&totals[0], levels)?;
        let activity = recorder.read_back(&totals[1], 2)?;
        let aux_squares = recorder.read_back(&totals[2], levels)?;
        let aux_residuals = recorder.read_back(&totals[3], width)?;
        Ok(Forward {
            nans,
            squares,
            activity,
            aux: (aux_squares, aux_residuals),
            plan: recorder.finish(),
        })
    }

    fn latent_gradients(
        &self,
        recorder: &mut Recorder,
        (rows, slots, levels): (usize, usize, usize),
        add: bool,
    ) -> Result<(), Error> {
        let args = LatentGradients {
            entries: self.buffers.listed(),
            rows,
            most_entries: rows * slots,
            levels,
            gradients: &self.buffers.gradients,
            inputs: &self.buffers.inputs,
            w_dec: &self.weights.w_dec,
            dw_dec: &self.gradient.w_dec,
            dw_enc: &self.gradient.w_enc,
            db_enc: &self.gradient.b_enc,
            add,
        };
        Ok(latent_gradients(recorder, &args)?)
    }

    /// Takes from the gradient of b_dec what goes through the encoder: Σ_j db_enc[j]·W_enc[j].
    fn through_encoder(&self, recorder: &mut Recorder) -> Result<(), Error> {
        let into = (&self.gradient.b_dec, Sum::Subtract);
        let factors = &self.gradient.b_enc;
        Ok(matrix_column_sums(
            recorder,
            &self.weights.w_enc,
            factors,
            into,
        )?)
    }

    /// The plans of a step but for the optimiser's: forward, and gradients without AuxK and with it.
    pub(super) fn step(&self) -> Result<(Forward, [Gradients; 2]), Error> {
        let forward = self.forward()?;
        let without = self.gradients(false)?;
        let with = self.gradients(self.shape.aux_slots > 0)?;
        Ok((forward, [without, with]))
    }

    /// The gradients after [`Parts::forward`], with AuxK or without.
    pub(super) fn gradients(&self, with_aux: bool) -> Result<Gradients, Error> {
        let (shape, buffers) = (self.shape, self.buffers);
        let (rows, width, levels) = (shape.rows, shape.width, shape.levels);
        let mut recorder = self.recorder();
        self.latent_gradients(&mut recorder, (rows, shape.slots, levels), false)?;
        let bias = &self.gradient.b_dec;
        let gradients = (&buffers.gradients, rows);
        self.sum(
            &mut recorder,
            gradients,
            (width, levels * width),
            (bias, Sum::Write),
        )?;
        let leaks = self.config.aux_pre_bias_gradient;
        if !leaks {
            self.through_encoder(&mut recorder)?;
        }
        let squares = match with_aux {
            true => Some(self.auxiliary(&mut recorder)?),
            false => None,
        };
        if leaks {
            if with_aux {
                let gradients = (&buffers.gradients, shape.aux_rows);
                self.sum(&mut recorder, gradients, (width, width), (bias, Sum::Add))?;
            }
            self.through_encoder(&mut recorder)?;
        }
        let aux_squares = match &squares {
            Some(squares) => Some(recorder.read_back(squares, 1)?),
            None => None,
        };
        Ok(Gradients {
            plan: recorder.finish(),
            aux_squares,
        })
    }

    /// Adds AuxK's gradients. Entries and gradients by row are used again: what was there is in the weights' gradients.
    fn auxiliary(&self, recorder: &mut Recorder) -> Result<Buffer, Error> {
        let (shape, buffers) = (self.shape, self.buffers);
        let (rows, slots) = (shape.aux_rows, shape.aux_slots);
        let [indices, values, _] = self.select(recorder, (rows, slots, true))?;
        let codes = SparseCodes {
            latents: &indices,
            activations: &values,
            rows,
            k: slots,
            d_sae: shape.latents,
        };
        let levels = Levels {
            table: &buffers.aux_level,
            count: 1,
            by_rank: true,
        };
        transpose_codes(recorder, &codes, &levels, &buffers.listed())?;
        let squares = recorder.scratch("squares", rows)?;
        let residuals = recorder.scratch("residuals of AuxK", rows * shape.width)?;
        let args = DecodeLevels {
            codes,
            levels,
            main_level: 0,
            targets: &buffers.residuals,
            negative_targets: true,
            w_dec: &self.weights.w_dec,
            gradients: &buffers.gradients,
            residuals: &residuals,
            squares: &squares,
        };
        decode_levels(recorder, &args)?;
        self.latent_gradients(recorder, (rows, slots, 1), true)?;
        let total = recorder.kept("sum of AuxK's squares", 1)?;
        self.sum(recorder, (&squares, rows), (1, 1), (&total, Sum::Write))?;
        Ok(total)
    }

    /// The optimiser's step.
    pub(super) fn adam(
        &self,
        [first, second]: [&Group; 2],
        mean: Option<&Group>,
    ) -> Result<Plan, Error> {
        let config = self.config;
        let rule = AdamRule {
            beta1: config.adam_beta1 as f32,
            beta2: config.adam_beta2 as f32,
            epsilon: config.adam_epsilon as f32,
            ema: config.ema as f32,
            ema_before_step: config.ema_before_step,
        };
        let directions = AdamDirections {
            normalise_before: config.decoder_norm == DecoderNorm::BeforeStep,
            normalise_after: config.decoder_norm == DecoderNorm::AfterStep,
            remove_parallel: config.remove_parallel,
        };
        let groups = [self.weights, self.gradient, first, second];
        let mut recorder = self.recorder();
        let matrix = |recorder: &mut Recorder, of: fn(&Group) -> &Matrix, directions| {
            let [values, gradient, first, second] = groups.map(of);
            let args = Adam {
                values,
                gradient,
                first,
                second,
                mean: mean.map(of),
                numbers: &self.buffers.adam,
                rule,
            };
            adam_rows(recorder, &args, directions)
        };
        matrix(&mut recorder, |group| &group.w_dec, directions)?;
        matrix(
            &mut recorder,
            |group| &group.w_enc,
            AdamDirections::default(),
        )?;
        let vector = |recorder: &mut Recorder, of: fn(&Group) -> &Buffer, length| {
            let [values, gradient, first, second] = groups.map(of);
            let args = Adam {
                values,
                gradient,
                first,
                second,
                mean: mean.map(of),
                numbers: &self.buffers.adam,
                rule,
            };
            adam_vector(recorder, &args, length)
        };
        vector(&mut recorder, |group| &group.b_enc, self.shape.latents)?;
        vector(&mut recorder, |group| &group.b_dec, self.shape.width)?;
        Ok(recorder.finish())
    }
}
