//! Loading models and SAEs: what the dialog shows, what is under way, and what became of it.

use super::meter::Meter;
use super::url::Place;
use super::{During, History, Note, Problem, Remote, Sample, State};
use crate::data::{ModelInfo, Progress, SaeInfo, SampleLoss};
use crate::offers::{Catalogue, Found, Source, Storage};
use crate::shared::Shared;

/// A part of the dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The catalogue of the site.
    Catalogue,
    /// Files of one's own.
    Files,
    /// An address.
    Link,
    /// Feature sets that need no SAE.
    Neurons,
    /// Files that the browser stores.
    Storage,
}

impl Section {
    /// All of them, in the order of their buttons, with their names.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Catalogue, "Catalogue"),
        (Self::Files, "Files"),
        (Self::Link, "Link"),
        (Self::Neurons, "Neurons"),
        (Self::Storage, "Storage"),
    ];
}

/// Kinds of things that a task loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The demo: its model and its SAEs.
    Demo,
    /// A model; the SAEs of the one before go with it.
    Model,
    /// An SAE.
    Sae,
    /// The model behind a link.
    ModelLink,
    /// The SAE behind a link.
    SaeLink,
    /// The neurons of a hook point.
    Neurons,
}

/// One thing to load.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its kind.
    pub kind: Kind,
    /// Name for people.
    pub name: String,
    /// The id that it gets, as in the address.
    pub id: String,
    /// Its source.
    pub source: Source,
    /// Hook of an SAE, if one was chosen.
    pub hook: Option<String>,
    /// True if an SAE was trained with a BOS, where that is known beside its file.
    pub bos: Option<bool>,
}

/// A load under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Name of what is being loaded.
    pub name: String,
    /// Number of the current part, from 1.
    pub number: usize,
    /// Number of parts.
    pub of: usize,
}

/// A failed load, with the parts that are left.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// Why.
    pub problem: Problem,
    /// Parts still to be loaded, beginning with the failed one.
    pub left: Vec<Task>,
    /// The place to go to when it is there.
    pub then: Option<Place>,
}

/// A field in which something is typed or chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The address of a repository or file.
    Link,
    /// Mirror from which files are downloaded.
    Mirror,
    /// Format of the weights on the device: `auto`, `f32` or `f16`.
    Weights,
    /// Layer whose neurons are loaded.
    NeuronLayer,
    /// Kind of the layer's neurons, as a hook point without its layer.
    NeuronKind,
}

/// The dialog.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenState {
    /// The part that is shown; nothing while it is closed.
    pub section: Option<Section>,
    /// The catalogue of the site.
    pub catalogue: Remote<Shared<Catalogue>>,
    /// The layer that was chosen for an SAE of the catalogue, by the SAE's id.
    pub layers: Vec<(String, u32)>,
    /// Models and SAEs in files, and behind a link.
    pub found: [Remote<Shared<Found>>; 2],
    /// The hook that was chosen for an SAE that was found: the section's slot, the SAE's index, and the hook.
    pub hooks: Vec<(usize, usize, String)>,
    /// Files that the browser stores.
    pub storage: Remote<Shared<Storage>>,
    /// Values of the fields that were touched.
    pub fields: Vec<(Field, String)>,
}

impl OpenState {
    /// Text of a field.
    pub fn field(&self, field: Field) -> &str {
        let typed = self.fields.iter().find(|one| one.0 == field);
        match (typed, field) {
            (Some((_, value)), _) => value,
            (None, Field::Weights) => "auto",
            (None, Field::NeuronLayer) => "0",
            (None, Field::NeuronKind) => "mlp.hook_post",
            (None, Field::Link | Field::Mirror) => "",
        }
    }

    /// Format of the weights on the device.
    pub fn weights(&self) -> &str {
        self.field(Field::Weights)
    }

    /// The layer that is chosen for an SAE of the catalogue; at first the middle one.
    pub fn layer(&self, sae: &str, layers: &[u32]) -> Option<u32> {
        let chosen = self.layers.iter().find(|one| one.0 == sae);
        chosen
            .map(|one| one.1)
            .or_else(|| layers.get(layers.len() / 2).copied())
    }

    /// The hook that was chosen for an SAE that was found.
    pub fn hook(&self, slot: usize, index: usize) -> Option<&str> {
        let chosen = self
            .hooks
            .iter()
            .find(|one| (one.0, one.1) == (slot, index));
        chosen.map(|one| one.2.as_str())
    }
}

/// The slot of [`OpenState::found`] for a section: files or a link.
pub fn slot(section: Section) -> usize {
    usize::from(section == Section::Link)
}

/// Actions of loading.
#[derive(Clone, Debug)]
pub enum LoadAction {
    /// Opens the dialog at a section, or closes it.
    Open(Option<Section>),
    /// The catalogue of the site.
    Catalogue(Result<Catalogue, String>),
    /// A layer was chosen for an SAE of the catalogue.
    Layer(String, u32),
    /// Files or a link are being looked at.
    Seeking(Section),
    /// The found models and SAEs.
    Found(Section, Result<Found, String>),
    /// The person no longer wants to know.
    SeekStopped(Section),
    /// A hook was chosen for an SAE that was found: slot, index, hook.
    Hook(usize, usize, String),
    /// Files that the browser stores.
    Storage(Result<Storage, String>),
    /// Something was typed or chosen.
    Field(Field, String),
    /// Something is being loaded.
    Started(Job),
    /// Bytes came, at a time in milliseconds.
    Progress(Progress, f64),
    /// Loading ended: all is there, or it was stopped, or it failed.
    Ended(Option<Broken>),
    /// The message about what failed is put away.
    Dismiss,
    /// A model is there, without SAEs.
    Model(ModelInfo),
    /// An SAE is there.
    Sae(SaeInfo),
    /// An SAE is gone.
    Unloaded(String),
    /// The model's loss on the sample text is requested.
    MeasuringModel,
    /// It came; with the id of the model that it is of.
    MeasuredModel(String, Result<Option<SampleLoss>, String>),
    /// An SAE's numbers on the sample text are requested.
    Measuring(String),
    /// They came.
    Measured(String, Result<Sample, String>),
    /// The address requests something that is not loaded.
    Request(Place),
    /// It is not to be loaded.
    Stay,
    /// The person loads what has these ids, be it what the address requests or something else.
    Chosen(Vec<String>),
}

impl State {
    pub(super) fn loading(&mut self, action: LoadAction) {
        match action {
            LoadAction::Open(section) => self.open.section = section,
            LoadAction::Catalogue(result) => self.open.catalogue = remote(result),
            LoadAction::Layer(sae, layer) => {
                self.open.layers.retain(|one| one.0 != sae);
                self.open.layers.push((sae, layer));
            }
            LoadAction::Seeking(section) => {
                let slot = slot(section);
                self.open.found[slot] = Remote::Waiting;
                self.open.hooks.retain(|one| one.0 != slot);
            }
            LoadAction::Found(section, result) => self.open.found[slot(section)] = remote(result),
            LoadAction::SeekStopped(section) => self.open.found[slot(section)] = Remote::Idle,
            LoadAction::Hook(slot, index, hook) => {
                self.open
                    .hooks
                    .retain(|one| (one.0, one.1) != (slot, index));
                self.open.hooks.push((slot, index, hook));
            }
            LoadAction::Storage(result) => self.open.storage = remote(result),
            LoadAction::Field(field, value) => {
                self.open.fields.retain(|one| one.0 != field);
                self.open.fields.push((field, value));
            }
            LoadAction::Started(job) => {
                self.job = Some(job);
                self.meter = Meter::default();
                self.broken = None;
            }
            LoadAction::Progress(progress, now) => self.meter.update(progress, now),
            LoadAction::Ended(broken) => {
                self.job = None;
                self.broken = broken;
                self.answer_asked();
            }
            LoadAction::Dismiss => self.broken = None,
            LoadAction::Model(model) => self.model_loaded(model),
            LoadAction::Sae(sae) => self.sae_loaded(sae),
            LoadAction::Unloaded(id) => self.sae_unloaded(&id),
            LoadAction::MeasuringModel => self.sample_loss = Remote::Waiting,
            LoadAction::MeasuredModel(model, result) => {
                if self.model.as_ref().is_some_and(|loaded| loaded.id == model) {
                    self.sample_loss = result.map_or_else(Remote::Failed, Remote::Here);
                }
            }
            LoadAction::Measuring(id) => self.set_numbers(id, Remote::Waiting),
            LoadAction::Measured(id, result) => {
                let result = result.map_or_else(Remote::Failed, Remote::Here);
                self.set_numbers(id, result);
            }
            LoadAction::Request(place) => self.requested = Some(place),
            LoadAction::Stay => self.stay(),
            LoadAction::Chosen(ids) => self.chosen(&ids),
        }
    }

    /// The person does not want what the address requests.
    fn stay(&mut self) {
        self.requested = None;
        self.history = History::Replace;
        if self.model.is_none() {
            // What the address selected belongs to what it requested.
            self.place.sae = None;
            self.place.token = None;
            self.select_feature(None, History::Replace);
            self.empty_tray();
        } else if self.missing_sae().is_some() {
            self.place.sae = self.middle_sae();
            self.select_feature(None, History::Replace);
            self.choose();
        }
    }

    /// The person loads something. Where that is a part of what the address requests, the rest of it is still wanted.
    fn chosen(&mut self, ids: &[String]) {
        let Some(place) = &self.requested else { return };
        let (model, saes) = self.missing(place);
        if !model.iter().chain(&saes).any(|id| ids.contains(id)) {
            self.stay();
        }
    }

    /// Goes to the view that the address requests, once all that it needs is there.
    fn answer_asked(&mut self) {
        if let Some(place) = self.requested.take_if(|_| self.model.is_some()) {
            // Parts that are still missing are requested again.
            self.restore(place);
        }
    }

    fn set_numbers(&mut self, id: String, result: Remote<Sample>) {
        self.numbers.retain(|one| one.0 != id);
        if let Remote::Here(Sample { bos, .. }) = result {
            // What is loaded decides whether a BOS goes first. Numbers from before are of another text.
            self.numbers
                .retain(|one| !matches!(&one.1, Remote::Here(before) if before.bos != bos));
        }
        if self.saes.iter().any(|sae| sae.id == id) {
            self.numbers.push((id, result));
        }
    }

    /// An SAE's numbers on the sample text.
    pub fn numbers_of(&self, id: &str) -> Option<&Remote<Sample>> {
        let found = self.numbers.iter().find(|one| one.0 == id);
        found.map(|one| &one.1)
    }

    /// The model whose loss on the sample text somebody looks for and nobody has requested.
    pub fn unmeasured_model(&self) -> Option<String> {
        let shown = self.open.section.is_some() && self.job.is_none();
        let wanted = shown && self.sample_loss == Remote::Idle;
        let model = self.model.as_ref().filter(|_| wanted)?;
        Some(model.id.clone())
    }

    /// SAEs whose numbers are shown and were not requested: those without, while the dialog is open.
    pub fn unmeasured(&self) -> Vec<String> {
        let shown = self.open.section.is_some() && self.job.is_none();
        let saes = self.saes.iter().filter(|_| shown);
        saes.filter(|sae| self.numbers_of(&sae.id).is_none())
            .map(|sae| sae.id.clone())
            .collect()
    }

    /// Says that a load was stopped by the person.
    pub fn stopped() -> Option<Note> {
        Note::passing("Stopped. What had come is kept for the next time.")
    }
}

impl Broken {
    /// A failed load.
    pub fn new(code: String, message: String, left: Vec<Task>, then: Option<Place>) -> Self {
        let problem = Problem {
            code,
            message,
            during: During::Other,
            too_long: None,
        };
        Self {
            problem,
            left,
            then,
        }
    }

    /// True if it was a break in the way, so that the same again can go on where it broke off.
    pub fn resumes(&self) -> bool {
        matches!(
            self.problem.code.as_str(),
            "network" | "cors" | "worker-died" | "device-lost"
        )
    }
}

fn remote<T>(result: Result<T, String>) -> Remote<Shared<T>> {
    result.map_or_else(Remote::Failed, |value| Remote::Here(Shared::new(value)))
}
