//! Results from JavaScript values.

use js_sys::{Array, Float32Array, Float64Array, Int32Array, Reflect, Uint32Array};
use serde::de::value::{SeqDeserializer, StringDeserializer, U32Deserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use wasm_bindgen::{JsCast, JsValue};

use crate::error::Error;

/// A result. Fields that the type does not have are passed over: they may be of a later version.
///
/// # Errors
/// [`Error`] with the field that is missing or of another kind.
pub fn from_js<T: DeserializeOwned>(value: &JsValue) -> Result<T, Error> {
    T::deserialize(Value(value.clone()))
}

struct Value(JsValue);

type Read<T> = Result<T, Error>;

impl Value {
    fn wrong<T>(expected: &str) -> Read<T> {
        Err(Error::new(format!("it must be {expected}")))
    }

    fn is_nothing(&self) -> bool {
        self.0.is_undefined() || self.0.is_null()
    }

    /// A whole number.
    fn whole<'de, V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        const MOST: f64 = 9_007_199_254_740_991.0;
        match self.0.as_f64() {
            Some(number) if number.fract() == 0.0 && number.abs() <= MOST => {
                if number < 0.0 {
                    visitor.visit_i64(number as i64)
                } else {
                    visitor.visit_u64(number as u64)
                }
            }
            None if self.0.is_bigint() => match u64::try_from(self.0.clone()) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => Self::wrong("a whole number from 0 on and below 2^64"),
            },
            _ => Self::wrong("a whole number"),
        }
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.0.as_f64() {
            Some(number) => visitor.visit_f64(number),
            None => Self::wrong("a number"),
        }
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let value = &self.0;
        // Typed arrays are copied as a whole.
        if let Some(numbers) = value.dyn_ref::<Float32Array>() {
            return visitor.visit_seq(SeqDeserializer::new(numbers.to_vec().into_iter()));
        }
        if let Some(numbers) = value.dyn_ref::<Uint32Array>() {
            return visitor.visit_seq(SeqDeserializer::new(numbers.to_vec().into_iter()));
        }
        if let Some(numbers) = value.dyn_ref::<Float64Array>() {
            return visitor.visit_seq(SeqDeserializer::new(numbers.to_vec().into_iter()));
        }
        if let Some(numbers) = value.dyn_ref::<Int32Array>() {
            return visitor.visit_seq(SeqDeserializer::new(numbers.to_vec().into_iter()));
        }
        match value.dyn_ref::<Array>() {
            Some(array) => visitor.visit_seq(Items { array, next: 0 }),
            None => Self::wrong("a list"),
        }
    }

    fn object<'de, V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        if !self.0.is_object() || Array::is_array(&self.0) {
            return Self::wrong("an object");
        }
        visitor.visit_map(Fields {
            object: self.0,
            names: fields,
            next: 0,
            value: JsValue::UNDEFINED,
        })
    }
}

/// A property; undefined where it cannot be read.
fn property(object: &JsValue, key: &JsValue) -> JsValue {
    Reflect::get(object, key).unwrap_or(JsValue::UNDEFINED)
}

impl<'de> de::Deserializer<'de> for Value {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        if let Some(text) = self.0.as_string() {
            visitor.visit_string(text)
        } else if let Some(flag) = self.0.as_bool() {
            visitor.visit_bool(flag)
        } else if let Some(number) = self.0.as_f64() {
            visitor.visit_f64(number)
        } else if self.is_nothing() {
            visitor.visit_unit()
        } else {
            self.list(visitor)
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.0.as_bool() {
            Some(flag) => visitor.visit_bool(flag),
            None => Self::wrong("true or false"),
        }
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.whole(visitor)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.whole(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.whole(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.whole(visitor)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.whole(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.whole(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.whole(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.whole(visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.number(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.number(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.0.as_string() {
            Some(text) => visitor.visit_string(text),
            None => Self::wrong("a text"),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        if self.is_nothing() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Read<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Read<V::Value> {
        self.list(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        self.object(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        match self.0.as_string() {
            Some(word) => {
                let word: StringDeserializer<Error> = word.into_deserializer();
                visitor.visit_enum(word)
            }
            None => Self::wrong("a word"),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct tuple_struct map identifier
    }
}

/// The items of an array.
struct Items<'a> {
    array: &'a Array,
    next: u32,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        if self.next >= self.array.length() {
            return Ok(None);
        }
        let value = self.array.get(self.next);
        self.next += 1;
        seed.deserialize(Value(value)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some((self.array.length() - self.next) as usize)
    }
}

/// The fields of an object that its type has, by their places among them: an object is read without comparing names.
struct Fields {
    object: JsValue,
    names: &'static [&'static str],
    /// Place of the next name.
    next: usize,
    /// The value of the field before it.
    value: JsValue,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Read<Option<K::Value>> {
        while let Some(name) = self.names.get(self.next) {
            let place = self.next as u32;
            self.next += 1;
            self.value = property(&self.object, &(*name).into());
            if !self.value.is_undefined() {
                let place: U32Deserializer<Error> = place.into_deserializer();
                return seed.deserialize(place).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Read<V::Value> {
        let value = Value(std::mem::replace(&mut self.value, JsValue::UNDEFINED));
        let name = self.names.get(self.next - 1).copied().unwrap_or_default();
        seed.deserialize(value).map_err(|error| error.within(name))
    }
}
