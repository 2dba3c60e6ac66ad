//! What the page begins with: the demo's description and its recorded trace, as the actions that put them into the state.

use super::site;
use crate::browser;
use crate::data::{DemoSae, Manifest};
use crate::state::atlas::AtlasAction;
use crate::state::load::LoadAction;
use crate::state::offline::OfflineAction;
use crate::state::task::Task;
use crate::state::url::Place;
use crate::state::{Action, Note};

/// What was fetched.
#[derive(Debug)]
pub struct Beginning {
    /// The SAEs that the demo has.
    pub demo: Vec<DemoSae>,
    /// What happens to the state.
    pub actions: Vec<Action>,
}

impl Beginning {
    /// The demo's description. The page works without it, and says why it has none.
    pub async fn fetch_demo() -> Self {
        let mut actions = Vec::new();
        let manifest = match Manifest::fetch().await {
            Ok(manifest) => manifest,
            Err(fault) => {
                let why = Err(fault.message.clone());
                actions.push(Action::Atlas(AtlasAction::Named(why)));
                actions.push(Action::Note(Note::staying(fault.message)));
                let demo = Vec::new();
                return Self { demo, actions };
            }
        };
        actions.push(Action::Load(LoadAction::DemoSize(manifest.bytes())));
        let parts = manifest.parts(site::demo_file);
        actions.push(Action::Offline(OfflineAction::Demo(parts)));
        let atlas = manifest.atlas.map(|file| site::demo_file(&file.path));
        actions.push(Action::Atlas(AtlasAction::Named(Ok(atlas))));
        let demo = manifest.saes;
        let parts = demo.iter().map(Task::demo_sae);
        let known = std::iter::once(Task::demo()).chain(parts).collect();
        actions.push(Action::Load(LoadAction::Known(known)));
        actions.push(Action::Examples(manifest.prompts, demo.clone()));
        Self { demo, actions }
    }

    /// The recorded trace, too: the page that is drawn with both is whole from the start. The files are on their way since before
    /// the app was there.
    pub async fn fetch() -> Self {
        let mut beginning = Self::fetch_demo().await;
        beginning.actions.extend(recorded().await);
        beginning
    }
}

/// The recorded trace. Without it the page shows its first trace when the model is there. For another model it is of no use.
pub async fn recorded() -> Vec<Action> {
    let mut actions = Vec::new();
    if Place::from_hash(&browser::hash()).is_of_demo()
        && let Ok(recorded) = site::fetch_recorded().await
    {
        actions.push(Action::Recorded(Box::new(recorded)));
    }
    actions.push(Action::Introduced);
    actions
}
