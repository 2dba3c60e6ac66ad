//! The library: models and SAEs before any download, what is loaded, one's own files, and what the browser stores.

mod catalogue;
mod found;
mod jobs;
mod loaded;
mod options;
mod own;
mod parts;
mod question;
mod release;
mod storage;

use yew::prelude::*;

use crate::browser;
use crate::context::use_controller;
use crate::data::{ModelInfo, SaeInfo, SampleLoss};
use crate::shared::Shared;
use crate::state::job::Job;
use crate::state::load::{Field, LibraryState, LoadAction, Section, slot};
use crate::state::meter::Meter;
use crate::state::offline::Offline;
use crate::state::own_file::Wanted;
use crate::state::{Phase, Remote, Sample, State};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The library's own part of the state.
    pub library: LibraryState,
    /// The loaded model.
    pub model: Option<Shared<ModelInfo>>,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// Numbers on the sample text, by SAE.
    pub numbers: Vec<(String, Remote<Sample>)>,
    /// The model's loss on it.
    pub sample_loss: Remote<Option<SampleLoss>>,
    /// The files for which the address waits.
    pub wanted: Wanted,
    /// The load that the person chose.
    pub job: Option<Job>,
    /// Progress of a load.
    pub meter: Meter,
    /// True while something is being loaded.
    pub busy: bool,
    /// Use without a network.
    pub offline: Offline,
}

impl Props {
    /// The slices of the state that the library shows.
    pub fn of(state: &State) -> Self {
        Self {
            library: state.library.clone(),
            model: state.model.clone(),
            saes: state.saes.clone(),
            numbers: state.numbers.clone(),
            sample_loss: state.sample_loss.clone(),
            wanted: state.wanted_files(),
            job: state.job.clone(),
            meter: state.meter.clone(),
            busy: state.job.is_some() || state.phase == Phase::Loading,
            offline: state.offline.clone(),
        }
    }
}

/// The page.
#[component]
pub fn Library(props: &Props) -> Html {
    let controller = use_controller();
    {
        let controller = controller.clone();
        use_effect_with((), move |()| controller.request_catalogue());
    }
    {
        let controller = controller.clone();
        // Each SAE that has come is one more that is stored.
        let changes = (props.saes.len(), props.offline.files.clone());
        use_effect_with(changes, move |_| controller.request_storage());
    }
    use_effect_with(props.library.aim, move |aim| {
        if let Some(aim) = aim {
            browser::focus(match aim {
                Section::Files => "#files-title",
                Section::Link => "#link-title",
            });
            controller.dispatch_load(LoadAction::Aim(None));
        }
    });
    let Props {
        library,
        model,
        saes,
        busy,
        ..
    } = props;
    let weights = library.weights().to_owned();
    let pace = browser::pace(library.rate);
    let mirror = match &library.catalogue {
        Remote::Here(catalogue) => catalogue.mirror.clone(),
        _ => String::new(),
    };
    let found = |section: Section| found::Props {
        section,
        found: library.found[slot(section)].clone(),
        hooks: library.hooks.clone(),
        wanted: props.wanted.clone(),
        model: model.clone(),
        catalogue: library.catalogue.clone(),
        pace,
        weights: weights.clone(),
        busy: *busy,
    };
    let field = |field: Field| library.field(field).to_owned();
    html! {
        <div class="library" data-testid="library">
            <options::Options weights={weights.clone()} mirror={field(Field::Mirror)} mirror_set={mirror} />
            <jobs::Jobs job={props.job.clone()} meter={props.meter.clone()} {busy} />
            <loaded::Loaded model={model.clone()} saes={saes.clone()} removed={library.removed.clone()} earlier={library.earlier.clone()}
                numbers={props.numbers.clone()} sample_loss={props.sample_loss.clone()} weights={weights.clone()} {busy} />
            <catalogue::CatalogueSection demo_bytes={library.demo_bytes} catalogue={library.catalogue.clone()} model={model.clone()} saes={saes.clone()} choice={library.choice.clone()} {pace} weights={weights.clone()} {busy} />
            <div class="own">
                <own::Files found={found(Section::Files)} />
                <own::Link link={field(Field::Link)} found={found(Section::Link)} />
                <own::Neurons model={model.clone()} layer={field(Field::NeuronLayer)} kind={field(Field::NeuronKind)} {busy} />
            </div>
            <storage::StorageSection storage={library.storage.clone()} catalogue={library.catalogue.clone()} deletion={library.deletion.clone()} offline={props.offline.clone()} />
        </div>
    }
}
