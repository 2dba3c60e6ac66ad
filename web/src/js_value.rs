//! Conversion of JavaScript values. Results of the engine read themselves (`wire`, `wire_js`).

use js_sys::{Array, Float32Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// A type that can be read from a JavaScript value.
pub trait FromJs: Sized {
    /// The value; nothing where it is of another kind.
    fn from_js(value: &JsValue) -> Option<Self>;

    /// The values of a list, which may be a typed array; nothing where it is of another kind.
    fn list_from_js(value: &JsValue) -> Option<Vec<Self>> {
        items(value)
    }
}

/// The values of a list, one by one.
fn items<T: FromJs>(value: &JsValue) -> Option<Vec<T>> {
    // A string, which could be gone through too, is no list.
    if !value.is_object() {
        return None;
    }
    Array::from(value)
        .iter()
        .map(|item| T::from_js(&item))
        .collect()
}

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
        set(&object, name, &value);
    }
    object.into()
}

/// Gives a JavaScript object a property.
pub fn set(object: &JsValue, name: &str, value: &JsValue) {
    // Setting a property of a plain object cannot fail.
    let _ = Reflect::set(object, &name.into(), value);
}

/// A property of an object; by an empty name the object itself. One that is not there, or null, has its type's default.
pub fn field<T: FromJs + Default>(object: &JsValue, name: &str) -> Option<T> {
    if name.is_empty() {
        return T::from_js(object);
    }
    match get(object, name) {
        Some(value) if !value.is_null() => T::from_js(&value),
        _ => Some(T::default()),
    }
}

impl FromJs for f64 {
    fn from_js(value: &JsValue) -> Option<Self> {
        value.as_f64()
    }
}

impl FromJs for f32 {
    fn from_js(value: &JsValue) -> Option<Self> {
        Some(value.as_f64()? as Self)
    }

    fn list_from_js(value: &JsValue) -> Option<Vec<Self>> {
        match value.dyn_ref::<Float32Array>() {
            // In one copy: a layer's attention may be millions of numbers.
            Some(array) => Some(array.to_vec()),
            None => items(value),
        }
    }
}

impl FromJs for i32 {
    fn from_js(value: &JsValue) -> Option<Self> {
        Some(value.as_f64()? as Self)
    }
}

impl FromJs for u32 {
    fn from_js(value: &JsValue) -> Option<Self> {
        Some(value.as_f64()? as Self)
    }
}

impl FromJs for usize {
    fn from_js(value: &JsValue) -> Option<Self> {
        Some(value.as_f64()? as Self)
    }
}

impl FromJs for bool {
    fn from_js(value: &JsValue) -> Option<Self> {
        value.as_bool()
    }
}

impl FromJs for String {
    fn from_js(value: &JsValue) -> Option<Self> {
        value.as_string()
    }
}

impl<T: FromJs> FromJs for Option<T> {
    fn from_js(value: &JsValue) -> Option<Self> {
        T::from_js(value).map(Some)
    }
}

impl<T: FromJs> FromJs for Vec<T> {
    fn from_js(value: &JsValue) -> Option<Self> {
        T::list_from_js(value)
    }
}

/// The value itself, to hand it back.
impl FromJs for JsValue {
    fn from_js(value: &JsValue) -> Option<Self> {
        Some(value.clone())
    }
}

/// Results of the engine: their type reads them.
macro_rules! of_wire {
    ($($type:ty)*) => {$(
        impl FromJs for $type {
            fn from_js(value: &JsValue) -> Option<Self> {
                wire_js::from_js(value).ok()
            }
        }
    )*};
}

of_wire! {
    wire::Edited wire::Effect wire::Example wire::Feature wire::Generation wire::Info wire::ModelInfo
    wire::Neighbour wire::NextToken wire::Recorded wire::SaeInfo wire::SampleLoss wire::StreamPatching wire::Tapped wire::Token
    wire::TokenFeatures wire::Tokenization wire::Trace wire::TrainEstimate wire::TrainRecord wire::TrainingInfo
}
