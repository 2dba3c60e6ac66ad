//! The JavaScript beside a training: it reads texts, hears how far it is, stores checkpoints and says whether it goes on.

use std::io;
use std::path::PathBuf;

use js_sys::{Array, Function, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wire::{ScannedFile, TrainProgress, TrainingInfo};

use crate::error::answer;

#[wasm_bindgen]
extern "C" {
    /// See `pkg/trainer.js`.
    pub type Host;

    /// `(file, offset, length) => Uint8Array`.
    #[wasm_bindgen(method, getter, js_name = read)]
    pub fn reader(this: &Host) -> Function;

    #[wasm_bindgen(method)]
    fn progress(this: &Host, progress: &JsValue);

    /// Lets messages be handled; `"go"` or `"stop"`.
    #[wasm_bindgen(method, catch, js_name = turn)]
    async fn js_turn(this: &Host) -> Result<JsValue, JsValue>;

    /// Waits for the word of the person, where one is wanted.
    #[wasm_bindgen(method, catch, js_name = confirmed)]
    async fn js_confirmed(this: &Host) -> Result<JsValue, JsValue>;

    /// Before a step: also `"save"`. It waits while the training is paused and saved.
    #[wasm_bindgen(method, catch, js_name = between)]
    async fn js_between(this: &Host, step: f64, saved: bool) -> Result<JsValue, JsValue>;

    /// Stores files; why it could not, or undefined.
    #[wasm_bindgen(method, catch, js_name = store)]
    async fn js_store(this: &Host, files: JsValue, info: JsValue) -> Result<JsValue, JsValue>;

    /// The stored files, `[{path, bytes}]`.
    #[wasm_bindgen(method, catch, js_name = stored)]
    async fn js_stored(this: &Host) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_namespace = performance)]
    pub fn now() -> f64;
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Another step.
    Go,
    /// A checkpoint.
    Save,
    /// The end.
    Stop,
}

impl Word {
    fn of(word: &JsValue) -> Self {
        match word.as_string().as_deref() {
            Some("stop") => Self::Stop,
            Some("save") => Self::Save,
            _ => Self::Go,
        }
    }
}

impl Host {
    /// Tells how far the training is.
    pub fn tell(&self, progress: &TrainProgress) {
        if let Ok(progress) = answer(progress) {
            self.progress(&progress);
        }
    }

    /// Lets messages be handled.
    pub async fn turn(&self) -> Result<Word, JsValue> {
        Ok(Word::of(&self.js_turn().await?))
    }

    /// The person's word whether to begin.
    pub async fn confirmed(&self) -> Result<Word, JsValue> {
        Ok(Word::of(&self.js_confirmed().await?))
    }

    /// What is to be done next after so many steps; `saved` says whether they are stored.
    pub async fn between(&self, step: f64, saved: bool) -> Result<Word, JsValue> {
        Ok(Word::of(&self.js_between(step, saved).await?))
    }

    /// Stores a checkpoint; gives why it could not.
    pub async fn store(
        &self,
        files: &[ScannedFile],
        info: &TrainingInfo,
    ) -> Result<Option<String>, JsValue> {
        let why = self.js_store(answer(files)?, answer(info)?).await?;
        Ok(why.as_string())
    }

    /// The stored files.
    pub async fn stored(&self) -> Result<Stored, JsValue> {
        Ok(Stored(Array::from(&self.js_stored().await?)))
    }
}

/// Stored files.
pub struct Stored(Array);

impl Stored {
    /// A file by its name.
    ///
    /// # Errors
    /// [`train::Error::Read`] where there is none.
    pub fn file(&self, name: &str) -> Result<Vec<u8>, train::Error> {
        let is_it = |file: &JsValue| {
            Reflect::get(file, &"path".into())
                .is_ok_and(|path| path.as_string().as_deref() == Some(name))
        };
        let found = self.0.iter().find(is_it);
        let bytes = found.and_then(|file| Reflect::get(&file, &"bytes".into()).ok());
        let bytes = bytes.and_then(|bytes| bytes.dyn_into::<Uint8Array>().ok());
        let bytes = bytes.ok_or_else(|| train::Error::Read {
            path: PathBuf::from(name),
            source: io::Error::new(io::ErrorKind::NotFound, "it is not in this browser"),
        })?;
        Ok(bytes.to_vec())
    }
}
