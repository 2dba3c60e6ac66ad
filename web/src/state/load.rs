//! Loading models and SAEs: the state of the library, what is under way, and what became of it.

use super::job::Job;
use super::meter::Meter;
use super::removed::{Earlier, Removed};
use super::route::Route;
use super::task::Task;
use super::url::Place;
use super::{During, History, Note, Problem, Remote, Sample, State};
use crate::data::{ModelInfo, Progress, SaeInfo, SampleLoss};
use crate::library::choice::Choice;
use crate::offers::{Catalogue, Found, Storage};
use crate::shared::Shared;

/// Code of the problem that a file is not the one that the address names.
pub const OTHER_FILE: &str = "other-file";

/// A source that is looked at before anything is loaded from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Files of one's own.
    Files,
    /// An address.
    Link,
}

/// Stored files that a person is about to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// All of them.
    All,
    /// Those of a model and the SAEs for it; of nothing: what the catalogue does not name.
    Of(Option<String>),
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

/// The library's part of the state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LibraryState {
    /// The section to which the page leads; it takes the focus once it is there.
    pub aim: Option<Section>,
    /// The catalogue of the site.
    pub catalogue: Remote<Shared<Catalogue>>,
    /// Bytes of the demo's model and SAEs.
    pub demo_bytes: Option<f64>,
    /// Models and SAEs in files, and behind a link.
    pub found: [Remote<Shared<Found>>; 2],
    /// The hook that was chosen for an SAE that was found: the section's slot, the SAE's index, and the hook.
    pub hooks: Vec<(usize, usize, String)>,
    /// Files that the browser stores.
    pub storage: Remote<Shared<Storage>>,
    /// Values of the fields that were touched.
    pub fields: Vec<(Field, String)>,
    /// The part of the catalogue about which the person is asked before it is loaded.
    pub choice: Option<Choice>,
    /// Stored files about which the person is asked before they are deleted.
    pub deletion: Option<Deletion>,
    /// Tasks of everything that was loaded or offered in this visit, by their ids.
    pub tasks: Vec<Task>,
    /// SAEs that were taken off the device, in the order of their places.
    pub removed: Vec<Removed>,
    /// The model that was loaded before.
    pub earlier: Option<Earlier>,
    /// Rate of the last download, bytes per second.
    pub rate: Option<f64>,
}

impl LibraryState {
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

    /// The hook that was chosen for an SAE that was found.
    pub fn hook(&self, slot: usize, index: usize) -> Option<&str> {
        let chosen = self
            .hooks
            .iter()
            .find(|one| (one.0, one.1) == (slot, index));
        chosen.map(|one| one.2.as_str())
    }
}

/// The slot of [`LibraryState::found`] for a section: files or a link.
pub fn slot(section: Section) -> usize {
    usize::from(section == Section::Link)
}

/// Actions of loading.
#[derive(Clone, Debug)]
pub enum LoadAction {
    /// The page leads to a section of the library, or has led there.
    Aim(Option<Section>),
    /// Bytes of the demo.
    DemoSize(f64),
    /// The catalogue of the site.
    Catalogue(Result<Catalogue, String>),
    /// Something of the catalogue was chosen, or is no longer.
    Choose(Option<Choice>),
    /// A layer of a release was chosen, or is no longer: the release's id, and the layer.
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
    /// The person is asked whether stored files are to be deleted, or no longer.
    Delete(Option<Deletion>),
    /// Something is being loaded.
    Started(Job),
    /// The job goes on with the part of this index.
    NextPart(usize),
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
    /// An SAE is there that nobody chose: what is selected stays. It goes before the SAEs with these ids.
    Beside(SaeInfo, Vec<String>),
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
    /// The address means another file than it names: the id that it names, and that of the other one.
    Instead(String, String),
    /// Things that can be loaded, now or again.
    Known(Vec<Task>),
    /// The person loads these, be it what the address requests or something else.
    Chosen(Vec<Task>),
}

impl State {
    pub(super) fn loading(&mut self, action: LoadAction) {
        match action {
            LoadAction::Aim(section) => self.library.aim = section,
            LoadAction::DemoSize(bytes) => self.library.demo_bytes = Some(bytes),
            LoadAction::Catalogue(result) => self.library.catalogue = remote(result),
            LoadAction::Choose(choice) => self.library.choice = choice,
            LoadAction::Layer(release, layer) => {
                let before = self.library.choice.as_ref();
                self.library.choice = Choice::with_layer(before, &release, layer);
            }
            LoadAction::Seeking(section) => {
                let slot = slot(section);
                self.library.found[slot] = Remote::Waiting;
                self.library.hooks.retain(|one| one.0 != slot);
            }
            LoadAction::Found(section, result) => {
                self.library.found[slot(section)] = remote(result)
            }
            LoadAction::SeekStopped(section) => self.library.found[slot(section)] = Remote::Idle,
            LoadAction::Hook(slot, index, hook) => {
                self.library
                    .hooks
                    .retain(|one| (one.0, one.1) != (slot, index));
                self.library.hooks.push((slot, index, hook));
            }
            LoadAction::Storage(result) => {
                self.library.storage = remote(result);
                self.library.deletion = None;
            }
            LoadAction::Delete(deletion) => self.library.deletion = deletion,
            LoadAction::Field(field, value) => {
                self.library.fields.retain(|one| one.0 != field);
                self.library.fields.push((field, value));
            }
            LoadAction::Started(job) => {
                self.job = Some(job);
                self.meter = Meter::default();
                self.broken = None;
            }
            LoadAction::NextPart(at) => {
                if let Some(job) = &mut self.job {
                    job.go_on(at, &self.meter);
                }
                self.meter = Meter::default();
            }
            LoadAction::Progress(progress, now) => {
                let measured = progress.source == "network";
                self.meter.update(progress, now);
                self.library.rate = self.meter.rate().filter(|_| measured).or(self.library.rate);
            }
            LoadAction::Ended(broken) => {
                self.job = None;
                self.broken = broken;
                self.answer_asked();
            }
            LoadAction::Dismiss => self.broken = None,
            LoadAction::Model(model) => self.model_loaded(model),
            LoadAction::Sae(sae) => self.sae_loaded(sae),
            LoadAction::Beside(sae, before) => self.sae_beside(sae, &before),
            LoadAction::Unloaded(id) => {
                self.keep_removed(&id);
                self.sae_unloaded(&id);
            }
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
            LoadAction::Instead(wanted, found) => self.take_instead(&wanted, &found),
            LoadAction::Known(tasks) => self.remember(tasks),
            LoadAction::Chosen(tasks) => {
                // The question is answered.
                self.library.choice = None;
                self.chosen(&tasks);
                self.remember(tasks);
            }
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
    fn chosen(&mut self, tasks: &[Task]) {
        let Some(place) = &self.requested else { return };
        let (model, saes) = self.missing(place);
        let loads = |id: &String| tasks.iter().any(|task| task.may_be(id));
        if !model.iter().chain(&saes).any(loads) {
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
        let shown = self.place.route == Route::Library && self.job.is_none();
        let wanted = shown && self.sample_loss == Remote::Idle;
        let model = self.model.as_ref().filter(|_| wanted)?;
        Some(model.id.clone())
    }

    /// SAEs whose numbers are shown and were not requested: those without, while the library is on screen.
    pub fn unmeasured(&self) -> Vec<String> {
        let shown = self.place.route == Route::Library && self.job.is_none();
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

    /// True if a file was refused because the address is about another one.
    pub fn is_other_file(&self) -> bool {
        self.problem.code == OTHER_FILE
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
