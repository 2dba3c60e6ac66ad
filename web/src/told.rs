//! Reading what JavaScript hands over. A general deserialiser would be a tenth of the page.

use js_sys::Array;
use wasm_bindgen::JsValue;

use crate::engine::get;

/// Something that can be read from a JavaScript value.
pub trait Told: Sized {
    /// The value; nothing where it is of another kind.
    fn told(value: &JsValue) -> Option<Self>;
}

/// A property of an object; by an empty name the object itself. One that is not there, or null, has its type's default.
pub fn field<T: Told + Default>(object: &JsValue, name: &str) -> Option<T> {
    if name.is_empty() {
        return T::told(object);
    }
    match get(object, name) {
        Some(value) if !value.is_null() => T::told(&value),
        _ => Some(T::default()),
    }
}

impl Told for f64 {
    fn told(value: &JsValue) -> Option<Self> {
        value.as_f64()
    }
}

impl Told for f32 {
    fn told(value: &JsValue) -> Option<Self> {
        Some(value.as_f64()? as Self)
    }
}

impl Told for i32 {
    fn told(value: &JsValue) -> Option<Self> {
        Some(value.as_f64()? as Self)
    }
}

impl Told for u32 {
    fn told(value: &JsValue) -> Option<Self> {
        Some(value.as_f64()? as Self)
    }
}

impl Told for usize {
    fn told(value: &JsValue) -> Option<Self> {
        Some(value.as_f64()? as Self)
    }
}

impl Told for bool {
    fn told(value: &JsValue) -> Option<Self> {
        value.as_bool()
    }
}

impl Told for String {
    fn told(value: &JsValue) -> Option<Self> {
        value.as_string()
    }
}

impl<T: Told> Told for Option<T> {
    fn told(value: &JsValue) -> Option<Self> {
        T::told(value).map(Some)
    }
}

impl<T: Told> Told for Vec<T> {
    fn told(value: &JsValue) -> Option<Self> {
        // Typed arrays as well; a string, which could be gone through too, is no list.
        if !value.is_object() {
            return None;
        }
        Array::from(value)
            .iter()
            .map(|item| T::told(&item))
            .collect()
    }
}

/// The value itself, to hand it back.
impl Told for JsValue {
    fn told(value: &JsValue) -> Option<Self> {
        Some(value.clone())
    }
}
