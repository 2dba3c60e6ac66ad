//! The whole state of the page.

pub mod about;
#[cfg(test)]
mod about_tests;
pub mod action;
pub mod asked;
pub mod atlas;
#[cfg(test)]
mod atlas_tests;
pub mod browse;
#[cfg(test)]
mod browse_tests;
pub mod circuits;
#[cfg(test)]
mod circuits_tests;
pub mod compare;
#[cfg(test)]
mod compare_tests;
pub mod dose;

#[cfg(test)]
mod dose_tests;
pub mod edits;
#[cfg(test)]
mod edits_tests;
pub mod effects;
#[cfg(test)]
mod effects_tests;
pub mod generate;
pub mod job;
pub mod lists;
pub mod live;
pub mod load;
#[cfg(test)]
mod load_tests;
mod loaded;
pub mod meter;
pub mod offline;
#[cfg(test)]
mod offline_tests;
pub mod own_file;
pub mod patch;
#[cfg(test)]
mod patch_tests;
mod recorded;
pub mod reduce;
pub mod reference;
pub mod removed;
pub mod route;
pub mod scan;
pub mod selection;
#[cfg(test)]
mod selection_tests;
pub mod settings;
pub mod steer;
#[cfg(test)]
mod steer_tests;
pub mod task;
#[cfg(test)]
mod tests;
pub mod texts;
pub mod train;
pub mod train_choice;
#[cfg(test)]
mod train_tests;
pub mod tray;
#[cfg(test)]
mod tray_tests;
pub mod url;
#[cfg(test)]
mod url_tests;
pub mod views;
#[cfg(test)]
mod views_tests;

use crate::data::{
    DemoSae, Example, Feature, Info, Metrics, ModelInfo, Recorded, SaeInfo, SaeTrace, SampleLoss,
    Trace,
};
use crate::shared::Shared;
use about::Identities;
pub use action::Action;
use atlas::Atlas;
use browse::BrowseState;
use circuits::Circuits;
use compare::CompareState;
use dose::Dose;
use edits::Editing;
use effects::Effects;
pub use generate::{GenerateField, GenerateState};
use job::Job;
use live::Live;
use load::{Broken, LibraryState};
use meter::Meter;
use offline::Offline;
use patch::Patch;
use scan::ScanState;
use selection::Selection;
use steer::Steer;
use train::TrainState;
use url::Place;
use views::Views;

/// State of the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// The engine is on its way, and what it shows first.
    Loading,
    /// The engine is there; the address requests a load that the person has to confirm.
    Asking,
    /// Prompts can be traced.
    Ready,
    /// Loading failed; the problem says why.
    Failed,
}

/// Effect of an address change on the browser's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// A step that the back button undoes.
    Push,
    /// The step before, gone on with: typing, moving with the arrows, what the page chose by itself.
    Replace,
    /// As `Replace`, but later, because many follow each other quickly.
    ReplaceSoon,
}

/// The failed work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum During {
    /// Starting the engine or loading files.
    Loading,
    /// Tracing the prompt.
    Tracing,
    /// Something beside: a feature, an edit, a continuation, copying.
    Other,
}

/// A failure, as a person needs to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Kind, such as `prompt-too-long`.
    pub code: String,
    /// Description: what happened, why, and what to do.
    pub message: String,
    /// The failed work.
    pub during: During,
    /// For a prompt that is too long: its tokens and the most there may be.
    pub too_long: Option<(usize, usize)>,
}

/// A notice that is not a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Text for people.
    pub text: String,
    /// True if it goes away by itself.
    pub passing: bool,
}

impl Note {
    /// One that stays until it is put away.
    pub fn staying(text: impl Into<String>) -> Option<Self> {
        Some(Self {
            text: text.into(),
            passing: false,
        })
    }

    /// One that goes away by itself.
    pub fn passing(text: impl Into<String>) -> Option<Self> {
        Some(Self {
            text: text.into(),
            passing: true,
        })
    }
}

/// The result of a request to the engine.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Remote<T> {
    /// Nothing was requested.
    #[default]
    Idle,
    /// Asked, not yet answered.
    Waiting,
    /// Answered.
    Here(T),
    /// Refused, with the reason.
    Failed(String),
}

/// At which tokens a feature is edited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// At the selected token.
    #[default]
    Selected,
    /// At every token on which the feature is active.
    Active,
    /// At every token, of this prompt and of others.
    Everywhere,
}

/// A run with edits.
#[derive(Clone, Debug, PartialEq)]
pub struct EditSpec {
    /// The ids of the tokens that are run with them: those of the trace on screen.
    pub tokens: Vec<u32>,
    /// The edits, all of them on.
    pub edits: Vec<wire::Edit>,
}

/// The settings of the edit control.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EditState {
    /// At which tokens.
    pub reach: Reach,
    /// The value to set, as typed; nothing typed means twice the feature's maximum.
    pub value: Option<String>,
}

/// An SAE's numbers on the sample text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The numbers.
    pub metrics: Metrics,
    /// Cautions about them; sentences.
    pub cautions: Vec<String>,
    /// True if a BOS stood before the text.
    pub bos: bool,
}

/// The state of the page.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// State of the engine.
    pub phase: Phase,
    /// The view of the page: everything that is in the address.
    pub place: Place,
    /// Effect of the last change of the address on the browser's history.
    pub history: History,
    /// The loaded model.
    pub model: Option<Shared<ModelInfo>>,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// Example prompts.
    pub examples: Shared<Vec<Example>>,
    /// The trace on screen; of an earlier prompt while the next one is on its way.
    pub trace: Option<Shared<Trace>>,
    /// The recording that is on screen, until the live trace comes.
    pub recorded: Option<Shared<Recorded>>,
    /// Token and feature that the recording selected by itself.
    pub recorded_selection: Option<(Option<usize>, Option<u32>)>,
    /// True once the first things to show have come, or have failed to.
    pub introduced: bool,
    /// SAEs of the demo, which come one after the other.
    pub expected: Shared<Vec<DemoSae>>,
    /// Set when the choice of a BOS has just changed: true if the trace in which the token is selected has one. In the next
    /// trace the same token may be one further on, or one back.
    pub bos_before: Option<bool>,
    /// True if what is loaded has changed since that trace was requested.
    pub stale: bool,
    /// Counts up to have the prompt traced again.
    pub attempt: u32,
    /// Grows when the selected feature's description is dropped, after which it is wanted again.
    pub forgotten: u32,
    /// True if the prompt is traced at once rather than when typing pauses.
    pub at_once: bool,
    /// The last failure.
    pub problem: Option<Problem>,
    /// The description of the selected feature.
    pub feature: Remote<Shared<Feature>>,
    /// What belongs to the selection beside the address.
    pub selection: Selection,
    /// The edit control.
    pub edit: EditState,
    /// What the edits in force change.
    pub editing: Editing,
    /// The continuation.
    pub generate: GenerateState,
    /// Steering: continuations without and with edits.
    pub steer: Steer,
    /// The live concept graph.
    pub circuits: Circuits,
    /// What each active feature causes.
    pub effects: Effects,
    /// One feature at many values.
    pub dose: Dose,
    /// Features of another prompt carried into this one.
    pub patch: Patch,
    /// The backend and the memory in use.
    pub info: Option<Shared<Info>>,
    /// True if tokens are marked by their loss as well.
    pub loss_shown: bool,
    /// A notice that is not a failure.
    pub note: Option<Note>,
    /// True if the list of keys is open.
    pub keys_open: bool,
    /// True if the dialog that finds things is open.
    pub find_open: bool,
    /// True if keys of a single character (`/`, `o`, `?`) do something.
    pub single_keys: bool,
    /// The library.
    pub library: LibraryState,
    /// The load under way that the person chose.
    pub job: Option<Job>,
    /// Its progress.
    pub meter: Meter,
    /// The failed part of a load.
    pub broken: Option<Broken>,
    /// The model's loss on the sample text, once somebody looks; nothing where its context is too short for one.
    pub sample_loss: Remote<Option<SampleLoss>>,
    /// SAEs' numbers on the sample text, by their ids.
    pub numbers: Vec<(String, Remote<Sample>)>,
    /// SHA-256 of SAEs' numbers, where an atlas may be about them.
    pub identities: Identities,
    /// The place of an address that needs something that is not loaded.
    pub requested: Option<Place>,
    /// Results for the views of the prompt beside its list of features.
    pub views: Views,
    /// The atlas in use: the site's, or one of one's own.
    pub atlas: Atlas,
    /// Scans of one's own texts.
    pub scan: ScanState,
    /// Trainings of autoencoders.
    pub train: TrainState,
    /// Comparisons of SAEs and trainings.
    pub compare: CompareState,
    /// What belongs to the list of its features beside the address.
    pub browse: BrowseState,
    /// Results of the model on the page of a feature.
    pub live: Live,
    /// Use without a network.
    pub offline: Offline,
}

impl State {
    /// The state before anything is loaded, at a place that an address gave.
    pub fn new(place: Place) -> Self {
        Self {
            phase: Phase::Loading,
            place: place.sound(),
            history: History::Replace,
            model: None,
            saes: Shared::default(),
            examples: Shared::default(),
            trace: None,
            recorded: None,
            recorded_selection: None,
            introduced: false,
            expected: Shared::default(),
            bos_before: None,
            stale: false,
            attempt: 0,
            forgotten: 0,
            at_once: true,
            problem: None,
            feature: Remote::Idle,
            selection: Selection::default(),
            edit: EditState::default(),
            editing: Editing::default(),
            generate: GenerateState::default(),
            steer: Steer::default(),
            circuits: Circuits::default(),
            effects: Effects::default(),
            dose: Dose::default(),
            patch: Patch::default(),
            info: None,
            loss_shown: false,
            note: None,
            keys_open: false,
            find_open: false,
            single_keys: true,
            library: LibraryState::default(),
            job: None,
            meter: Meter::default(),
            broken: None,
            sample_loss: Remote::Idle,
            numbers: Vec::new(),
            identities: Identities::default(),
            requested: None,
            views: Views::default(),
            atlas: Atlas::default(),
            scan: ScanState::default(),
            train: TrainState::default(),
            compare: CompareState::default(),
            browse: BrowseState::default(),
            live: Live::default(),
            offline: Offline::default(),
        }
    }

    /// The prompt, as typed.
    pub fn prompt(&self) -> &str {
        self.place.prompt.as_deref().unwrap_or_default()
    }

    /// True if the trace on screen is of the prompt as it stands, with the SAEs that are loaded.
    pub fn is_current(&self) -> bool {
        self.trace.as_ref().is_some_and(|trace| {
            !self.stale
                && self.recorded.is_none()
                && self.place.prompt.as_ref() == Some(&trace.prompt)
                && self.place.bos == trace.bos
                && trace.saes.len() == self.saes.len()
                && self.saes.iter().all(|sae| trace.sae(&sae.id).is_some())
        })
    }

    /// True if the page waits for a trace.
    pub fn is_tracing(&self) -> bool {
        self.phase == Phase::Ready && self.problem.is_none() && !self.is_current()
    }

    /// One word for the whole: `loading`, `asking`, `ready`, `tracing` or `error`.
    pub fn word(&self) -> &'static str {
        match self.phase {
            _ if self.problem.is_some() => "error",
            Phase::Failed => "error",
            Phase::Loading => "loading",
            Phase::Asking => "asking",
            // Until its first trace the page has nothing live to show.
            Phase::Ready
                if self.is_tracing() && (self.trace.is_none() || self.recorded.is_some()) =>
            {
                "loading"
            }
            Phase::Ready if self.is_tracing() => "tracing",
            Phase::Ready => "ready",
        }
    }

    /// The model of what is on screen: the loaded one, or that of the recording.
    pub fn shown_model(&self) -> Option<&ModelInfo> {
        let recorded = self.recorded.as_ref().map(|recorded| &recorded.model);
        self.model.as_deref().or(recorded)
    }

    /// The selected SAE's part of the trace.
    pub fn sae_trace(&self) -> Option<&SaeTrace> {
        self.trace.as_ref()?.sae(self.place.sae.as_deref()?)
    }
}
