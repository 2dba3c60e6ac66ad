//! Texts that a person chooses, for scans, trainings and evaluations.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::browser;
use crate::controller::Controller;
use crate::js_value::get;
use crate::state::scan::Text;
use crate::state::texts::{SAMPLE, Source};

/// Names and lengths of texts: Files, or Files with paths as `droppedFiles()` gives them.
pub(crate) fn chosen_texts(files: &JsValue) -> Vec<Text> {
    let list = Array::from(files);
    let texts = list.iter().filter_map(|given| {
        let file = get(&given, "file").unwrap_or(given);
        Some(Text {
            name: get(&file, "name")?.as_string()?,
            bytes: get(&file, "size")?.as_f64()? as u64,
        })
    });
    texts.collect()
}

impl Controller {
    /// The texts of a source, as the package takes them.
    ///
    /// # Errors
    /// A sentence, where they cannot be had.
    pub(crate) async fn texts_of(&self, source: Source, files: JsValue) -> Result<JsValue, String> {
        match source {
            Source::Files => Ok(files),
            Source::Sample => {
                let bytes = browser::fetch_bytes(SAMPLE).await;
                let bytes = bytes.map_err(|fault| fault.message)?;
                // A host may have decompressed it on the way.
                let name = match bytes.starts_with(&[0x1f, 0x8b]) {
                    true => "demo-corpus-sample.jsonl.gz",
                    false => "demo-corpus-sample.jsonl",
                };
                let parts = Array::of1(&Uint8Array::from(&bytes[..]));
                let file = web_sys::File::new_with_u8_array_sequence(&parts, name);
                let file = file.map_err(|_| "The browser did not let the page make a file.")?;
                Ok(Array::of1(&file).into())
            }
            Source::Prompt => {
                let prompt = self.now(|state| state.prompt().to_owned());
                let parts = Array::of1(&prompt.into());
                let file = web_sys::File::new_with_str_sequence(&parts, "prompt.txt");
                let file = file.map_err(|_| "The browser did not let the page make a file.")?;
                Ok(Array::of1(&file).into())
            }
        }
    }
}
