//! Patching: features of one prompt carried into another of the same length, each at each position; or its residual stream, each layer
//! at each position.

use std::collections::BTreeMap;

use super::State;
use crate::data::Token;

/// What is typed before patching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// What is carried: `features`, or the residual `stream`.
    What,
    /// The prompt that features come from.
    Source,
    /// The token whose logit counts; the likeliest after the source where it is empty.
    Target,
    /// The token that it is compared with; the likeliest after the prompt where it is empty.
    Distractor,
}

impl Field {
    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::What => "patch-what",
            Self::Source => "patch-source",
            Self::Target => "patch-target",
            Self::Distractor => "patch-against",
        }
    }
}

/// The text of [`Field::What`] that carries the residual stream.
pub const STREAM: &str = "stream";

/// What an experiment carries over, in the order of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carried {
    /// All features of the SAE together.
    All,
    /// A feature.
    Feature(u32),
    /// The residual stream at the hook point with this number.
    Stream(usize),
}

impl Carried {
    /// The feature, where it is one.
    pub fn latent(self) -> Option<u32> {
        match self {
            Self::Feature(latent) => Some(latent),
            Self::All | Self::Stream(_) => None,
        }
    }
}

/// One experiment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// What it carries.
    pub what: Carried,
    /// The position.
    pub position: usize,
    /// The feature's activation in the prompt, and in the source; 0 where it is none.
    pub from: f32,
    /// See there.
    pub to: f32,
}

/// What came of an experiment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Patched {
    /// The target's logit minus the distractor's.
    pub difference: Option<f64>,
    /// KL(clean ‖ patched), nats: of features the mean over the positions that count, of the stream after the last token.
    pub kl: Option<f64>,
}

/// What is patched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// The prompt, and the source.
    pub prompts: [String; 2],
    /// Their tokens, equally many.
    pub tokens: [Vec<Token>; 2],
    /// Id of the SAE whose features are carried.
    pub sae: String,
    /// The hook points whose stream is carried; none where features are.
    pub hooks: Vec<String>,
    /// Target and distractor.
    pub compared: [Token; 2],
    /// The target's logit minus the distractor's of the prompt, and of the source.
    pub differences: [f64; 2],
    /// The experiments, those with all features first.
    pub cells: Vec<Cell>,
}

/// Features of a prompt by position: latents with their activations. None where a position does not count for the SAE.
pub type Active = Vec<Option<BTreeMap<u32, f32>>>;

/// The experiments of two prompts: every feature at every position where its activation is not the same in both, and all of them
/// together at each such position.
pub fn cells(prompt: &Active, source: &Active) -> Vec<Cell> {
    let mut together = Vec::new();
    let mut single = Vec::new();
    for (position, (here, there)) in prompt.iter().zip(source).enumerate() {
        let (Some(here), Some(there)) = (here, there) else {
            continue;
        };
        let before = single.len();
        let latents: std::collections::BTreeSet<&u32> = here.keys().chain(there.keys()).collect();
        for latent in latents {
            let value = |of: &BTreeMap<u32, f32>| of.get(latent).copied().unwrap_or(0.0);
            let (from, to) = (value(here), value(there));
            if from != to {
                single.push(Cell {
                    what: Carried::Feature(*latent),
                    position,
                    from,
                    to,
                });
            }
        }
        if single.len() > before {
            together.push(Cell {
                what: Carried::All,
                position,
                from: 0.0,
                to: 0.0,
            });
        }
    }
    together.extend(single);
    together
}

/// The experiments with the residual stream: each hook point at each position from the first on where the prompts differ.
pub fn stream_cells(hooks: usize, tokens: &[Vec<Token>; 2]) -> Vec<Cell> {
    let [here, there] = tokens;
    let same = here.iter().zip(there);
    let same = same.take_while(|(here, there)| here.id == there.id).count();
    let of_hook = |hook| {
        (same..here.len()).map(move |position| Cell {
            what: Carried::Stream(hook),
            position,
            from: 0.0,
            to: 0.0,
        })
    };
    (0..hooks).flat_map(of_hook).collect()
}

impl About {
    /// The name of a hook point whose stream is carried.
    pub fn hook(&self, number: usize) -> &str {
        self.hooks.get(number).map_or("", String::as_str)
    }

    /// How far an experiment goes from the prompt's difference of logits (0) to the source's (1). None where these are the same.
    pub fn share(&self, patched: &Patched) -> Option<f64> {
        let [clean, source] = self.differences;
        let whole = source - clean;
        let share = (patched.difference? - clean) / whole;
        (whole != 0.0 && share.is_finite()).then_some(share)
    }
}

/// The settings, and what came of the last patching.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// True while experiments run.
    pub running: bool,
    /// Tells a patching from those before it.
    pub run: u32,
    /// What is on screen.
    pub about: Option<About>,
    /// Per experiment, as they come.
    pub patched: Vec<Patched>,
    /// True if all features are listed.
    pub all: bool,
    /// Why it ended early, or did not begin.
    pub ended: Option<String>,
}

/// A row of the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What its experiments carry.
    pub what: Carried,
    /// Per position: the number of the experiment there.
    pub cells: Vec<Option<usize>>,
    /// The largest share among them, by size.
    pub largest: f64,
}

/// Something about patching.
#[derive(Clone, Debug)]
pub enum PatchAction {
    /// A field, as typed.
    Type(Field, String),
    /// What is typed cannot be patched, and why.
    Refused(String),
    /// Experiments begin.
    Started(u32, Box<About>),
    /// Some more have run, in their order.
    Came(u32, Vec<Patched>),
    /// It ended; with why where it ended early.
    Finished(u32, Option<String>),
    /// All features are listed, or the largest only.
    All(bool),
}

impl Patch {
    fn awaits(&self, run: u32) -> bool {
        self.running && self.run == run
    }

    /// Without experiments that are under way; what came stays.
    pub(super) fn stop(&mut self, why: &str) {
        if self.running {
            self.running = false;
            self.ended = Some(why.to_owned());
        }
    }

    /// The grid of what has run: all features together first, then each, the largest share first; layers in their order.
    pub fn rows(&self) -> Vec<Row> {
        let Some(about) = &self.about else {
            return Vec::new();
        };
        let mut rows: BTreeMap<Carried, Row> = BTreeMap::new();
        for (number, (cell, patched)) in about.cells.iter().zip(&self.patched).enumerate() {
            let row = rows.entry(cell.what).or_insert_with(|| Row {
                what: cell.what,
                cells: vec![None; about.tokens[0].len()],
                largest: 0.0,
            });
            if let Some(place) = row.cells.get_mut(cell.position) {
                *place = Some(number);
            }
            let share = about.share(patched).unwrap_or(0.0);
            if share.abs() > row.largest.abs() {
                row.largest = share;
            }
        }
        let mut rows: Vec<Row> = rows.into_values().collect();
        rows.sort_by(|a, b| match (a.what, b.what) {
            (Carried::Feature(_), Carried::Feature(_)) => {
                b.largest.abs().total_cmp(&a.largest.abs())
            }
            (a, b) => a.cmp(&b),
        });
        rows
    }
}

impl State {
    pub(super) fn patch(&mut self, action: PatchAction) {
        let patch = &mut self.patch;
        match action {
            PatchAction::Type(field, text) => {
                if !patch.running {
                    patch.ended = None;
                }
                self.ask(field.name(), text);
            }
            PatchAction::Refused(why) => patch.ended = Some(why),
            PatchAction::Started(run, about) => {
                *patch = Patch {
                    running: true,
                    run,
                    about: Some(*about),
                    ..Patch::default()
                };
            }
            PatchAction::Came(run, patched) if patch.awaits(run) => patch.patched.extend(patched),
            PatchAction::Finished(run, why) if patch.awaits(run) => {
                patch.running = false;
                patch.ended = why;
            }
            PatchAction::All(all) => patch.all = all,
            // Of a patching that the page has given up.
            PatchAction::Came(..) | PatchAction::Finished(..) => {}
        }
    }
}
