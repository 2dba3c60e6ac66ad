//! Errors as JavaScript sees them: `{code, message, details}`.

use std::fmt::Display;

use js_sys::Reflect;
use serde::Serialize as _;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use crate::object::Object;

/// A rejected call's reason.
pub fn fault(code: &str, message: impl Display, details: JsValue) -> JsValue {
    Object::new()
        .with("code", code)
        .with("message", message.to_string())
        .with("details", details)
        .into()
}

/// The reason of a call that the session refused.
pub fn refused(error: explorer::Error) -> JsValue {
    let details = error
        .details()
        .serialize(&Serializer::json_compatible())
        .unwrap_or(JsValue::UNDEFINED);
    fault(error.code(), &error, details)
}

/// The reason of a call whose file could not be read.
pub fn unreadable(error: formats::Error) -> JsValue {
    refused(explorer::Error::from(error))
}

/// The reason of a call with an argument that is not what it should be.
pub fn bad_option(name: &str, why: impl Display) -> JsValue {
    let details = Object::new().with("option", name);
    fault("bad-option", format!("{name}: {why}"), details.into())
}

/// What a thrown value says, where it is an error.
pub fn message(thrown: &JsValue) -> String {
    let message = Reflect::get(thrown, &"message".into()).ok();
    let message = message.and_then(|message| message.as_string());
    message.unwrap_or_else(|| "reading it failed".to_owned())
}
