//! Records from the statistics of a finished tally.

use super::Tally;
use super::kept::Sample;
use super::latent::LatentTally;
use crate::info::{CorpusInfo, SetInfo, SetKind};
use crate::record::{FeatureRecord, Interval, Moments, Partner, TokenCount, TokenIndex};

/// Intervals of activations that a record shows. The lowest takes in all octaves that are left.
const INTERVALS: usize = 5;
/// Tokens that a record names.
const TOKENS: usize = 20;
/// Partners that a record names.
const PARTNERS: usize = 10;
/// Tokens on which both must fire, beyond the error of the count: the PMI of fewer is mostly chance.
const LEAST_TOGETHER: u64 = 10;
/// Latents that the index names per token.
const INDEXED: usize = 20;

impl Tally {
    /// Tokens that count.
    pub fn tokens(&self) -> u64 {
        self.sources.iter().map(|(_, tokens)| tokens).sum()
    }

    /// One record per latent, with what statistics alone give: labels and what weights say is left empty.
    pub fn records(&self) -> Vec<FeatureRecord> {
        let ended = self.ended();
        let mut partners = self.partners();
        let records = (0u32..).zip(&ended.latents).zip(&mut partners);
        records
            .map(|((number, latent), partners)| {
                self.record(number, latent, std::mem::take(partners))
            })
            .collect()
    }

    fn record(&self, number: u32, latent: &LatentTally, coactive: Vec<Partner>) -> FeatureRecord {
        let tokens = latent.tokens.largest(TOKENS).into_iter();
        FeatureRecord {
            latent: number,
            moments: self.moments(latent),
            histogram: latent.bins.histogram(),
            octaves: latent.octaves.octaves(),
            top: latent.strongest.examples().cloned().collect(),
            intervals: self.intervals(latent),
            random: latent.random.examples().cloned().collect(),
            tokens: tokens
                .map(|(token, fired)| TokenCount {
                    token,
                    fired,
                    occurs: self.occurs.get(token as usize).copied().unwrap_or(0),
                })
                .collect(),
            distinct_tokens: latent.tokens.distinct() as u32,
            main_source: self.main_source(latent),
            sources: latent.sources.clone(),
            documents: latent.documents.clone(),
            coactive,
            ..FeatureRecord::default()
        }
    }

    fn moments(&self, latent: &LatentTally) -> Moments {
        let tokens = self.tokens() as f64;
        let mean = |sum: Option<f64>| sum.filter(|_| tokens > 0.0).map(|sum| sum / tokens);
        let [first, second, third, fourth] = latent.sums.values().map(mean);
        let square = second.filter(|square| *square > 0.0);
        Moments {
            fired: latent.fired,
            windows: latent.windows,
            density: if tokens > 0.0 {
                latent.fired as f64 / tokens
            } else {
                0.0
            },
            max: latent.max,
            mean: first.unwrap_or(0.0),
            mean_square: second.unwrap_or(0.0),
            skew: square
                .zip(third)
                .map(|(square, third)| third / square.powf(1.5)),
            kurtosis: square
                .zip(fourth)
                .map(|(square, fourth)| fourth / (square * square)),
        }
    }

    fn main_source(&self, latent: &LatentTally) -> Option<u16> {
        let shares = latent
            .sources
            .iter()
            .zip(&self.sources)
            .map(|(fired, (_, tokens))| {
                if *tokens > 0 {
                    *fired as f64 / *tokens as f64
                } else {
                    0.0
                }
            });
        let mut most: Option<(u16, f64)> = None;
        for (source, share) in (0u16..).zip(shares) {
            if share > most.map_or(0.0, |(_, share)| share) {
                most = Some((source, share));
            }
        }
        most.map(|(source, _)| source)
    }

    fn intervals(&self, latent: &LatentTally) -> Vec<Interval> {
        let power = |exponent: i16| f64::from(exponent).exp2() as f32;
        let windows = |octave: i16| {
            let mut peaks = latent.peaks.iter();
            peaks
                .find(|(other, _)| *other == octave)
                .map_or(0, |(_, count)| count)
        };
        let octaves: Vec<&(i16, Sample)> = latent.intervals.iter().rev().collect();
        let alone = octaves.len().min(INTERVALS - 1);
        let (strong, weak) = if octaves.len() > INTERVALS {
            octaves.split_at(alone)
        } else {
            octaves.split_at(octaves.len())
        };
        let mut intervals: Vec<Interval> = strong
            .iter()
            .map(|(octave, sample)| Interval {
                low: power(*octave),
                high: power(*octave + 1),
                windows: windows(*octave),
                examples: sample.examples().cloned().collect(),
            })
            .collect();
        if let (Some((highest, _)), Some((lowest, _))) = (weak.first(), weak.last()) {
            let most = self.settings.per_interval as usize;
            let mut together = Sample::default();
            for (_, sample) in weak {
                together.merge(sample.clone(), most);
            }
            intervals.push(Interval {
                low: power(*lowest),
                high: power(*highest + 1),
                windows: weak.iter().map(|(octave, _)| windows(*octave)).sum(),
                examples: together.examples().cloned().collect(),
            });
        }
        intervals
    }

    /// Partners of every latent: those with the largest PMI among the pairs that fire together often enough.
    fn partners(&self) -> Vec<Vec<Partner>> {
        let mut partners = vec![Vec::new(); self.latents.len()];
        let tokens = self.tokens() as f64;
        if self.set.kind == SetKind::Neurons || tokens == 0.0 {
            return partners;
        }
        let least = LEAST_TOGETHER + self.pairs.error();
        let often: Vec<u32> = (0u32..)
            .zip(&self.latents)
            .filter(|(_, latent)| latent.fired >= least)
            .map(|(number, _)| number)
            .collect();
        for (at, one) in often.iter().enumerate() {
            for other in &often[..at] {
                let count = self.pairs.count(*one, *other);
                if count < least {
                    continue;
                }
                let fired = |latent: u32| self.latents[latent as usize].fired as f64;
                let pmi = (count as f64 * tokens / (fired(*one) * fired(*other))).ln() as f32;
                for (one, other) in [(*one, *other), (*other, *one)] {
                    let latent = other;
                    keep(&mut partners[one as usize], Partner { latent, count, pmi });
                }
            }
        }
        partners
    }

    /// For each token of the vocabulary the latents that fire on it, with how often, the most often first; at most 20.
    pub fn token_index(&self) -> TokenIndex {
        let mut index = vec![Vec::new(); self.occurs.len()];
        for (number, latent) in (0u32..).zip(&self.latents) {
            for (token, fired) in latent.tokens.by_token() {
                if let Some(latents) = index.get_mut(token as usize) {
                    latents.push((number, fired));
                }
            }
        }
        for latents in &mut index {
            latents.sort_by_key(|(latent, fired)| (std::cmp::Reverse(*fired), *latent));
            latents.truncate(INDEXED);
        }
        index
    }

    /// The corpus, as far as it was read.
    pub fn corpus(&self) -> CorpusInfo {
        CorpusInfo {
            name: self.corpus.clone(),
            sources: self.sources.iter().map(|(name, _)| name.clone()).collect(),
            source_tokens: self.sources.iter().map(|(_, tokens)| *tokens).collect(),
            documents: self.documents,
            windows: self.windows,
            tokens: self.tokens(),
        }
    }

    /// The set, without its files.
    pub fn set_info(&self) -> SetInfo {
        SetInfo {
            id: self.set.id.clone(),
            kind: self.set.kind,
            hook: self.set.hook.clone(),
            n_latents: self.set.n_latents,
            sha256: self.set.sha256.clone(),
            tokens: self.tokens(),
            source_tokens: self.sources.iter().map(|(_, tokens)| *tokens).collect(),
            shard_size: crate::files::SHARD_SIZE,
            shards: Vec::new(),
            table: None,
            map: None,
            token_index: None,
            coactivation_error: self.pairs.error(),
        }
    }
}

/// Inserts a partner by its PMI, ties by number, and keeps the first few.
fn keep(partners: &mut Vec<Partner>, partner: Partner) {
    let before = |other: &Partner| {
        other.pmi > partner.pmi || (other.pmi == partner.pmi && other.latent < partner.latent)
    };
    let at = partners.partition_point(before);
    if at < PARTNERS {
        partners.insert(at, partner);
        partners.truncate(PARTNERS);
    }
}
