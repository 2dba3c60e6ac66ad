//! Arguments as JavaScript gives them: options are those of [`wire`], and every field may be absent or `undefined`.

use explorer::{Edit, Input};
use js_sys::{Array, Uint32Array};
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wire_js::options_from_js;

use crate::error::bad_option;

/// A prompt: a text, or the ids of tokens.
pub enum Prompt {
    Text(String),
    Tokens(Vec<u32>),
}

impl Prompt {
    /// As JavaScript gives it: a string, an array or a Uint32Array.
    pub fn read(value: JsValue) -> Result<Self, JsValue> {
        if let Some(text) = value.as_string() {
            return Ok(Self::Text(text));
        }
        if let Some(ids) = value.dyn_ref::<Uint32Array>() {
            return Ok(Self::Tokens(ids.to_vec()));
        }
        let ids = options_from_js(&value);
        let why = "it must be a text, or an array of token ids";
        ids.map(Self::Tokens).map_err(|_| bad_option("prompt", why))
    }

    /// As the session takes it.
    pub fn as_input(&self) -> Input<'_> {
        match self {
            Self::Text(text) => text.into(),
            Self::Tokens(ids) => ids.into(),
        }
    }
}

/// An argument of a call, or its options. What is wrong is named by the option itself.
pub fn read<T: DeserializeOwned>(name: &str, value: JsValue) -> Result<T, JsValue> {
    options_from_js(&value).map_err(|error| {
        let option = error.field.as_deref().unwrap_or(name);
        bad_option(option, &error.message)
    })
}

/// The edits of one run: an object, or a list of objects.
pub fn edits(edits: JsValue) -> Result<Vec<Edit>, JsValue> {
    match Array::is_array(&edits) {
        true => read("edit", edits),
        false => Ok(vec![read("edit", edits)?]),
    }
}
