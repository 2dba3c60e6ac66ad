//! The weights at the start.

use kernels::host;

use crate::config::{Activation, Config, PreBiasStart};
use crate::encode::{Encoder, Winners};
use crate::parameters::Parameters;
use crate::random::{Purpose, Random};
use crate::selection::{Levels, Selection};
use crate::sums::{self, ROWS};
use crate::vectors;

/// Active latents at the start, over k, where there is a threshold.
const START_TIMES: usize = 4;

/// Activations by which that is found.
const START_ROWS: usize = 512;

/// Rounds of the search for a geometric median, as in OpenAI's code.
const ROUNDS: usize = 100;

/// Unit vectors by which the encoder is scaled, as in OpenAI's code.
const PROBES: usize = 256;

/// The weights at the start of a training on activations of which `sample` `[rows, width]` are some, normalised.
pub(crate) fn parameters(config: &Config, sample: &[f32], width: usize) -> Parameters {
    let mut parameters = Parameters::zeros(config.latents, width);
    let mut random = Random::new(config.seed, Purpose::Directions, 0);
    parameters.w_dec = random.normals(config.latents * width);
    parameters
        .w_dec
        .chunks_exact_mut(width)
        .for_each(vectors::normalise);
    parameters.w_enc = parameters.w_dec.clone();
    let bias = match config.pre_bias_start {
        PreBiasStart::Zero => vec![0.0; width],
        PreBiasStart::Mean => sums::spread(sample, width).0,
        PreBiasStart::GeometricMedian => geometric_median(sample, width),
    };
    parameters.b_dec = bias.into_iter().map(|value| value as f32).collect();
    if config.encoder_start_scaled {
        scale_encoder(config, &mut parameters);
    }
    let threshold = || threshold(config, &parameters, sample);
    match config.activation {
        Activation::Topk | Activation::BatchTopk => {}
        Activation::JumpRelu => parameters.thresholds = vec![threshold(); config.latents],
        Activation::Relu => parameters.b_enc = vec![-threshold(); config.latents],
    }
    parameters
}

/// The value that so many times k of a row's pre-activations exceed, in the mean over some of a sample. Training starts with few active
/// latents, so that its steps are not dense, and has some to lose.
fn threshold(config: &Config, parameters: &Parameters, sample: &[f32]) -> f32 {
    let (width, latents) = (parameters.width(), config.latents);
    let rows = (sample.len() / width).min(START_ROWS);
    let mut inputs = sample[..rows * width].to_vec();
    for row in inputs.chunks_exact_mut(width) {
        for (value, bias) in row.iter_mut().zip(&parameters.b_dec) {
            *value -= bias;
        }
    }
    let mut outputs = vec![0.0; rows * latents];
    let weights = (&parameters.w_enc[..], &parameters.b_enc[..]);
    host::affine((&inputs, width), weights, &mut outputs);
    let count = (START_TIMES * config.k).min(latents / 2).max(1) * rows;
    let (_, least, _) = outputs.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
    least.max(0.0)
}

/// Divides the encoder by the mean length with which unit vectors around the bias are reconstructed.
fn scale_encoder(config: &Config, parameters: &mut Parameters) {
    let width = parameters.width();
    let mut probes = Random::new(config.seed, Purpose::Probe, 0).normals(PROBES * width);
    probes.chunks_exact_mut(width).for_each(vectors::normalise);
    let (mut winners, mut selection) = (Winners::default(), Selection::default());
    // Weights at the start are finite.
    let weights = (&parameters.w_enc[..], &parameters.b_enc[..]);
    let _ = Encoder::default().encode((&probes, width), weights, config.k, &mut winners);
    selection.fill(&winners, config.latents, &Levels::One, None);
    let lengths = (0..PROBES).map(|row| {
        let mut sum = vec![0.0; width];
        for item in selection.row(row) {
            let direction = &parameters.w_dec[item.latent as usize * width..][..width];
            vectors::add_scaled(&mut sum, item.value, direction);
        }
        f64::from(vectors::norm(&sum))
    });
    let mean = (lengths.sum::<f64>() / PROBES as f64) as f32;
    if mean > 0.0 && mean.is_finite() {
        parameters.w_enc.iter_mut().for_each(|value| *value /= mean);
    }
}

/// The point with the least sum of distances to the rows of `sample` (Weiszfeld's iteration from the mean).
pub(crate) fn geometric_median(sample: &[f32], width: usize) -> Vec<f64> {
    let (mut median, _) = sums::spread(sample, width);
    let mut last = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (next, distances) = weiszfeld(sample, &median);
        median = next;
        // The sum falls in every round; f64 no longer resolves by how much.
        if distances >= last * (1.0 - 1e-12) {
            break;
        }
        last = distances;
    }
    median
}

/// The mean of the rows, each weighted by the inverse of its distance to `centre`, and the sum of these distances.
fn weiszfeld(sample: &[f32], centre: &[f64]) -> (Vec<f64>, f64) {
    let width = centre.len();
    let pieces = sample.chunks(ROWS * width);
    let mut sums: Vec<(Vec<f64>, f64, f64)> = pieces
        .clone()
        .map(|_| (vec![0.0; width], 0.0, 0.0))
        .collect();
    host::for_each(
        sample.len(),
        pieces.zip(&mut sums),
        || (),
        |(), (piece, (sum, weights, distances))| {
            for row in piece.chunks_exact(width) {
                let squares = row.iter().zip(centre);
                let squares = squares.map(|(value, centre)| (f64::from(*value) - centre).powi(2));
                let distance = squares.sum::<f64>().sqrt();
                let weight = 1.0 / distance.max(1e-6);
                for (sum, value) in sum.iter_mut().zip(row) {
                    *sum += weight * f64::from(*value);
                }
                *weights += weight;
                *distances += distance;
            }
        },
    );
    let mut mean = vec![0.0; width];
    let (mut weights, mut distances) = (0.0, 0.0);
    for (sum, weight, distance) in sums {
        for (mean, sum) in mean.iter_mut().zip(sum) {
            *mean += sum;
        }
        weights += weight;
        distances += distance;
    }
    mean.iter_mut().for_each(|value| *value /= weights);
    (mean, distances)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_what_is_far_away() {
        // The geometric median of a square's corners is where its diagonals cross, wherever on them the corners are.
        let corners = [[-1.0, 0.0], [500.0, 0.0], [0.0, -3.0], [0.0, 9000.0]];
        let median = geometric_median(corners.as_flattened(), 2);
        assert!(median.iter().all(|value| value.abs() < 1e-3), "{median:?}");
    }

    #[test]
    fn unit_vectors_come_back_with_their_length() {
        let config = Config {
            latents: 300,
            k: 8,
            ..Config::default()
        };
        let width = 40;
        let sample = Random::new(9, Purpose::Probe, 1).normals(50 * width);
        let parameters = parameters(&config, &sample, width);
        for row in parameters.w_dec.chunks_exact(width) {
            assert!((vectors::norm(row) - 1.0).abs() < 1e-6);
        }
        let ratio = parameters.w_enc[0] / parameters.w_dec[0];
        let pairs = parameters.w_enc.iter().zip(&parameters.w_dec);
        for (enc, dec) in pairs {
            assert!((enc - ratio * dec).abs() < 1e-5);
        }
        // Scaled a second time it stays as it is.
        let mut again = parameters.clone();
        scale_encoder(&config, &mut again);
        assert!((again.w_enc[0] / parameters.w_enc[0] - 1.0).abs() < 1e-5);
    }
}
