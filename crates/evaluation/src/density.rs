//! Densities of latents: on which share of the tokens each is not zero.

/// A histogram of log₁₀ of the latents' densities.
#[derive(Debug, Clone, PartialEq)]
pub struct DensityHistogram {
    /// log₁₀ of the bins' bounds, one more than there are bins.
    pub edges: Vec<f64>,
    /// Latents in each bin: from its lower bound on to below its upper one, the last bin with its upper one.
    pub counts: Vec<u64>,
    /// Latents that were never active, and are in no bin.
    pub dead: u64,
}

/// Bins per power of ten.
const PER_DECADE: i32 = 4;

/// The histogram of the latents' densities: `active` is on how many of `tokens` tokens each latent was not zero. The bins are a
/// quarter of a power of ten wide and reach down to the smallest density that so many tokens can show.
pub fn histogram(active: &[u64], tokens: u64) -> DensityHistogram {
    let least = (1.0 / tokens.max(1) as f64).log10();
    let first = (least * f64::from(PER_DECADE)).floor() as i32;
    // One token alone has the density 1.
    let first = first.min(-1);
    let edges: Vec<f64> = (first..=0)
        .map(|step| f64::from(step) / f64::from(PER_DECADE))
        .collect();
    let mut counts = vec![0; edges.len() - 1];
    let mut dead = 0;
    for count in active {
        if *count == 0 {
            dead += 1;
            continue;
        }
        let density = (*count as f64 / tokens as f64).log10();
        let bin = (density * f64::from(PER_DECADE)).floor() as i32 - first;
        let last = counts.len() - 1;
        counts[(bin.max(0) as usize).min(last)] += 1;
    }
    DensityHistogram {
        edges,
        counts,
        dead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latent_is_in_one_bin_or_dead() {
        let found = histogram(&[0, 1, 10, 100, 1000, 316, 317, 0], 1000);
        assert_eq!(found.dead, 2);
        assert_eq!(found.edges.first(), Some(&-3.0));
        assert_eq!(found.edges.last(), Some(&0.0));
        assert_eq!(found.counts.iter().sum::<u64>(), 6);
        // 10^-3, 10^-2, 10^-1; 0.316 is below 10^-0.5 and 0.317 above; 1 belongs to the last bin.
        assert_eq!(found.counts, [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn few_tokens_have_a_histogram_too() {
        let one = histogram(&[1, 0], 1);
        assert_eq!((one.counts.iter().sum::<u64>(), one.dead), (1, 1));
        let none = histogram(&[0, 0], 0);
        assert_eq!((none.counts.iter().sum::<u64>(), none.dead), (0, 2));
    }
}
