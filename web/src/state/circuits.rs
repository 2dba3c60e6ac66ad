//! The live concept graph: a run, recorded or under way, the token in view, and what is shown of it.

use std::collections::{BTreeMap, BTreeSet};

use ::atlas::info::Quantity;
use ::atlas::{AtlasInfo, FeatureRecord, SetInfo};

use super::route::Route;
use super::tray::FeatureId;
use super::{History, State, settings};
use crate::atlas::{PartId, Request, counted_tokens};
use crate::circuits::{Controls, Facts, Feature, Frame, Known, Link, Links, Mode, Run, SetFacts};
use crate::shared::Shared;

/// Shards that are on their way at once.
const AT_ONCE: usize = 4;

/// Settings of the text that is written, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Most new tokens.
    MaxTokens,
    /// Temperature.
    Temperature,
    /// Seed.
    Seed,
}

impl Setting {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::MaxTokens, Self::Temperature, Self::Seed];
}

/// The settings of a text, read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Most new tokens.
    pub max_tokens: u32,
    /// 0 takes the likeliest token each time.
    pub temperature: f64,
    /// Seed of the draws.
    pub seed: u32,
}

/// A shard of an atlas's set: the address of the atlas's index, the set's index, and the shard's number.
pub type ShardId = (String, usize, usize);

/// The graph's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Circuits {
    /// The run in view; nothing before one came.
    pub run: Option<Run>,
    /// Why the recorded run did not come.
    pub unrecorded: Option<String>,
    /// True once the recorded run was requested.
    pub requested: bool,
    /// Number of the run that is under way, or was the last.
    pub number: u32,
    /// True while the model writes.
    pub running: bool,
    /// Why the last run ended early.
    pub ended: Option<String>,
    /// Index of the token in view.
    pub cursor: usize,
    /// True while the view goes on by itself, token by token at a pace that can be read.
    pub playing: bool,
    /// True if the view goes to the newest token of a live run at once, for people who want nothing to move.
    pub at_once: bool,
    /// Effects that were measured between features.
    pub links: Links,
    /// The selected feature.
    pub selected: Option<Feature>,
    /// The feature below the pointer.
    pub hovered: Option<Feature>,
    /// Settings, as typed, in the order of [`Setting::ALL`].
    typed: [String; 3],
    /// Relations of features by shard, as far as they came.
    shards: BTreeMap<ShardId, Shared<Vec<Known>>>,
    /// Shards on their way.
    under_way: BTreeSet<ShardId>,
    /// Shards that did not come, and why the last one did not.
    failed: (BTreeSet<ShardId>, String),
}

impl Default for Circuits {
    fn default() -> Self {
        Self {
            run: None,
            unrecorded: None,
            requested: false,
            number: 0,
            running: false,
            ended: None,
            cursor: 0,
            playing: false,
            at_once: false,
            links: Links::default(),
            selected: None,
            hovered: None,
            typed: ["60", "0.8", "0"].map(str::to_owned),
            shards: BTreeMap::new(),
            under_way: BTreeSet::new(),
            failed: (BTreeSet::new(), String::new()),
        }
    }
}

/// Something about the graph.
#[derive(Clone, Debug)]
pub enum CircuitsAction {
    /// The recorded run is requested.
    Requested,
    /// The recorded run came, or why not; true if it is to be played from its beginning.
    Recorded(Box<Result<Run, String>>, bool),
    /// A run begins, with its number; it has no frames yet. True if the view goes to its newest token at once.
    Started(u32, Box<Run>, bool),
    /// A run's next frame.
    Came(u32, Box<Frame>),
    /// A run ended; with the reason, if it is not that it was done.
    Ended(u32, Option<String>),
    /// The token with this index is shown.
    Seek(usize),
    /// The token so many further on is shown.
    Step(i32),
    /// The next token is shown, if the view goes on by itself.
    Tick,
    /// Plays on, or pauses.
    Play(bool),
    /// A feature is selected, or none.
    Select(Option<Feature>),
    /// A feature is below the pointer, or none.
    Hover(Option<Feature>),
    /// A setting, as typed.
    Set(Setting, String),
    /// Other controls.
    Control(Controls),
    /// Effects are to be measured, with the number of the measurement, the token's index, and how many features will be set to 0.
    Measuring(u32, usize, usize),
    /// One more of them has been.
    Measured(u32, Vec<Link>),
    /// The measurement ended; with why where it ended early.
    MeasuringEnded(u32, Option<String>),
    /// Shows the features of an SAE, or hides them.
    Hide(String, bool),
    /// A shard is on its way.
    ShardRequested(ShardId),
    /// A shard came, or why not.
    Shard(ShardId, Result<Vec<FeatureRecord>, String>),
    /// Shards that did not come are wanted again.
    RetryShards,
}

impl Circuits {
    /// A setting, as typed.
    pub fn typed(&self, setting: Setting) -> &str {
        &self.typed[setting as usize]
    }

    /// The settings, if all of them make sense; else what does not.
    ///
    /// # Errors
    /// The sentence to show.
    pub fn settings(&self) -> Result<Settings, &'static str> {
        Ok(Settings {
            max_tokens: settings::max_tokens(self.typed(Setting::MaxTokens))?,
            temperature: settings::temperature(self.typed(Setting::Temperature))?,
            seed: settings::seed(self.typed(Setting::Seed))?,
        })
    }

    /// Index of the last token.
    pub fn last(&self) -> usize {
        self.run
            .as_ref()
            .map_or(0, |run| run.frames.len().saturating_sub(1))
    }

    /// Why shards are missing; nothing where none is.
    pub fn lacks(&self) -> Option<&str> {
        (!self.failed.0.is_empty()).then_some(self.failed.1.as_str())
    }

    /// Requests for shards with relations of these features that nobody has requested: a few at once. `index` is the address of
    /// the atlas's index.
    pub fn wanted_shards(
        &self,
        features: impl Iterator<Item = Feature>,
        facts: &Facts,
        (index, info): (&str, &AtlasInfo),
        mode: Mode,
    ) -> Vec<(ShardId, Request)> {
        let mut wanted: Vec<(ShardId, Request)> = Vec::new();
        let free = AT_ONCE.saturating_sub(self.under_way.len());
        if free == 0 || !mode.is_of_atlas() {
            return wanted;
        }
        for feature in features {
            let Some(set) = facts.set(feature.set) else {
                continue;
            };
            if set.known(feature.latent).is_some() {
                continue;
            }
            let shard = set.shard_of(feature.latent);
            let id = (index.to_owned(), set.index, shard);
            let known = self.under_way.contains(&id)
                || self.failed.0.contains(&id)
                || wanted.iter().any(|(one, _)| *one == id);
            let part = PartId::Shard(set.index, shard);
            if let (false, Some(file)) = (known, part.file(info)) {
                let request = Request {
                    part,
                    index: index.to_owned(),
                    address: crate::atlas::address(index, &file.path),
                    file: Some(file.clone()),
                };
                wanted.push((id, request));
                if wanted.len() == free {
                    break;
                }
            }
        }
        wanted
    }

    /// The effects that were measured at the token in view.
    pub fn links_here(&self) -> &[Link] {
        match self.links.cursor == self.cursor {
            true => &self.links.found,
            false => &[],
        }
    }

    fn awaits(&self, number: u32) -> bool {
        self.running && self.number == number
    }

    fn show(&mut self, run: Run) {
        self.run = Some(run);
        self.links = Links::default();
        self.selected = None;
        self.hovered = None;
        self.ended = None;
    }

    /// Without a run; one that goes on does so for nobody.
    pub(super) fn stop(&mut self, why: &str) {
        if self.running {
            self.running = false;
            self.ended = Some(why.to_owned());
        }
    }
}

impl State {
    pub(super) fn circuits(&mut self, action: CircuitsAction) {
        let circuits = &mut self.circuits;
        match action {
            CircuitsAction::Requested => circuits.requested = true,
            CircuitsAction::Recorded(result, play) => match *result {
                // What was written meanwhile stays.
                _ if circuits.run.is_some() => {}
                Ok(run) => {
                    let first = run.prompt_tokens.saturating_sub(1);
                    circuits.show(run);
                    circuits.cursor = if play { first } else { circuits.last() };
                    circuits.playing = play;
                }
                Err(why) => circuits.unrecorded = Some(why),
            },
            CircuitsAction::Started(number, run, at_once) => {
                circuits.show(*run);
                circuits.number = number;
                circuits.running = true;
                circuits.cursor = 0;
                circuits.playing = true;
                circuits.at_once = at_once;
            }
            CircuitsAction::Came(number, frame) if circuits.awaits(number) => {
                if let Some(run) = &mut circuits.run {
                    run.frames.push(Shared::new(*frame));
                }
                let last = circuits.last();
                let prompt = circuits.run.as_ref().map_or(0, |run| run.prompt_tokens);
                // A model may write faster than anybody reads; the prompt was read before.
                if circuits.playing && (circuits.at_once || last < prompt) {
                    circuits.cursor = last;
                }
            }
            CircuitsAction::Ended(number, why) if circuits.awaits(number) => {
                circuits.running = false;
                circuits.playing &= circuits.cursor < circuits.last();
                circuits.ended = why;
            }
            // Of a run that the page has given up.
            CircuitsAction::Came(..) | CircuitsAction::Ended(..) => {}
            CircuitsAction::Seek(cursor) => {
                circuits.cursor = cursor.min(circuits.last());
                circuits.playing = false;
            }
            CircuitsAction::Step(by) => {
                let cursor = circuits.cursor.saturating_add_signed(by as isize);
                circuits.cursor = cursor.min(circuits.last());
                circuits.playing = false;
            }
            CircuitsAction::Tick if circuits.playing => {
                circuits.cursor = (circuits.cursor + 1).min(circuits.last());
                circuits.playing = circuits.running || circuits.cursor < circuits.last();
            }
            CircuitsAction::Tick => {}
            CircuitsAction::Play(true) => {
                let last = circuits.last();
                if circuits.running {
                    circuits.cursor = last;
                } else if circuits.cursor >= last {
                    circuits.cursor = 0;
                }
                circuits.playing = circuits.running || last > 0;
            }
            CircuitsAction::Play(false) => circuits.playing = false,
            CircuitsAction::Select(feature) => circuits.selected = feature,
            CircuitsAction::Hover(feature) => circuits.hovered = feature,
            CircuitsAction::Set(setting, value) => circuits.typed[setting as usize] = value,
            CircuitsAction::Control(controls) => {
                // A slider moves through many numbers; none of them is a step to go back to.
                let slid = controls.threshold != self.place.graph.threshold;
                self.history = if slid {
                    History::Replace
                } else {
                    History::Push
                };
                self.place.graph = controls;
            }
            CircuitsAction::Measuring(number, cursor, all) => {
                circuits.playing = false;
                circuits.links = Links {
                    cursor,
                    number,
                    all,
                    running: true,
                    ..Links::default()
                };
            }
            CircuitsAction::Measured(number, links) if circuits.links.awaits(number) => {
                circuits.links.done += 1;
                circuits.links.found.extend(links);
            }
            CircuitsAction::MeasuringEnded(number, why) if circuits.links.awaits(number) => {
                circuits.links.running = false;
                circuits.links.ended = why;
            }
            // Of a measurement that the page has given up.
            CircuitsAction::Measured(..) | CircuitsAction::MeasuringEnded(..) => {}
            CircuitsAction::Hide(sae, hide) => {
                let hidden = &mut self.place.graph.hidden;
                hidden.retain(|one| *one != sae);
                if hide {
                    hidden.push(sae);
                }
                self.history = History::Push;
            }
            CircuitsAction::ShardRequested(id) => {
                circuits.under_way.insert(id);
            }
            CircuitsAction::Shard(id, result) => {
                circuits.under_way.remove(&id);
                match result {
                    Ok(records) => {
                        let known: Vec<Known> = records.into_iter().map(Known::from).collect();
                        circuits.shards.insert(id, Shared::new(known));
                    }
                    Err(why) => {
                        circuits.failed.0.insert(id);
                        circuits.failed.1 = why;
                    }
                }
            }
            CircuitsAction::RetryShards => circuits.failed.0.clear(),
        }
    }

    /// The set of the atlas that a set of the run is about, with its index.
    fn set_of_run(&self, run: &Run, at: usize) -> Option<(usize, &SetInfo)> {
        let set = run.sets.get(at)?;
        let feature = FeatureId {
            sae: set.sae.clone(),
            latent: 0,
        };
        let id = match run.recorded {
            // The recording is of the demo, whose atlas is the site's; another atlas is about something else.
            true if self.place.atlas.is_none() => self
                .atlas
                .set_at(&set.hook, set.n_latents, false)?
                .id
                .clone(),
            true => return None,
            false => self.in_atlas(&feature)?.set,
        };
        self.atlas.set(&id)
    }

    /// What the atlas knows of the run's features, as far as it was fetched.
    pub fn facts(&self) -> Facts {
        let Some((run, info)) = self.circuits.run.as_ref().zip(self.atlas.info()) else {
            return Facts::default();
        };
        let index = self
            .atlas
            .address
            .get()
            .map(|address| (**address).clone())
            .unwrap_or_default();
        let of = |at: usize| {
            let (set, described) = self.set_of_run(run, at)?;
            let rows = self.atlas.sets.get(set)?.table.get()?.clone();
            let mine = (index.clone(), set, 0)..=(index.clone(), set, usize::MAX);
            let shards = self.circuits.shards.range(mine);
            Some(SetFacts {
                id: described.id.clone(),
                index: set,
                rows,
                tokens: counted_tokens(info, described),
                knows_max: info.knows(Quantity::Max),
                error: described.coactivation_error,
                shard_size: described.shard_size,
                recorded: run.sets[at].relations.clone().filter(|relations| {
                    let table = described.table.as_ref();
                    table.is_some_and(|table| table.sha256 == relations.table)
                }),
                shards: shards
                    .map(|((.., shard), known)| (*shard, known.clone()))
                    .collect(),
            })
        };
        Facts {
            sets: (0..run.sets.len()).map(of).collect(),
        }
    }

    /// Parts of the atlas that the graph needs but for shards, which it fetches itself: it needs many, and little of each.
    pub(super) fn circuits_parts(&self) -> Vec<PartId> {
        let Some(run) = self
            .circuits
            .run
            .as_ref()
            .filter(|_| self.place.route == Route::Circuits)
        else {
            return Vec::new();
        };
        let sets = (0..run.sets.len()).filter_map(|at| self.set_of_run(run, at));
        let tables = sets.map(|(set, _)| PartId::Table(set));
        std::iter::once(PartId::Index).chain(tables).collect()
    }

    /// A feature of the run by the id of its SAE.
    pub fn id_in_run(&self, feature: Feature) -> Option<FeatureId> {
        let set = self
            .circuits
            .run
            .as_ref()?
            .sets
            .get(usize::from(feature.set))?;
        Some(FeatureId {
            sae: set.sae.clone(),
            latent: feature.latent,
        })
    }

    /// The pinned features that the run has.
    pub fn pins_in_run(&self) -> Vec<Feature> {
        let Some(run) = &self.circuits.run else {
            return Vec::new();
        };
        let of = |pin: &FeatureId| {
            let set = run.sets.iter().position(|set| set.sae == pin.sae)?;
            let known = (pin.latent as usize) < run.sets[set].n_latents;
            let set = u8::try_from(set).ok()?;
            known.then_some(Feature {
                set,
                latent: pin.latent,
            })
        };
        self.place.pins.iter().filter_map(of).collect()
    }
}
