//! Dose–response: one feature set to many values, scaled or pushed, and what becomes of the predictions at each.

use wire::{Edit, Operation, Positions};

use super::State;
use super::edits::feature_of;
use super::tray::FeatureId;
use crate::data::{Edited, Token};
use crate::format::number;
use crate::ranking::{along, peak};

/// Values of a sweep at most.
const MOST_STEPS: u32 = 64;

/// The largest activation that is assumed of a feature of which nothing is known.
const UNKNOWN: f32 = 10.0;

/// Name in the address of what the values are.
const KIND: &str = "sweep-by";

/// What the values are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The feature's activation.
    #[default]
    Set,
    /// Multiples of its decoder direction that are added.
    Add,
    /// Factors of its activation.
    Scale,
}

impl Kind {
    /// All, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Set, Self::Add, Self::Scale];

    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Add => "add",
            Self::Scale => "scale",
        }
    }

    /// The operation with a value.
    pub fn operation(self, value: f32) -> Operation {
        match self {
            Self::Set => Operation::Set(value),
            Self::Add => Operation::Add(value),
            Self::Scale => Operation::Scale(value),
        }
    }

    /// The first and last value where none is typed; `largest` is the feature's largest activation.
    fn range(self, largest: f32) -> (f32, f32) {
        match self {
            Self::Set => (0.0, 2.0 * largest),
            Self::Add => (-largest, largest),
            Self::Scale => (0.0, 4.0),
        }
    }
}

/// What is typed before a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The feature; the selected one where it is empty.
    Feature,
    /// The first value.
    From,
    /// The last value.
    To,
    /// Number of values.
    Steps,
    /// Positions; all that count where it is empty.
    Positions,
    /// Tokens whose probability is shown beside the likeliest ones, with `|` between them.
    Watched,
    /// Tokens that are written at each value; 0 for none.
    Written,
}

impl Field {
    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Feature => "sweep",
            Self::From => "sweep-from",
            Self::To => "sweep-to",
            Self::Steps => "sweep-values",
            Self::Positions => "sweep-at",
            Self::Watched => "sweep-tokens",
            Self::Written => "sweep-write",
        }
    }
}

/// A sweep that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The feature.
    pub feature: FeatureId,
    /// What the values are.
    pub kind: Kind,
    /// Ascending.
    pub values: Vec<f32>,
    /// None for all that count.
    pub positions: Option<Positions>,
    /// Texts of tokens to watch.
    pub watched: Vec<String>,
    /// Tokens that are written at each value.
    pub written: u32,
}

impl Plan {
    /// The edit with a value.
    pub fn edit(&self, value: f32) -> Edit {
        Edit {
            positions: self.positions.clone(),
            ..Edit::new(
                &self.feature.sae,
                self.feature.latent,
                self.kind.operation(value),
            )
        }
    }
}

/// What came of one value, or of the clean run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Predictions of the prompt.
    pub dosed: Edited,
    /// The text that was written, and the clean model's mean loss of it, nats.
    pub written: Option<(String, Option<f64>)>,
}

/// What is swept.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The prompt.
    pub prompt: String,
    /// The sweep.
    pub plan: Plan,
    /// The tokens whose probabilities are shown.
    pub watched: Vec<Token>,
}

/// The settings, and what came of the last sweep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dose {
    /// True while a sweep is under way.
    pub running: bool,
    /// Tells a sweep from those before it.
    pub run: u32,
    /// What is on screen.
    pub about: Option<About>,
    /// The clean run.
    pub clean: Point,
    /// One per value, in their order; empty until they are there.
    pub points: Vec<Point>,
    /// Why it ended early, or did not begin.
    pub ended: Option<String>,
}

/// Something about a sweep.
#[derive(Clone, Debug)]
pub enum DoseAction {
    /// A field, as typed.
    Type(Field, String),
    /// What the values are.
    Kind(Kind),
    /// What is typed cannot be swept, and why.
    Refused(String),
    /// A sweep begins.
    Started(u32, About),
    /// Predictions: the clean run's, then one per value.
    Came(u32, Vec<Edited>),
    /// A text was written: at a value, or without an edit (None); with the clean model's loss of it.
    Wrote(u32, Option<usize>, String, Option<f64>),
    /// It ended; with why where it ended early.
    Finished(u32, Option<String>),
}

impl Dose {
    /// True while what comes for this run belongs on the page.
    fn awaits(&self, run: u32) -> bool {
        self.running && self.run == run
    }

    /// Without a sweep that is under way; what came stays.
    pub(super) fn stop(&mut self, why: &str) {
        if self.running {
            self.running = false;
            self.ended = Some(why.to_owned());
        }
    }
}

impl State {
    /// The largest activation of a feature over the corpus of the atlas, where it has one.
    pub fn usual_largest(&self, feature: &FeatureId) -> Option<f32> {
        let page = self.in_atlas(feature)?;
        let largest = self.atlas.row(&page.set, page.latent)?.max;
        (largest > 0.0).then_some(largest)
    }

    /// The largest activation that is known of a feature: over the corpus, else in this prompt.
    fn largest(&self, feature: &FeatureId) -> f32 {
        let in_prompt = || {
            let trace = self.trace.as_ref()?;
            let sae = trace.sae(&feature.sae)?;
            let largest = peak(
                &along(sae, trace.tokens.len(), feature.latent),
                trace.first_own(),
            );
            (largest > 0.0).then_some(largest)
        };
        self.usual_largest(feature)
            .or_else(in_prompt)
            .unwrap_or(UNKNOWN)
    }

    /// What is typed in a field, without spaces around it.
    fn swept(&self, field: Field) -> &str {
        self.place.asked.get(field.name()).trim()
    }

    /// What the values are.
    pub fn dose_kind(&self) -> Kind {
        let named = self.place.asked.get(KIND);
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == named);
        found.unwrap_or_default()
    }

    /// The feature that is swept: as typed, else the selected one.
    pub fn dosed_feature(&self) -> Result<FeatureId, String> {
        match self.swept(Field::Feature) {
            "" => self.selected().ok_or_else(|| {
                "Name a feature by its number (903) or its layer and number (L3/903), or select one.".to_owned()
            }),
            text => feature_of(text, self.place.sae.as_deref(), &self.saes),
        }
    }

    /// The first and the last value where none is typed.
    pub fn dose_range(&self) -> (f32, f32) {
        let largest = self
            .dosed_feature()
            .map_or(UNKNOWN, |feature| self.largest(&feature));
        // As a person would write it.
        let round = |value: f32| (value * 10.0).round() / 10.0;
        let (from, to) = self.dose_kind().range(largest);
        (round(from), round(to))
    }

    /// The sweep that is typed.
    ///
    /// # Errors
    /// The sentence to show.
    pub fn dose_plan(&self) -> Result<Plan, String> {
        let feature = self.dosed_feature()?;
        let (from, to) = self.dose_range();
        let value = |field: Field, default: f32| match self.swept(field) {
            "" => Ok(default),
            text => number(text)
                .map(|value| value as f32)
                .filter(|value| wire::check_value(*value).is_ok())
                .ok_or_else(|| {
                    format!(
                        "“{text}” is not a value: it must be a number of at most {} in magnitude.",
                        wire::LARGEST_VALUE
                    )
                }),
        };
        let (from, to) = (value(Field::From, from)?, value(Field::To, to)?);
        let steps: Option<u32> = self.swept(Field::Steps).parse().ok();
        let steps = steps
            .filter(|steps| (2..=MOST_STEPS).contains(steps))
            .ok_or_else(|| {
                format!("The number of values must be a whole number from 2 to {MOST_STEPS}.")
            })?;
        if from >= to {
            return Err("The first value must be below the last one.".to_owned());
        }
        let positions = match self.swept(Field::Positions) {
            "" => None,
            text => Some(
                text.parse()
                    .map_err(|error: wire::ParseError| error.to_string())?,
            ),
        };
        let written: Option<u32> = self.swept(Field::Written).parse().ok();
        let watched = self.place.asked.get(Field::Watched.name()).split('|');
        let step = (to - from) / (steps - 1) as f32;
        Ok(Plan {
            feature,
            kind: self.dose_kind(),
            values: (0..steps).map(|at| from + step * at as f32).collect(),
            positions,
            watched: watched
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
                .collect(),
            written: written
                .ok_or("The number of tokens to write must be a whole number; 0 writes none.")?,
        })
    }

    pub(super) fn dose(&mut self, action: DoseAction) {
        let dose = &mut self.dose;
        match action {
            DoseAction::Type(field, text) => {
                if !dose.running {
                    dose.ended = None;
                }
                self.ask(field.name(), text);
            }
            DoseAction::Kind(kind) => {
                self.ask(KIND, kind.name().to_owned());
                // Factors and activations have nothing in common.
                self.ask(Field::From.name(), String::new());
                self.ask(Field::To.name(), String::new());
            }
            DoseAction::Refused(why) => dose.ended = Some(why),
            DoseAction::Started(run, about) => {
                *dose = Dose {
                    running: true,
                    run,
                    about: Some(about),
                    ..Dose::default()
                };
            }
            DoseAction::Came(run, mut dosed) if dose.awaits(run) && !dosed.is_empty() => {
                let point = |dosed| Point {
                    dosed,
                    written: None,
                };
                dose.points = dosed.drain(1..).map(point).collect();
                dose.clean = dosed.pop().map(point).unwrap_or_default();
            }
            DoseAction::Wrote(run, at, text, loss) if dose.awaits(run) => {
                let point = match at {
                    None => Some(&mut dose.clean),
                    Some(at) => dose.points.get_mut(at),
                };
                if let Some(point) = point {
                    point.written = Some((text, loss));
                }
            }
            DoseAction::Finished(run, why) if dose.awaits(run) => {
                dose.running = false;
                dose.ended = why;
            }
            // Of a sweep that the page has given up.
            DoseAction::Came(..) | DoseAction::Wrote(..) | DoseAction::Finished(..) => {}
        }
    }
}
