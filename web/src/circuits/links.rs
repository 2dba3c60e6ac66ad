//! What one concept does to another, measured: how much of a feature's activation goes away when an earlier one is set to 0.

use super::feature::Feature;
use super::moment::Concept;
use super::run::{Frame, Run};

/// Concepts that are set to 0, one after the other.
const MOST: usize = 24;

/// Share of an activation below which a link is not shown.
const LEAST: f32 = 0.1;

/// A feature's activation with another one set to 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// The feature that was set to 0, in the whole text.
    pub from: Feature,
    /// The feature of a later layer.
    pub to: Feature,
    /// Its activation at the token in the run.
    pub clean: f32,
    /// With the other one set to 0.
    pub ablated: f32,
}

impl Link {
    /// Share of the activation that is gone; below 0 it grew.
    pub fn share(&self) -> f32 {
        (self.clean - self.ablated) / self.clean
    }

    /// True if it is shown.
    pub fn is_large(&self) -> bool {
        self.share().abs() >= LEAST
    }
}

/// Links of one token of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Links {
    /// Index of the token.
    pub cursor: usize,
    /// Tells a measurement from those before it.
    pub number: u32,
    /// Features that have been set to 0, and all that will be.
    pub done: usize,
    /// See there.
    pub all: usize,
    /// True while the model runs.
    pub running: bool,
    /// Why it ended early, or did not begin.
    pub ended: Option<String>,
    /// What was found.
    pub found: Vec<Link>,
}

impl Links {
    /// True while what comes of this measurement belongs on the page.
    pub fn awaits(&self, number: u32) -> bool {
        self.running && self.number == number
    }
}

/// The block behind which a set of a run is, for the order in which features can act on each other; nothing where its hook names none.
fn layer(run: &Run, set: u8) -> Option<u32> {
    let set = run.sets.get(usize::from(set))?;
    crate::display::layer_of(&set.hook)
}

/// The concepts on screen that are active at a token and stand before others that are, the strongest first: those to be set to 0.
pub fn sources(concepts: &[Concept], run: &Run, cursor: usize) -> Vec<Feature> {
    let Some(frame) = run.frames.get(cursor) else {
        return Vec::new();
    };
    let here: Vec<Feature> = frame.features().map(|(feature, _)| feature).collect();
    let concepts = concepts.iter().map(|concept| concept.feature);
    let active: Vec<Feature> = concepts.filter(|one| here.contains(one)).collect();
    let layers = active.iter().filter_map(|one| layer(run, one.set));
    let last = layers.max();
    let before = |one: &&Feature| layer(run, one.set).is_some_and(|layer| Some(layer) < last);
    active.iter().filter(before).take(MOST).copied().collect()
}

/// The links of a feature that was set to 0: to every feature of a later layer that is active at the token.
pub fn links(run: &Run, from: Feature, clean: &Frame, ablated: &Frame) -> Vec<Link> {
    let later = |set: u8| layer(run, from.set) < layer(run, set);
    let features = clean.features().filter(|(feature, _)| later(feature.set));
    let link = |(to, activation): (Feature, f32)| {
        let now = ablated.features().find(|(feature, _)| *feature == to);
        Link {
            from,
            to,
            clean: activation,
            ablated: now.map_or(0.0, |(_, activation)| activation),
        }
    };
    features.map(link).collect()
}
