//! Adam (Kingma and Ba, arXiv 1412.6980), as PyTorch computes it, with what happens to decoder directions around it, in one pass
//! over each latent's rows.

use kernels::host;

use crate::config::{Config, DecoderNorm};
use crate::parameters::Parameters;
use crate::vectors;

/// Latents that a thread takes at a time.
const LATENTS: usize = 32;

/// The learning rate of a step, counted from 1, with the first moment's correction, and the root of the second moment's correction.
pub(crate) fn numbers(config: &Config, step: u64, rate: f64) -> [f32; 2] {
    let steps = step as f64;
    [
        (rate / (1.0 - config.adam_beta1.powf(steps))) as f32,
        (1.0 - config.adam_beta2.powf(steps)).sqrt() as f32,
    ]
}

/// One step's numbers.
#[derive(Debug, Clone, Copy)]
struct Rule {
    beta1: f32,
    beta2: f32,
    /// As of [`numbers`].
    rate: f32,
    root: f32,
    epsilon: f32,
}

impl Rule {
    /// Of a step from 1.
    fn new(config: &Config, step: u64, rate: f64) -> Self {
        let [rate, root] = numbers(config, step, rate);
        Self {
            beta1: config.adam_beta1 as f32,
            beta2: config.adam_beta2 as f32,
            rate,
            root,
            epsilon: config.adam_epsilon as f32,
        }
    }

    fn faster(self, factor: f64) -> Self {
        let rate = self.rate * factor as f32;
        Self { rate, ..self }
    }

    #[inline(always)]
    fn apply(self, values: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        let moments = first.iter_mut().zip(second);
        for ((value, gradient), (first, second)) in values.iter_mut().zip(gradient).zip(moments) {
            *first = self.beta1 * *first + (1.0 - self.beta1) * gradient;
            *second = self.beta2 * *second + (1.0 - self.beta2) * gradient * gradient;
            *value -= self.rate * *first / (second.sqrt() / self.root + self.epsilon);
        }
    }
}

/// Adam's moments, and the running mean of the weights.
pub(crate) struct State<'a> {
    pub(crate) first: &'a mut Parameters,
    pub(crate) second: &'a mut Parameters,
    pub(crate) mean: Option<&'a mut Parameters>,
}

/// Changes the weights by a step, counted from 1. The gradient of the decoder loses its parallel part on the way.
pub(crate) fn step(
    config: &Config,
    (number, rate): (u64, f64),
    parameters: &mut Parameters,
    gradient: &mut Parameters,
    state: State<'_>,
) {
    let rule = Rule::new(config, number, rate);
    let State {
        first,
        second,
        mean,
    } = state;
    let (mean_dec, mut mean_rest) = match mean {
        None => (None, None),
        Some(mean) => {
            let Parameters {
                w_enc,
                w_dec,
                b_enc,
                b_dec,
                thresholds,
            } = mean;
            (Some(w_dec), Some([w_enc, b_enc, b_dec, thresholds]))
        }
    };
    decoder(
        config,
        rule,
        (&mut parameters.w_dec, &mut gradient.w_dec),
        (&mut first.w_dec, &mut second.w_dec),
        (mean_dec, parameters.b_dec.len()),
    );
    let rest = [
        (
            rule,
            &mut parameters.w_enc,
            &gradient.w_enc,
            &mut first.w_enc,
            &mut second.w_enc,
        ),
        (
            rule,
            &mut parameters.b_enc,
            &gradient.b_enc,
            &mut first.b_enc,
            &mut second.b_enc,
        ),
        (
            rule,
            &mut parameters.b_dec,
            &gradient.b_dec,
            &mut first.b_dec,
            &mut second.b_dec,
        ),
        (
            rule.faster(config.jump_lr_factor),
            &mut parameters.thresholds,
            &gradient.thresholds,
            &mut first.thresholds,
            &mut second.thresholds,
        ),
    ];
    for (place, (rule, values, gradient, first, second)) in rest.into_iter().enumerate() {
        let mean = mean_rest.as_mut().map(|mean| &mut *mean[place]);
        plain(config, rule, (values, gradient), (first, second), mean);
    }
    // Below 0 a latent would be active with a negative activation.
    for threshold in &mut parameters.thresholds {
        *threshold = threshold.max(0.0);
    }
}

/// Parts of a running mean beside those of what it is of; nothing where there is none.
fn parts(
    mean: Option<&mut Vec<f32>>,
    size: usize,
    count: usize,
) -> impl Iterator<Item = &mut [f32]> + Send {
    let mean = mean.map_or(&mut [][..], |mean| &mut mean[..]);
    mean.chunks_mut(size)
        .chain(std::iter::repeat_with(|| &mut [][..]))
        .take(count)
}

fn plain(
    config: &Config,
    rule: Rule,
    (values, gradient): (&mut [f32], &[f32]),
    (first, second): (&mut [f32], &mut [f32]),
    mean: Option<&mut Vec<f32>>,
) {
    const SIZE: usize = 1 << 13;
    let ema = config.ema as f32;
    let count = values.len().div_ceil(SIZE);
    let nanoseconds = values.len() / 2;
    let items = values
        .chunks_mut(SIZE)
        .zip(gradient.chunks(SIZE))
        .zip(first.chunks_mut(SIZE).zip(second.chunks_mut(SIZE)))
        .zip(parts(mean, SIZE, count));
    host::for_each(
        nanoseconds,
        items,
        || (),
        |(), (((values, gradient), (first, second)), mean)| {
            host::vectorised(
                #[inline(always)]
                || {
                    if config.ema_before_step {
                        update(mean, values, ema);
                    }
                    rule.apply(values, gradient, first, second);
                    if !config.ema_before_step {
                        update(mean, values, ema);
                    }
                },
            );
        },
    );
}

fn decoder(
    config: &Config,
    rule: Rule,
    (values, gradient): (&mut [f32], &mut [f32]),
    (first, second): (&mut [f32], &mut [f32]),
    (mean, width): (Option<&mut Vec<f32>>, usize),
) {
    let size = LATENTS * width;
    let ema = config.ema as f32;
    let count = values.len().div_ceil(size);
    let nanoseconds = values.len() / 2;
    let items = values
        .chunks_mut(size)
        .zip(gradient.chunks_mut(size))
        .zip(first.chunks_mut(size).zip(second.chunks_mut(size)))
        .zip(parts(mean, size, count));
    host::for_each(
        nanoseconds,
        items,
        || (),
        |(), (((values, gradient), (first, second)), mean)| {
            host::vectorised(
                #[inline(always)]
                || {
                    for (values, gradient) in values
                        .chunks_exact_mut(width)
                        .zip(gradient.chunks_exact_mut(width))
                    {
                        if config.decoder_norm == DecoderNorm::BeforeStep {
                            vectors::normalise(values);
                        }
                        if config.remove_parallel {
                            let parallel = vectors::dot(gradient, values);
                            vectors::add_scaled(gradient, -parallel, values);
                        }
                    }
                    if config.ema_before_step {
                        update(mean, values, ema);
                    }
                    rule.apply(values, gradient, first, second);
                    if config.decoder_norm == DecoderNorm::AfterStep {
                        values.chunks_exact_mut(width).for_each(vectors::normalise);
                    }
                    if !config.ema_before_step {
                        update(mean, values, ema);
                    }
                },
            );
        },
    );
}

/// Updates a running mean; there may be none.
#[inline(always)]
fn update(mean: &mut [f32], values: &[f32], factor: f32) {
    for (mean, value) in mean.iter_mut().zip(values) {
        *mean = factor * *mean + (1.0 - factor) * value;
    }
}
