//! Properties of JavaScript objects: arguments of the engine's API, and parts of its answers. Whole answers are read by `wire_js`.

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;

/// A property of a JavaScript object.
pub fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into())
        .ok()
        .filter(|value| !value.is_undefined())
}

/// A JavaScript object with these properties.
pub fn object<const N: usize>(properties: [(&str, JsValue); N]) -> JsValue {
    let object = Object::new();
    for (name, value) in properties {
        // Setting a property of a plain object cannot fail.
        let _ = Reflect::set(&object, &name.into(), &value);
    }
    object.into()
}
