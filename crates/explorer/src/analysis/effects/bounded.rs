//! Ablations of which the logits of a few rows are computed: those that make the most of an effect uncertain. The others are bounded.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use gpt2::HookPoint;
use wire::{Effect, Matrix};

use super::batches::Ablation;
use super::bounds::{Bounding, Bounds};
use super::measure::{Changes, Measure};
use crate::analysis::question::Question;
use crate::error::Error;
use crate::run::clean::CleanPass;
use crate::run::compile::Parts;
use crate::run::input::RunInput;
use crate::run::output::HeadOutput;
use crate::run::rows_head::{RowsHead, WantedRow};
use crate::run::spec::{RunSpec, Tap};
use crate::tokens::Prompt;

/// Products of the unembedding that are made at once: between two of them a call can be cancelled.
const OPERATIONS: usize = 1 << 30;
/// The most rows of them, and what their number is a multiple of, so that few plans serve all.
const MOST_ROWS: usize = 256;
const STEP: usize = 32;

/// The means to measure ablations within a bound.
pub(super) struct Bounded<'a> {
    question: &'a Question<'a>,
    prompt: &'a Prompt,
    pass: &'a CleanPass,
    measure: &'a Measure<'a>,
    bounding: Bounding,
    /// Plans that were made, by their rows and by whether logits are read back.
    heads: RefCell<Vec<(usize, bool, Rc<RowsHead>)>>,
}

/// What is known of a row of an ablated run.
#[derive(Clone, Copy)]
enum Known {
    /// Its place among the rows whose logits are computed.
    Measured(usize),
    /// The change of the loss, KL, and the most that both are off.
    Within { loss: f64, kl: f64, error: f64 },
}

impl<'a> Bounded<'a> {
    /// For the ablations of a prompt, whose clean pass read its logits back.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Device`].
    pub(super) async fn new(
        question: &'a Question<'a>,
        (prompt, pass): (&'a Prompt, &'a CleanPass),
        measure: &'a Measure<'a>,
    ) -> Result<Self, Error> {
        let stream = clean_stream(question, pass).await?;
        let head = pass.head().await?;
        let logits = head.logits(0..prompt.ids.len());
        Ok(Self {
            bounding: Bounding::new(question, &prompt.ids, stream.data, logits).await?,
            question,
            prompt,
            pass,
            measure,
            heads: RefCell::default(),
        })
    }

    /// The effects of a batch of ablations from the outputs of the final LayerNorm `[rows, d_model]`.
    ///
    /// # Errors
    /// [`Error::NotANumber`], [`Error::Cancelled`], [`Error::Device`].
    pub(super) async fn effects(
        &self,
        stream: &Matrix,
        batch: &[Ablation],
    ) -> Result<Vec<Effect>, Error> {
        let tokens = self.prompt.ids.len();
        let runs = rows_of(batch, tokens);
        let positions: Vec<usize> = batch
            .iter()
            .flat_map(|one| one.active.first..tokens)
            .collect();
        let used = &stream.data[..positions.len() * stream.cols];
        let bounds = self.bounding.rows(used, &positions);
        let mut measured = Vec::new();
        let mut known = Vec::with_capacity(positions.len());
        for run in &runs {
            let bounds = &bounds[run.clone()];
            let chosen = self.chosen(bounds, tokens);
            for (row, (bounds, chosen)) in run.clone().zip(bounds.iter().zip(chosen)) {
                known.push(match chosen {
                    true => {
                        measured.push(row);
                        Known::Measured(measured.len() - 1)
                    }
                    false => Known::Within {
                        loss: bounds.loss_beside_kl + bounds.middle(),
                        kl: bounds.middle(),
                        error: bounds.error(),
                    },
                });
            }
        }
        let row = |row: usize| WantedRow {
            stream: &stream.data[row * stream.cols..][..stream.cols],
            source: positions[row],
            target: self.prompt.ids.get(positions[row] + 1).copied(),
        };
        let heads = self.heads(&measured, &row).await?;
        let last: Vec<usize> = runs.iter().map(|run| run.end - 1).collect();
        let most = self.most_rows()?;
        let mut effects = Vec::with_capacity(batch.len());
        for (part, ablations) in last.chunks(most).zip(batch.chunks(most)) {
            let rows = part.len().next_power_of_two();
            let wanted: Vec<WantedRow<'_>> = part.iter().map(|at| row(*at)).collect();
            let ends = self.head(rows, true)?.run(&wanted).await?;
            self.question.pace.step().await?;
            for (place, ablation) in ablations.iter().enumerate() {
                let run = &runs[effects.len()];
                let changes = self.changes(&known[run.clone()], ablation, &heads)?;
                let logits = ends.logits(place..place + 1);
                let log_sum = ends.log_sum_exp(place, tokens - 1)?;
                effects.push(self.measure.effect(ablation, changes, (logits, log_sum))?);
            }
        }
        Ok(effects)
    }

    /// Rows whose logits are computed: so many that what is left uncertain of the mean KL is within the asked share of it. The last
    /// is among them.
    fn chosen(&self, bounds: &[Bounds], tokens: usize) -> Vec<bool> {
        let first = tokens - bounds.len();
        let counts = |row: usize| self.measure.counted[first + row];
        let finite = |low: f64| if low.is_finite() { low } else { 0.0 };
        let low: f64 = bounds
            .iter()
            .enumerate()
            .filter(|(row, _)| counts(*row))
            .map(|(_, bounds)| finite(bounds.low))
            .sum();
        let most = low * self.measure.options.within;
        let mut order: Vec<usize> = (0..bounds.len()).collect();
        // A NaN comes last.
        order.sort_by(|a, b| bounds[*a].error().total_cmp(&bounds[*b].error()));
        let mut sum = 0.0;
        let mut chosen = vec![true; bounds.len()];
        for row in order {
            sum += bounds[row].error();
            if sum.is_nan() || sum > most {
                break;
            }
            chosen[row] = false;
        }
        if let Some(last) = chosen.last_mut() {
            *last = true;
        }
        chosen
    }

    /// Results of the logits of rows, and the number of rows of each.
    async fn heads<'r>(
        &self,
        rows: &[usize],
        row: &impl Fn(usize) -> WantedRow<'r>,
    ) -> Result<Heads, Error> {
        let most = self.most_rows()?;
        let mut outputs = Vec::new();
        for part in rows.chunks(most) {
            let wanted: Vec<WantedRow<'_>> = part.iter().map(|at| row(*at)).collect();
            let size = part.len().next_multiple_of(STEP).min(most);
            outputs.push(self.head(size, false)?.run(&wanted).await?);
            self.question.pace.step().await?;
        }
        Ok(Heads { most, outputs })
    }

    /// The most rows whose logits are computed at once.
    fn most_rows(&self) -> Result<usize, Error> {
        let config = *self.question.model()?.model.config();
        let of_row = config.vocab_size * config.n_embd;
        Ok((OPERATIONS / of_row.max(1)).clamp(1, MOST_ROWS))
    }

    fn head(&self, rows: usize, read: bool) -> Result<Rc<RowsHead>, Error> {
        let mut heads = self.heads.borrow_mut();
        if let Some((.., head)) = heads
            .iter()
            .find(|known| (known.0, known.1) == (rows, read))
        {
            return Ok(head.clone());
        }
        let (executor, model) = (self.question.executor, self.question.model()?);
        let head = Rc::new(RowsHead::new(executor, model, self.pass, (rows, read))?);
        heads.push((rows, read, head.clone()));
        Ok(head)
    }

    /// What a run changes after each of its rows.
    fn changes(
        &self,
        known: &[Known],
        ablation: &Ablation,
        heads: &Heads,
    ) -> Result<Changes, Error> {
        let clean = &self.measure.clean.token_losses;
        let mut changes = Changes::default();
        for (position, known) in (ablation.active.first..).zip(known) {
            let before = clean.get(position).copied();
            let (loss, kl, error) = match *known {
                Known::Measured(place) => {
                    let (output, row) = heads.at(place)?;
                    let kl = output.divergences(row..row + 1)?;
                    let kl = kl.first().copied().unwrap_or(f32::NAN);
                    (output.loss(row, position)?, kl, 0.0)
                }
                Known::Within { loss, kl, error } => {
                    let loss = f64::from(before.unwrap_or(0.0)) + loss;
                    (loss as f32, kl as f32, error as f32)
                }
            };
            // The last token predicts nothing that is there.
            changes.losses.extend(before.map(|_| loss));
            changes.kl.push(kl);
            changes.errors.push(error);
        }
        Ok(changes)
    }
}

/// Results of logits, of so many rows each.
struct Heads {
    most: usize,
    outputs: Vec<HeadOutput>,
}

impl Heads {
    fn at(&self, place: usize) -> Result<(&HeadOutput, usize), Error> {
        let output = self.outputs.get(place / self.most);
        let output = output.ok_or_else(|| Error::missing("the logits of a chosen row"))?;
        Ok((output, place % self.most))
    }
}

/// The rows of each ablation's run, which follow each other.
fn rows_of(batch: &[Ablation], tokens: usize) -> Vec<Range<usize>> {
    let ends = batch.iter().scan(0, |end, one| {
        let start = *end;
        *end += tokens - one.active.first;
        Some(start..*end)
    });
    ends.collect()
}

/// The outputs of the final LayerNorm of a clean pass, `[rows, d_model]`.
async fn clean_stream(question: &Question<'_>, pass: &CleanPass) -> Result<Matrix, Error> {
    let model = question.model()?;
    let spec = RunSpec {
        taps: vec![Tap::Activation(HookPoint::LnFinalOut)],
        ..RunSpec::from_hook(HookPoint::LnFinalOut, model.info.n_layers, false)
    };
    let parts = Parts {
        base: Some(&pass.run),
        ..Parts::of_model(model)
    };
    let input = RunInput {
        sequences: &pass.sequences(),
        ..RunInput::default()
    };
    let submitted = question.start(&spec, &parts, false, &input).await?;
    submitted.output(|set| question.name(set)).await?.matrix(0)
}
