//! Errors as JavaScript sees them: `{code, message, details}`.

use std::fmt::Display;

use js_sys::{Object, Reflect};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wire_js::to_js;

/// A rejected call's reason.
pub fn fault(code: &str, message: impl Display, details: JsValue) -> JsValue {
    object([
        ("code", code.into()),
        ("message", message.to_string().into()),
        ("details", details),
    ])
}

fn object<const N: usize>(properties: [(&str, JsValue); N]) -> JsValue {
    let object = Object::new();
    for (name, value) in properties {
        // Setting a property of a fresh plain object cannot fail.
        let _ = Reflect::set(&object, &name.into(), &value);
    }
    object.into()
}

/// The reason of a call that the session refused.
pub fn refused(error: explorer::Error) -> JsValue {
    let details = to_js(&error.details()).unwrap_or(JsValue::UNDEFINED);
    fault(error.code(), &error, details)
}

/// The reason of a call whose file could not be read.
pub fn unreadable(error: formats::Error) -> JsValue {
    refused(explorer::Error::from(error))
}

/// The reason of a call with an argument that is not what it should be.
pub fn bad_option(name: &str, why: impl Display) -> JsValue {
    let details = object([("option", name.into())]);
    fault("bad-option", format!("{name}: {why}"), details)
}

/// What a thrown value says, where it is an error.
pub fn message(thrown: &JsValue) -> String {
    let message = Reflect::get(thrown, &"message".into()).ok();
    let message = message.and_then(|message| message.as_string());
    message.unwrap_or_else(|| "reading it failed".to_owned())
}

/// A result of the engine as JavaScript has it.
pub fn answer<T: Serialize + ?Sized>(result: &T) -> Result<JsValue, JsValue> {
    to_js(result).map_err(|error| fault("internal", error, JsValue::UNDEFINED))
}
