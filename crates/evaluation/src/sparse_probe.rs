//! Sparse probing: a logistic regression on the few latents that tell most about a label.

use crate::logistic::fit;

/// A row's active latents with their activations.
pub type ActiveLatents = Vec<(u32, f32)>;

/// A probe on some latents, measured on samples that it has not seen.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseProbe {
    /// The latents, the one that tells most first.
    pub latents: Vec<u32>,
    /// Share of the held-out samples that are labelled rightly.
    pub accuracy: f64,
    /// 2·TP / (2·TP + FP + FN) on the held-out samples; 0 where nothing is labelled rightly with yes.
    pub f1: f64,
}

/// Probes on the `k` latents with the largest |mean(z | yes) − mean(z | no)| over the samples that are not held out, for each k: a logistic
/// regression on them, with Σw²/2N added to the mean cross-entropy over N samples (w in units of standard deviations), labels with yes
/// from a probability of 1/2 on. `samples` are the tokens' active latents, `latents` the number of all. None where one of the two parts lacks a label.
///
/// Gurnee et al. (arXiv 2305.01610), with the choice by mean difference of SAEBench.
pub fn probe(
    samples: &[&ActiveLatents],
    labels: &[bool],
    held_out: &[bool],
    latents: usize,
    ks: &[usize],
) -> Option<Vec<SparseProbe>> {
    let part = |held: bool| -> Vec<usize> {
        (0..labels.len())
            .filter(|at| held_out[*at] == held)
            .collect()
    };
    let (train, test) = (part(false), part(true));
    for part in [&train, &test] {
        let positive = part.iter().filter(|at| labels[**at]).count();
        if positive == 0 || positive == part.len() {
            return None;
        }
    }
    let most = ks.iter().copied().max().unwrap_or(0);
    let order = by_mean_difference(samples, labels, &train, latents, most);
    let chosen_labels =
        |part: &[usize]| -> Vec<bool> { part.iter().map(|at| labels[*at]).collect() };
    let (train_labels, test_labels) = (chosen_labels(&train), chosen_labels(&test));
    let probes = ks.iter().map(|k| {
        let chosen = &order[..(*k).min(order.len())];
        let columns = |part: &[usize]| -> Vec<f32> {
            let value = |latent: u32, at: &usize| {
                let found = samples[*at].iter().find(|(active, _)| *active == latent);
                found.map_or(0.0, |(_, value)| *value)
            };
            let columns = chosen
                .iter()
                .flat_map(|latent| part.iter().map(move |at| value(*latent, at)));
            columns.collect()
        };
        let penalty = 1.0 / train.len() as f64;
        let fitted = fit(&columns(&train), chosen.len(), &train_labels, penalty);
        let tested = columns(&test);
        let (mut right, mut true_yes, mut wrong) = (0, 0, 0);
        for (sample, label) in test_labels.iter().enumerate() {
            let features = fitted.weights.iter().enumerate();
            let logit: f64 = fitted.bias
                + features
                    .map(|(i, weight)| weight * f64::from(tested[i * test.len() + sample]))
                    .sum::<f64>();
            let yes = logit >= 0.0;
            match (yes == *label, *label) {
                (true, true) => (right, true_yes) = (right + 1, true_yes + 1),
                (true, false) => right += 1,
                (false, _) => wrong += 1,
            }
        }
        SparseProbe {
            latents: chosen.to_vec(),
            accuracy: f64::from(right) / test.len() as f64,
            f1: f64::from(2 * true_yes) / f64::from((2 * true_yes + wrong).max(1)),
        }
    });
    Some(probes.collect())
}

/// The latents whose mean differs most between the labels, of equal ones the lower number first.
fn by_mean_difference(
    samples: &[&ActiveLatents],
    labels: &[bool],
    train: &[usize],
    latents: usize,
    most: usize,
) -> Vec<u32> {
    let yes = train.iter().filter(|at| labels[**at]).count() as f64;
    let no = train.len() as f64 - yes;
    let mut differences = vec![0.0; latents];
    for at in train {
        let share = if labels[*at] { 1.0 / yes } else { -1.0 / no };
        for (latent, value) in samples[*at] {
            if let Some(difference) = differences.get_mut(*latent as usize) {
                *difference += share * f64::from(*value);
            }
        }
    }
    let mut order: Vec<u32> = (0..latents as u32).collect();
    order.sort_by(|a, b| {
        let size = |latent: &u32| differences[*latent as usize].abs();
        size(b).total_cmp(&size(a)).then(a.cmp(b))
    });
    order.truncate(most);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latent_that_tells_is_found() {
        // Latent 3 is active where the label is yes, but for every tenth; latent 1 half the time, whatever the label is.
        let samples: Vec<ActiveLatents> = (0..400)
            .map(|i| {
                let mut active = Vec::new();
                if i % 4 < 2 {
                    active.push((1, 5.0));
                }
                if i % 2 == 0 && i % 10 != 0 {
                    active.push((3, 1.0));
                }
                active
            })
            .collect();
        let labels: Vec<bool> = (0..400).map(|i| i % 2 == 0).collect();
        let held_out: Vec<bool> = (0..400).map(|i| i >= 200).collect();
        let samples: Vec<&ActiveLatents> = samples.iter().collect();
        let found = probe(&samples, &labels, &held_out, 5, &[1, 2]).unwrap();
        assert_eq!(found[0].latents, [3]);
        // Of 100 with yes 80 are found, nothing else is.
        assert!((found[0].accuracy - 0.9).abs() < 1e-12, "{found:?}");
        assert!((found[0].f1 - 160.0 / 180.0).abs() < 1e-12, "{found:?}");
        assert_eq!(found[1].latents[0], 3);
        assert_eq!(probe(&samples, &labels, &[false; 400], 5, &[1]), None);
        assert_eq!(probe(&samples, &[true; 400], &held_out, 5, &[1]), None);
    }
}
