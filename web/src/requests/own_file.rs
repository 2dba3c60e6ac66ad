//! Files of one's own: their SHA-256, by which links know them.

use web_sys::AbortSignal;

use crate::controller::Controller;
use crate::data::Hashed;
use crate::engine::{Engine, Fault, read};
use crate::js_value::object;
use crate::state::load::{LoadAction, OTHER_FILE};
use crate::state::own_file::{Identity, identify, refusal};
use crate::state::reference::OwnFile;
use crate::state::task::Task;

impl Controller {
    /// Gives a file of one's own the id that its contents have. One that is not what the address names is refused, and has its
    /// id all the same: whoever loads it again has been told.
    pub(crate) async fn identify(
        &self,
        engine: &Engine,
        task: &mut Task,
        signal: &AbortSignal,
    ) -> Result<(), Fault> {
        let id = task.id.clone();
        let Some(file) = OwnFile::of(&id).filter(|file| file.sha256.is_none()) else {
            return Ok(());
        };
        let options = object([("signal", signal.into())]);
        let asked = [task.source.clone(), options];
        let Hashed { sha256 } = read(engine.call_until(signal, "sha256", &asked).await?)?;
        let wanted = task.wanted.clone();
        match identify(file, &sha256, wanted.as_deref()) {
            Identity::Same(id) => {
                task.id = id;
                // What the address waits for is not what the person loads.
                if task.is_model() && wanted.is_some_and(|wanted| wanted != task.id) {
                    self.dispatch_load(LoadAction::Stay);
                }
                task.wanted = None;
            }
            Identity::Named(id) => task.id = id,
            Identity::Other(id) => {
                task.id = id;
                let message = refusal(&task.id, wanted.as_deref().unwrap_or_default());
                return Err(Fault {
                    code: OTHER_FILE.to_owned(),
                    message,
                    too_long: None,
                });
            }
        }
        Ok(())
    }

    /// A task is done: a file of one's own can be loaded again by its id, and where it stands for another one, the address is
    /// about it from now on.
    pub(crate) fn settle(&self, task: &Task) {
        if OwnFile::of(&task.id).is_none() {
            return;
        }
        let known = Task {
            wanted: None,
            ..task.clone()
        };
        self.dispatch_load(LoadAction::Known(vec![known]));
        if let Some(wanted) = task.wanted.clone().filter(|wanted| *wanted != task.id) {
            self.dispatch_load(LoadAction::Instead(wanted, task.id.clone()));
        }
    }
}
