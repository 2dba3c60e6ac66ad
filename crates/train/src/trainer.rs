//! A training: its weights and one step.

use crate::above::{Above, Rule};
use crate::adam::{self, State};
use crate::auxiliary::Auxiliary;
use crate::batch_topk::BatchTopk;
use crate::config::{Activation, Config};
use crate::decode::{Decoded, Objective};
use crate::encode::{Encoder, Winners};
use crate::error::Error;
use crate::gradients;
use crate::initial;
use crate::input::{InputStatistics, Normalizer, statistics};
use crate::log::{Interval, Measured, Record};
use crate::machine::machine;
use crate::parameters::Parameters;
use crate::schedule::learning_rate;
use crate::selection::{Levels, Selection};
use crate::sparsity;
use crate::sums;
use crate::threshold::Thresholds;

/// Part of a batch's own threshold in the running one of BatchTopK, as in SAELens.
const THRESHOLD_RATE: f64 = 0.01;

/// A training under way.
#[derive(Debug)]
pub struct Trainer {
    pub(crate) config: Config,
    pub(crate) parameters: Parameters,
    /// Adam's moments.
    pub(crate) first: Parameters,
    pub(crate) second: Parameters,
    /// Running mean of the weights.
    pub(crate) mean: Option<Parameters>,
    /// Number of the token behind the last one that activated each latent.
    pub(crate) last_active: Vec<u64>,
    /// Steps and tokens that are done.
    pub(crate) step: u64,
    pub(crate) tokens: u64,
    /// Mean variance of a dimension in the sample at the start, which divides the loss.
    pub(crate) variance: f64,
    /// The factor of the normalisation.
    pub(crate) factor: f64,
    /// BatchTopK's threshold at inference.
    pub(crate) threshold: Option<f64>,
    /// The weight of sparsity, where that is a part of the loss.
    pub(crate) sparsity: f64,
    pub(crate) interval: Interval,
    /// The kind of processor that trains.
    pub(crate) machine: String,
    pub(crate) levels: Levels,
    memory: Memory,
}

/// What a step computes, used again in the next.
#[derive(Debug)]
struct Memory {
    gradient: Parameters,
    inputs: Vec<f32>,
    encoder: Encoder,
    winners: Winners,
    batch_topk: BatchTopk,
    above: Above,
    selection: Selection,
    /// Latents near their threshold.
    near: Selection,
    decoded: Decoded,
    dead: Vec<u32>,
    auxiliary: Auxiliary,
}

impl Trainer {
    /// A training at its start. `sample` `[rows, width]` are activations from which the bias, the loss's variance and a factor
    /// come.
    ///
    /// # Errors
    /// [`Error::Setting`]; as [`statistics`].
    pub fn new(
        config: Config,
        sample: &[f32],
        width: usize,
    ) -> Result<(Self, InputStatistics), Error> {
        config.check()?;
        let found = statistics(config.input_normalization, sample, width)?;
        let normalizer = Normalizer {
            kind: config.input_normalization,
            factor: found.factor as f32,
        };
        let mut normalised = vec![0.0; sample.len()];
        normalizer.apply(sample, &vec![0.0; width], &mut normalised)?;
        let parameters = initial::parameters(&config, &normalised, width);
        let trainer = Self::from_parameters(config, parameters, (found.variance, found.factor))?;
        Ok((trainer, found))
    }

    /// A training that starts at given weights. `variance` divides the loss; `factor` is that of
    /// [`crate::InputNormalization::MeanNorm`], or 1.
    ///
    /// # Errors
    /// [`Error::Setting`], also where the weights have another number of latents.
    pub fn from_parameters(
        config: Config,
        parameters: Parameters,
        (variance, factor): (f64, f64),
    ) -> Result<Self, Error> {
        config.check()?;
        let latents = parameters.latents();
        if latents != config.latents {
            let expected = format!("the weights have {latents} latents");
            return Err(Error::setting("latents", config.latents, expected));
        }
        let levels = Levels::of(&config);
        let expected = match config.activation {
            Activation::JumpRelu => latents,
            Activation::Topk | Activation::BatchTopk | Activation::Relu => 0,
        };
        if parameters.thresholds.len() != expected {
            let found = parameters.thresholds.len();
            let expected = format!("the weights have {found} thresholds, not {expected}");
            return Err(Error::setting("activation", "jump_relu", expected));
        }
        let zeros = || parameters.zeros_like();
        let (first, second, gradient) = (zeros(), zeros(), zeros());
        Ok(Self {
            mean: (config.ema > 0.0).then(|| parameters.clone()),
            sparsity: sparsity::weight_at_start(&config),
            parameters,
            first,
            second,
            last_active: vec![0; latents],
            step: 0,
            tokens: 0,
            variance,
            factor,
            threshold: None,
            interval: Interval::default(),
            machine: machine(),
            levels,
            memory: Memory {
                gradient,
                inputs: Vec::new(),
                encoder: Encoder::default(),
                winners: Winners::default(),
                batch_topk: BatchTopk::default(),
                above: Above::default(),
                selection: Selection::default(),
                near: Selection::default(),
                decoded: Decoded::default(),
                dead: Vec::new(),
                auxiliary: Auxiliary::default(),
            },
            config,
        })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The weights as they are trained, and not their running mean.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The kind of processor that trains.
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// Steps that are done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// Tokens that were trained on.
    pub fn tokens_done(&self) -> u64 {
        self.tokens
    }

    /// The learning rate of the next step.
    pub fn learning_rate(&self) -> f64 {
        learning_rate(&self.config, self.step)
    }

    /// Width of the activations.
    pub fn width(&self) -> usize {
        self.parameters.width()
    }

    /// What was measured since the last call, of steps that are all done.
    pub fn take_record(&mut self) -> Record {
        let interval = std::mem::take(&mut self.interval);
        let lr = learning_rate(&self.config, self.step.saturating_sub(1));
        interval.record((self.step, self.tokens), lr, self.config.latents)
    }

    /// Trains on a batch of activations `[batch, width]`, as they are.
    ///
    /// # Errors
    /// [`Error::Width`], [`Error::NotFinite`], and then nothing has changed; [`Error::Diverged`], and then the weights are of no use.
    pub fn step(&mut self, activations: &[f32]) -> Result<Measured, Error> {
        let rate = self.learning_rate();
        let measured = self.gradients(activations)?;
        self.sparsity = sparsity::next_weight(&self.config, self.sparsity, self.step, measured.l0);
        self.step += 1;
        let state = State {
            first: &mut self.first,
            second: &mut self.second,
            mean: self.mean.as_mut(),
        };
        adam::step(
            &self.config,
            (self.step, rate),
            &mut self.parameters,
            &mut self.memory.gradient,
            state,
        );
        Ok(measured)
    }

    /// The gradients of a batch as the optimiser would get them, before the decoder's lose their parallel part. Nothing but the
    /// count of tokens moves on. For tests.
    ///
    /// # Errors
    /// As [`Trainer::step`].
    #[doc(hidden)]
    pub fn gradients_of(&mut self, activations: &[f32]) -> Result<(Measured, &Parameters), Error> {
        let measured = self.gradients(activations)?;
        Ok((measured, &self.memory.gradient))
    }

    fn gradients(&mut self, activations: &[f32]) -> Result<Measured, Error> {
        let (rows, width) = (self.config.batch, self.width());
        if activations.len() != rows * width {
            return Err(Error::Width {
                found: activations.len(),
                rows,
                width,
            });
        }
        let normalizer = Normalizer {
            kind: self.config.input_normalization,
            factor: self.factor as f32,
        };
        let memory = &mut self.memory;
        memory.inputs.resize(rows * width, 0.0);
        normalizer.apply(activations, &self.parameters.b_dec, &mut memory.inputs)?;
        let (_, spread) = sums::spread(&memory.inputs, width);
        self.encode()?;
        let scale = 1.0 / (rows as f64 * width as f64 * self.variance);
        let weights = self.level_weights(scale);
        let memory = &mut self.memory;
        memory.decoded.fill(
            &memory.selection,
            &Objective {
                targets: &memory.inputs,
                w_dec: &self.parameters.w_dec,
                weights: &weights,
                main: self.levels.main(),
            },
        );
        let active = memory.selection.active(self.levels.main());
        let sparsity = sparsity::part(
            &self.config,
            (self.sparsity, self.step),
            (width, self.variance),
            (active, memory.selection.sum()),
        );
        let loss = memory.decoded.loss + sparsity.loss;
        if !loss.is_finite() {
            return Err(self.diverged(loss));
        }
        let memory = &mut self.memory;
        gradients::latents(
            &memory.selection,
            (&memory.inputs, &memory.decoded.gradients, weights.len()),
            (&self.parameters.w_dec, sparsity.in_activation),
            &mut memory.gradient,
            false,
        );
        if self.config.activation == Activation::JumpRelu {
            let thresholds = Thresholds {
                values: &self.parameters.thresholds,
                bandwidth: self.bandwidth(),
                in_count: sparsity.in_count,
            };
            let memory = &mut self.memory;
            thresholds.gradients(
                &memory.near,
                &memory.decoded.gradients,
                &self.parameters.w_dec,
                &mut memory.gradient.thresholds,
            );
        }
        let dead = self.note_active();
        let aux_loss = self.auxiliary();
        let memory = &self.memory;
        let measured = Measured {
            fvu: memory.decoded.squared / spread,
            loss,
            aux_loss,
            l0: active as f64 / rows as f64,
            dead,
        };
        self.interval
            .add(&measured, (memory.decoded.squared, spread));
        Ok(measured)
    }

    /// Width around a threshold in which pre-activations count for its gradient.
    fn bandwidth(&self) -> f32 {
        (self.config.jump_bandwidth * self.variance.sqrt()) as f32
    }

    fn diverged(&self, value: f64) -> Error {
        let step = self.step + 1;
        Error::Diverged { step, value }
    }

    /// Finds the active latents of the batch.
    fn encode(&mut self) -> Result<(), Error> {
        let half_bandwidth = 0.5 * self.bandwidth();
        let Self {
            config,
            parameters,
            memory,
            ..
        } = self;
        let inputs = (&memory.inputs[..], parameters.width());
        let latents = config.latents;
        let weights = (&parameters.w_enc[..], &parameters.b_enc[..]);
        let is_number = match config.activation {
            Activation::Topk => {
                let slots = config.k * config.multi_topk_factor.max(1);
                memory
                    .encoder
                    .encode(inputs, weights, slots, &mut memory.winners)
            }
            Activation::BatchTopk => {
                let found =
                    memory
                        .batch_topk
                        .encode(inputs, weights, config.k, &mut memory.winners);
                if let Ok(Some(smallest)) = found {
                    let smallest = f64::from(smallest);
                    let before = self.threshold.unwrap_or(smallest);
                    self.threshold = Some(before + THRESHOLD_RATE * (smallest - before));
                }
                found.is_ok()
            }
            Activation::JumpRelu | Activation::Relu => {
                let rule = Rule {
                    thresholds: &parameters.thresholds,
                    half_bandwidth,
                };
                memory.above.encode(inputs, weights, rule)
            }
        };
        if !is_number {
            return Err(self.diverged(f64::NAN));
        }
        let selection = &mut memory.selection;
        if config.activation.is_topk() {
            selection.fill(&memory.winners, latents, &self.levels, None);
        } else {
            selection.fill_ragged(&memory.above.active, latents);
        }
        if config.activation == Activation::JumpRelu {
            memory.near.fill_ragged(&memory.above.near, latents);
        }
        Ok(())
    }

    pub(crate) fn level_weights(&self, scale: f64) -> Vec<f32> {
        let scale = scale as f32;
        match self.levels {
            Levels::Ranks(_) => vec![scale, (self.config.multi_topk_coefficient as f32) * scale],
            Levels::One | Levels::Prefixes(_) => vec![scale; self.levels.count()],
        }
    }

    /// Notes which latents are active, and returns how many are dead.
    fn note_active(&mut self) -> usize {
        self.tokens += self.config.batch as u64;
        let main = self.levels.main() as u32;
        let threshold = self.config.dead_threshold;
        self.memory.dead.clear();
        for (latent, last) in self.last_active.iter_mut().enumerate() {
            let entries = self.memory.selection.latent(latent).iter();
            let mut inside = entries.filter(|entry| entry.level <= main);
            if inside.any(|entry| entry.value > threshold) {
                *last = self.tokens;
            }
            if self.tokens - *last > self.config.dead_tokens {
                self.memory.dead.push(latent as u32);
            }
        }
        self.memory.dead.len()
    }

    /// Adds AuxK's gradients, and writes that of the bias.
    fn auxiliary(&mut self) -> Option<f64> {
        let Self {
            config,
            parameters,
            memory,
            ..
        } = self;
        let width = parameters.width();
        let slots = config.aux_latents(width);
        let leaks = config.aux_pre_bias_gradient;
        if !leaks {
            let bias = &memory.decoded.bias;
            gradients::pre_bias(bias, &parameters.w_enc, &mut memory.gradient);
        }
        let rows = ((config.batch as f64 * config.aux_fraction) as usize).max(2);
        let rows = rows.min(config.batch) * width;
        let is_on = config.aux_coefficient > 0.0 && !memory.dead.is_empty();
        let loss = is_on.then(|| {
            memory.auxiliary.add(
                parameters,
                &memory.dead,
                (&memory.inputs[..rows], &memory.decoded.residuals[..rows]),
                (slots, config.aux_coefficient),
                &mut memory.gradient,
            )
        });
        let loss = loss.flatten();
        if leaks {
            let mut bias = memory.decoded.bias.clone();
            if loss.is_some() {
                for (bias, more) in bias.iter_mut().zip(&memory.auxiliary.decoded.bias) {
                    *bias += more;
                }
            }
            gradients::pre_bias(&bias, &parameters.w_enc, &mut memory.gradient);
        }
        loss
    }
}
