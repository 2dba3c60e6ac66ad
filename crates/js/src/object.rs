//! Building plain JavaScript objects and arrays.

use js_sys::{Array, Float32Array, Int32Array, Reflect, Uint32Array};
use wasm_bindgen::JsValue;

/// A plain object under construction.
pub struct Object(js_sys::Object);

impl Object {
    /// `{}`.
    pub fn new() -> Self {
        Self(js_sys::Object::new())
    }

    /// Adds a property.
    pub fn with(self, key: &str, value: impl Into<JsValue>) -> Self {
        // Setting a property of a fresh plain object cannot fail.
        let _ = Reflect::set(&self.0, &JsValue::from_str(key), &value.into());
        self
    }

    /// Adds a number. Counts above 2^53 do not occur.
    pub fn count(self, key: &str, value: impl TryInto<u64>) -> Self {
        let value = value.try_into().unwrap_or(u64::MAX);
        self.with(key, value as f64)
    }

    /// Adds a number, or `null`.
    pub fn number(self, key: &str, value: Option<f64>) -> Self {
        self.with(key, value.map_or(JsValue::NULL, JsValue::from_f64))
    }

    /// Adds an array of converted elements.
    pub fn list<T>(self, key: &str, values: &[T], convert: impl Fn(&T) -> JsValue) -> Self {
        self.with(key, list(values, convert))
    }

    /// Adds a Float32Array.
    pub fn floats(self, key: &str, values: &[f32]) -> Self {
        self.with(key, Float32Array::from(values))
    }

    /// Adds a Uint32Array of positions, which a context keeps far below 2^32.
    pub fn positions(self, key: &str, values: &[usize]) -> Self {
        let values: Vec<u32> = values.iter().map(|value| *value as u32).collect();
        self.with(key, Uint32Array::from(&values[..]))
    }

    /// Adds an Int32Array.
    pub fn integers(self, key: &str, values: &[i32]) -> Self {
        self.with(key, Int32Array::from(values))
    }
}

impl From<Object> for JsValue {
    fn from(object: Object) -> Self {
        object.0.into()
    }
}

/// An array of converted elements.
pub fn list<T>(values: &[T], convert: impl Fn(&T) -> JsValue) -> JsValue {
    values.iter().map(convert).collect::<Array>().into()
}
