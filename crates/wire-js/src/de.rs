//! Results from JavaScript values.

use js_sys::{Array, ArrayBuffer, Reflect, Uint8Array};
use serde::de::value::{StringDeserializer, U32Deserializer};
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

// What does not depend on the type that is read is compiled once.
impl Value {
    fn is_nothing(&self) -> bool {
        self.0.is_undefined() || self.0.is_null()
    }

    #[inline(never)]
    fn number(&self) -> Read<f64> {
        self.0.as_f64().ok_or(Error::new("it must be a number"))
    }

    /// A whole number that f64 has exactly.
    #[inline(never)]
    fn whole(&self) -> Read<i64> {
        const MOST: f64 = 9_007_199_254_740_991.0;
        match self.0.as_f64() {
            Some(number) if number.fract() == 0.0 && number.abs() <= MOST => Ok(number as i64),
            _ => Err(Error::new("it must be a whole number")),
        }
    }

    #[inline(never)]
    fn text(&self) -> Read<String> {
        self.0.as_string().ok_or(Error::new("it must be a text"))
    }

    /// The items of a list. A typed array that no column takes is read number by number.
    #[inline(never)]
    fn items(&self) -> Read<Items> {
        // A string, which could be gone through too, is no list.
        if !self.0.is_object() {
            return Err(Error::new("it must be a list"));
        }
        let array = Array::from(&self.0);
        Ok(Items { array, next: 0 })
    }

    #[inline(never)]
    fn object(self, names: &'static [&'static str]) -> Read<Fields> {
        if !self.0.is_object() || Array::is_array(&self.0) {
            return Err(Error::new("it must be an object"));
        }
        Ok(Fields {
            object: self.0,
            names,
            next: 0,
            value: JsValue::UNDEFINED,
        })
    }

    /// The bytes of a typed array.
    #[inline(never)]
    fn bytes(&self) -> Option<Vec<u8>> {
        if !ArrayBuffer::is_view(&self.0) {
            return None;
        }
        // Every view has these three.
        let view: &Uint8Array = self.0.unchecked_ref();
        let (buffer, offset, length) = (view.buffer(), view.byte_offset(), view.byte_length());
        Some(Uint8Array::new_with_byte_offset_and_length(&buffer, offset, length).to_vec())
    }
}

impl<'de> de::Deserializer<'de> for Value {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Read<V::Value> {
        Err(Error::new("its type does not say what it is"))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let flag = self.0.as_bool();
        visitor.visit_bool(flag.ok_or(Error::new("it must be true or false"))?)
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_i64(self.whole()?)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_i64(self.whole()?)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_i64(self.whole()?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_i64(self.whole()?)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_i64(self.whole()?)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_i64(self.whole()?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_i64(self.whole()?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_i64(self.whole()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_f64(self.number()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_f64(self.number()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_string(self.text()?)
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

    /// A column: the bytes of a typed array, or a list as in JSON.
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.bytes() {
            Some(bytes) => visitor.visit_byte_buf(bytes),
            None => visitor.visit_seq(self.items()?),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Read<V::Value> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        visitor.visit_map(self.object(fields)?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        let word: StringDeserializer<Error> = self.text()?.into_deserializer();
        visitor.visit_enum(word)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        char bytes unit unit_struct tuple_struct map identifier
    }
}

/// The items of an array.
struct Items {
    array: Array,
    next: u32,
}

impl Items {
    #[inline(never)]
    fn next_value(&mut self) -> Option<Value> {
        let value = (self.next < self.array.length()).then(|| self.array.get(self.next))?;
        self.next += 1;
        Some(Value(value))
    }
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        match self.next_value() {
            Some(value) => seed.deserialize(value).map(Some),
            None => Ok(None),
        }
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

impl Fields {
    /// The place of the next field that the object has.
    #[inline(never)]
    fn next_place(&mut self) -> Option<u32> {
        while let Some(name) = self.names.get(self.next) {
            let place = self.next as u32;
            self.next += 1;
            // What cannot be read is not there.
            let value = Reflect::get(&self.object, &(*name).into());
            self.value = value.unwrap_or(JsValue::UNDEFINED);
            if !self.value.is_undefined() {
                return Some(place);
            }
        }
        None
    }

    fn taken(&mut self) -> Value {
        Value(std::mem::replace(&mut self.value, JsValue::UNDEFINED))
    }

    /// Name of the field that was read last.
    fn name(&self) -> &'static str {
        self.names.get(self.next - 1).copied().unwrap_or_default()
    }
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Read<Option<K::Value>> {
        match self.next_place() {
            Some(place) => {
                let place: U32Deserializer<Error> = place.into_deserializer();
                seed.deserialize(place).map(Some)
            }
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Read<V::Value> {
        let value = self.taken();
        seed.deserialize(value)
            .map_err(|error| error.within(self.name()))
    }
}
