//! The statistics of one latent.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::bins::{Bins, OctaveCounts, octave};
use super::counts::TokenCounts;
use super::kept::{Candidate, Sample, Strongest};
use super::sums::PowerSums;
use super::window::Window;
use crate::activations::Activations;
use crate::info::Settings;
use crate::record::{DocumentCount, Example};

/// Documents kept per latent.
const DOCUMENTS: usize = 5;

/// Salts of the draws, so that a window in the one sample is not therefore in the other.
const RANDOM: u64 = 0x7261_6e64;
const INTERVAL: u64 = 0x696e_7465;

/// Part of the peak below which a neuron's activations do not go into an example.
const SHOWN: f32 = 1.0 / 16.0;

/// The statistics of one latent so far.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LatentTally {
    /// Tokens on which it fires.
    pub fired: u64,
    /// Windows in which it fires.
    pub windows: u64,
    /// Largest activation.
    pub max: f32,
    /// Sums of powers of the activation.
    pub sums: PowerSums,
    /// Activations in bins of equal width.
    pub bins: Bins,
    /// Activations above 0 by octave.
    pub octaves: OctaveCounts,
    /// Windows by the octave of their peak.
    pub peaks: OctaveCounts,
    /// How often it fires on each token.
    pub tokens: TokenCounts,
    /// How often it fires in each source.
    pub sources: Vec<u64>,
    /// Documents in which it fires most, the most first.
    pub documents: Vec<DocumentCount>,
    /// The strongest windows.
    pub strongest: Strongest,
    /// A sample per octave of the peak, by octave.
    pub intervals: Vec<(i16, Sample)>,
    /// A sample of all windows.
    pub random: Sample,
}

/// One latent's values in one window.
pub struct InWindow<'a> {
    /// The window.
    pub window: &'a Window<'a>,
    /// Index of its source.
    pub source: usize,
    /// Positions at which it fires, increasing.
    pub positions: &'a [u16],
    /// The activations there.
    pub activations: &'a [f32],
    /// True if only values of some size go into an example: neurons fire nearly everywhere.
    pub dense: bool,
    /// Seed of this latent's draws.
    pub seed: u64,
}

impl LatentTally {
    /// Adds the firings of a window; there is at least one. Moments and bins are added apart, see [`LatentTally::add_values`].
    pub fn add(&mut self, found: &InWindow<'_>, settings: &Settings) {
        let window = found.window;
        let mut peak = (0, 0.0f32);
        for (position, activation) in found.positions.iter().zip(found.activations) {
            self.octaves.add(*activation);
            if *activation > peak.1 {
                peak = (*position, *activation);
            }
            self.tokens.add(window.tokens[usize::from(*position)]);
        }
        self.fired += found.positions.len() as u64;
        self.windows += 1;
        self.max = self.max.max(peak.1);
        self.sources[found.source] += found.positions.len() as u64;
        self.peaks.add(peak.1);

        let candidate = Candidate {
            peak: peak.1,
            document: window.document,
            start: window.start,
            up_to_peak: &window.tokens[..=usize::from(peak.0)],
            seed: found.seed,
        };
        let copied = || example(found, peak, settings.after);
        self.strongest
            .offer(&candidate, settings.top as usize, copied);
        self.random
            .offer(&candidate, RANDOM, settings.random as usize, copied);
        let of_peak = octave(peak.1);
        let sample = self.interval(of_peak);
        sample.offer(&candidate, INTERVAL, settings.per_interval as usize, copied);
    }

    /// Adds values to moments and bins.
    pub fn add_values(&mut self, values: impl Iterator<Item = f32> + Clone) {
        self.bins.add(values.clone());
        self.sums.add(values);
    }

    fn interval(&mut self, octave: i16) -> &mut Sample {
        let at = match self
            .intervals
            .binary_search_by_key(&octave, |(octave, _)| *octave)
        {
            Ok(at) => at,
            Err(at) => {
                self.intervals.insert(at, (octave, Sample::default()));
                at
            }
        };
        &mut self.intervals[at].1
    }

    /// Notes how often it fires in a document that has ended.
    pub fn add_document(&mut self, count: DocumentCount) {
        let place = |count: &DocumentCount| (Reverse(count.fired), count.document);
        let at = self
            .documents
            .partition_point(|other| place(other) < place(&count));
        self.documents.insert(at, count);
        self.documents.truncate(DOCUMENTS);
    }

    /// Adds another part's. Both have the same sources.
    pub fn merge(&mut self, other: Self, settings: &Settings) {
        self.fired += other.fired;
        self.windows += other.windows;
        self.max = self.max.max(other.max);
        self.sums.merge(&other.sums);
        self.bins.merge(other.bins);
        self.octaves.merge(&other.octaves);
        self.peaks.merge(&other.peaks);
        self.tokens.merge(other.tokens);
        for (one, other) in self.sources.iter_mut().zip(other.sources) {
            *one += other;
        }
        for count in other.documents {
            self.add_document(count);
        }
        self.strongest.merge(other.strongest, settings.top as usize);
        for (octave, sample) in other.intervals {
            self.interval(octave)
                .merge(sample, settings.per_interval as usize);
        }
        self.random.merge(other.random, settings.random as usize);
    }

    /// Drops the examples beyond the numbers that the settings want.
    pub fn keep_fewer(&mut self, settings: &Settings) {
        self.strongest.truncate(settings.top as usize);
        self.random.truncate(settings.random as usize);
        for (_, sample) in &mut self.intervals {
            sample.truncate(settings.per_interval as usize);
        }
    }

    /// All examples that are kept.
    pub fn examples(&self) -> impl Iterator<Item = &Example> {
        let intervals = self
            .intervals
            .iter()
            .flat_map(|(_, sample)| sample.examples());
        self.strongest
            .examples()
            .chain(self.random.examples())
            .chain(intervals)
    }
}

fn example(found: &InWindow<'_>, (peak, largest): (u16, f32), after: u32) -> Example {
    let window = found.window;
    let end = (usize::from(peak) + 1 + after as usize).min(window.tokens.len());
    let least = if found.dense { largest * SHOWN } else { 0.0 };
    let shown = found.positions.iter().zip(found.activations);
    let (positions, activations) = shown
        .filter(|(position, activation)| usize::from(**position) < end && **activation >= least)
        .map(|(position, activation)| (*position, *activation))
        .unzip();
    Example {
        document: window.document,
        start: window.start,
        tokens: window.tokens[..end].to_vec(),
        peak,
        positions,
        activations: Activations(activations),
    }
}
