//! Comparison of SAEs over texts, and of trainings by their curves.

use wire::{TrainRecord, TrainingInfo};

use super::State;
use super::scan::Text;
use super::texts::Source;
use super::train_choice::whole;
use crate::data::{EvaluatedSae, EvaluationFailure, Table};
use crate::shared::Shared;

/// Tokens that are read, where nothing else is typed.
const TOKENS: &str = "20,000";

/// What is measured beside reconstruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Other latents than in training.
    Recovery,
    /// Probes on latents.
    Probes,
    /// Ablations of latents.
    Ablation,
}

impl Extra {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Recovery, Self::Probes, Self::Ablation];

    /// Its name as an option of the package.
    pub fn key(self) -> &'static str {
        match self {
            Self::Recovery => "recovery",
            Self::Probes => "probes",
            Self::Ablation => "ablation",
        }
    }
}

/// What an evaluation does.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The module and weights are loaded, of so many bytes.
    Load(f64, f64),
    /// Texts are read: tokens so far.
    Read(u64),
    /// A part of an SAE: what, how many are done, of how many, of which unit.
    Part(String, u64, u64, String),
}

impl Stage {
    /// Share that is done, from 0 to 1; nothing where that is not known.
    pub fn share(&self) -> Option<f64> {
        let (done, all) = match self {
            Self::Load(done, all) => (*done, *all),
            Self::Read(_) => return None,
            Self::Part(_, done, all, _) => (*done as f64, *all as f64),
        };
        (all > 0.0).then(|| (done / all).clamp(0.0, 1.0))
    }
}

/// An evaluation under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// What it does.
    pub stage: Stage,
    /// True once the person has asked for its end.
    pub stopping: bool,
}

/// What came of an evaluation, as far as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The model, the texts and the device.
    pub head: String,
    /// All numbers.
    pub tables: Vec<Table>,
    /// What is drawn of each SAE.
    pub saes: Vec<EvaluatedSae>,
    /// SAEs that could not be evaluated.
    pub failures: Vec<EvaluationFailure>,
    /// All numbers as JSON.
    pub json: String,
    /// True if not everything was evaluated.
    pub stopped: bool,
}

/// What is evaluated, and how, as the person chose it.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Where the text is from.
    pub source: Source,
    /// The files.
    pub texts: Vec<Text>,
    /// Ids of loaded SAEs that are left out.
    pub without: Vec<String>,
    /// Ids of trainings that are evaluated as well.
    pub trainings: Vec<String>,
    /// What is measured beside reconstruction.
    pub extras: Vec<Extra>,
    /// Tokens to read, as typed.
    pub tokens: String,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            source: Source::default(),
            texts: Vec::new(),
            without: Vec::new(),
            trainings: Vec::new(),
            extras: Vec::new(),
            tokens: TOKENS.to_owned(),
        }
    }
}

/// An evaluation that can begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Where the text is from.
    pub source: Source,
    /// Ids of loaded SAEs.
    pub saes: Vec<String>,
    /// Trainings, with the ids that their results have.
    pub trainings: Vec<(String, String)>,
    /// What is measured beside reconstruction.
    pub extras: Vec<Extra>,
    /// Tokens to read.
    pub tokens: u64,
}

/// Comparisons.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompareState {
    /// What is evaluated.
    pub choice: Choice,
    /// The evaluation under way.
    pub running: Option<Running>,
    /// What came of the last one.
    pub found: Option<Shared<Found>>,
    /// Why the last one failed.
    pub failed: Option<String>,
    /// Trainings whose curves are shown.
    pub curves: Vec<String>,
    /// What was measured of trainings, by their ids.
    pub logs: Vec<(String, Shared<Vec<TrainRecord>>)>,
}

impl CompareState {
    /// What was measured of a training, where it was read.
    pub fn log(&self, id: &str) -> Option<&Shared<Vec<TrainRecord>>> {
        let mut logs = self.logs.iter();
        logs.find(|(of, _)| of == id).map(|(_, records)| records)
    }
}

/// Something about comparisons.
#[derive(Clone, Debug)]
pub enum CompareAction {
    /// Where the text is from.
    Source(Source),
    /// Texts were chosen.
    Choose(Vec<Text>),
    /// A loaded SAE is evaluated, or left out.
    Sae(String, bool),
    /// A training is evaluated, or not.
    Training(String, bool),
    /// Something is measured beside reconstruction, or not.
    Extra(Extra, bool),
    /// The number of tokens, as typed.
    Tokens(String),
    /// An evaluation begins.
    Started,
    /// What it does.
    Progress(Stage),
    /// What there is so far.
    Found(Found),
    /// The person asked for its end.
    Stopping,
    /// It ended, or failed; nothing where it was stopped before there was anything.
    Ended(Result<Option<Found>, String>),
    /// The curves of a training are shown, or no longer.
    Curve(String, bool),
    /// What was measured of a training.
    Log(String, Vec<TrainRecord>),
    /// Something about them failed.
    Failed(String),
}

/// Puts a value into a list or takes it out.
fn put<T: PartialEq>(list: &mut Vec<T>, value: T, in_it: bool) {
    list.retain(|other| *other != value);
    if in_it {
        list.push(value);
    }
}

impl State {
    pub(super) fn compare_action(&mut self, action: CompareAction) {
        let compare = &mut self.compare;
        let choice = &mut compare.choice;
        match action {
            CompareAction::Source(source) => choice.source = source,
            CompareAction::Choose(texts) => {
                choice.texts = texts;
                choice.source = Source::Files;
                compare.failed = None;
            }
            CompareAction::Sae(id, with) => put(&mut choice.without, id, !with),
            CompareAction::Training(id, with) => put(&mut choice.trainings, id, with),
            CompareAction::Extra(extra, with) => put(&mut choice.extras, extra, with),
            CompareAction::Tokens(typed) => choice.tokens = typed,
            CompareAction::Started => {
                compare.failed = None;
                compare.found = None;
                compare.running = Some(Running {
                    stage: Stage::Load(0.0, 0.0),
                    stopping: false,
                });
            }
            CompareAction::Progress(stage) => {
                if let Some(running) = &mut compare.running {
                    running.stage = stage;
                }
            }
            CompareAction::Found(found) => {
                if compare.running.is_some() {
                    compare.found = Some(Shared::new(found));
                }
            }
            CompareAction::Stopping => {
                if let Some(running) = &mut compare.running {
                    running.stopping = true;
                }
            }
            CompareAction::Ended(ended) => {
                compare.running = None;
                match ended {
                    Ok(Some(found)) => compare.found = Some(Shared::new(found)),
                    Ok(None) => {}
                    Err(why) => compare.failed = Some(why),
                }
            }
            CompareAction::Curve(id, shown) => put(&mut compare.curves, id, shown),
            CompareAction::Log(id, records) => {
                compare.logs.retain(|(of, _)| *of != id);
                compare.logs.push((id, Shared::new(records)));
            }
            CompareAction::Failed(why) => compare.failed = Some(why),
        }
    }

    /// The evaluation of what is chosen.
    ///
    /// # Errors
    /// What is missing for it, or wrong.
    pub fn wanted_comparison(&self) -> Result<Wanted, String> {
        let choice = &self.compare.choice;
        let model = self.model.as_ref().ok_or("The model is not there yet.")?;
        let saes = self.comparable_saes().map(str::to_owned);
        let saes: Vec<String> = saes.filter(|id| !choice.without.contains(id)).collect();
        let chosen =
            |info: &&TrainingInfo| choice.trainings.contains(&info.id) && info.model == model.name;
        let mut trainings: Vec<(String, String)> = Vec::new();
        for info in self.train.stored.iter().filter(chosen) {
            let name = format!("{}, n = {}, k = {}", info.name, info.latents, info.k);
            let taken = |name: &String| {
                saes.contains(name) || trainings.iter().any(|(_, other)| other == name)
            };
            let mut own = name.clone();
            let mut number = 2;
            while taken(&own) {
                own = format!("{name} ({number})");
                number += 1;
            }
            trainings.push((info.id.clone(), own));
        }
        if saes.is_empty() && trainings.is_empty() {
            return Err("Choose an SAE first.".to_owned());
        }
        match choice.source {
            Source::Files if choice.texts.is_empty() => {
                return Err("Choose a text first.".to_owned());
            }
            Source::Prompt if self.prompt().trim().is_empty() => {
                return Err("The prompt is empty.".to_owned());
            }
            _ => {}
        }
        let tokens = whole(&choice.tokens).filter(|tokens| (8..=100_000_000).contains(tokens));
        Ok(Wanted {
            source: choice.source,
            saes,
            trainings,
            extras: choice.extras.clone(),
            tokens: tokens.ok_or("Tokens: a whole number from 8 to 100,000,000.")?,
        })
    }

    /// Ids of loaded feature sets that can be evaluated: those that reconstruct.
    pub fn comparable_saes(&self) -> impl Iterator<Item = &str> {
        let saes = self.saes.iter().filter(|sae| sae.architecture != "neurons");
        saes.map(|sae| sae.id.as_str())
    }
}
