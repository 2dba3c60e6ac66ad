//! Everything that can happen to the state.

use super::about::IdentityAction;
use super::atlas::AtlasAction;
use super::browse::BrowseAction;
use super::circuits::CircuitsAction;
use super::compare::CompareAction;
use super::dose::DoseAction;
use super::edits::EditAction;
use super::effects::EffectsAction;
use super::generate::GenerateField;
use super::lists::{Ranking, View};
use super::live::LiveAction;
use super::load::LoadAction;
use super::offline::OfflineAction;
use super::patch::PatchAction;
use super::route::Route;
use super::scan::ScanAction;
use super::selection::Matching;
use super::steer::SteerAction;
use super::train::TrainAction;
use super::tray::TrayAction;
use super::url::Place;
use super::views::ViewsAction;
use super::{History, Note, Problem, Reach};
use crate::data::{
    DemoSae, Example, Feature, Generation, Info, ModelInfo, Neighbour, Recorded, SaeInfo, Trace,
};

/// Everything that can happen.
#[derive(Clone, Debug)]
pub enum Action {
    /// Loading starts, for the first time or again.
    LoadStarted,
    /// Something about loading models and SAEs.
    Load(LoadAction),
    /// The engine is there and waits for the person's answer.
    Asking,
    /// The manifest's example prompts are there, and the SAEs that the demo has.
    Examples(Vec<Example>, Vec<DemoSae>),
    /// The recorded trace is there.
    Recorded(Box<Recorded>),
    /// Examples and recorded trace have come, or have failed to.
    Introduced,
    /// The model and its SAEs are there.
    EngineReady(ModelInfo, Vec<SaeInfo>),
    /// The engine reported what is loaded, the backend and the memory in use; true if a script changed what is loaded.
    Informed(Info, bool),
    /// Something failed.
    Failed(Problem),
    /// The person has seen the failure.
    DismissProblem,
    /// The person requests the same again.
    Retry,
    /// A notice.
    Note(Option<Note>),
    /// A character was typed into the prompt.
    Type(String),
    /// A whole prompt was chosen: an example, a continuation, a shortened one.
    UsePrompt(String),
    /// The person requests a trace now.
    TraceNow,
    /// The person chose a BOS or none, or left it to the engine.
    SelectBos(Option<bool>),
    /// A trace came.
    Traced(Trace),
    /// A token was selected.
    SelectToken(usize, History),
    /// A feature was selected.
    SelectFeature(u32, History),
    /// A feature of an SAE was asked for by its number.
    ShowFeature {
        /// Id of the SAE.
        sae: String,
        /// The latent.
        latent: u32,
    },
    /// A feature was selected together with a token where it is active.
    Jump(usize),
    /// An SAE was selected.
    SelectSae(String),
    /// The features of another SAE that are nearest to the one that was selected, or why there are none.
    Matched(Matching, Result<Vec<Neighbour>, String>),
    /// Something about pinned features and edits.
    Tray(TrayAction),
    /// Something about edits.
    Edit(EditAction),
    /// A list was selected.
    SelectView(View),
    /// An order of the prompt's features was selected; it shows them.
    SelectRanking(Ranking),
    /// The address changed from outside: back, forward, a link.
    Restore(Place),
    /// The demo is there; the place is that of the address when loading began.
    Arrived(Place),
    /// Another page of the application was chosen.
    Go(Route),
    /// The description of a feature is requested.
    FeatureRequested,
    /// The description of the feature that is selected in an SAE.
    FeatureReceived(String, u32, Result<Feature, String>),
    /// Positions at which a feature is edited.
    EditReach(Reach),
    /// The value it is set to, as typed.
    EditValue(String),
    /// The continuation's settings, as typed.
    Generate(GenerateField, String),
    /// A continuation of a prompt starts: the number of the run, and the prompt.
    GenerateStarted(u32, String),
    /// A run's next token came.
    Generated(u32, String),
    /// A run ended, with its whole text or with why not.
    GenerateEnded(u32, Result<Generation, String>),
    /// Marks tokens by their loss, or stops to.
    ShowLoss(bool),
    /// Opens or closes the list of keys.
    ShowKeys(bool),
    /// Something about the views of the prompt beside its list of features.
    Views(ViewsAction),
    /// Something about the atlas.
    Atlas(AtlasAction),
    /// Something about the identities of loaded SAEs.
    Identity(IdentityAction),
    /// Something about scans of one's own texts.
    Scan(ScanAction),
    /// Something about comparisons of SAEs and trainings.
    Compare(CompareAction),
    /// Something about trainings of autoencoders.
    Train(TrainAction),
    /// Something about what each active feature causes.
    Effects(EffectsAction),
    /// Something about a sweep of one feature's value.
    Dose(DoseAction),
    /// Something about patching.
    Patch(PatchAction),
    /// Something about steering.
    Steer(SteerAction),
    /// Something about the live concept graph.
    Circuits(CircuitsAction),
    /// Something about the list of its features.
    Browse(BrowseAction),
    /// Something about the model's results on the page of a feature.
    Live(LiveAction),
    /// Something about use without a network.
    Offline(OfflineAction),
    /// Opens or closes the dialog that finds things.
    ShowFind(bool),
    /// The person wants keys of a single character, or not.
    UseSingleKeys(bool),
}
