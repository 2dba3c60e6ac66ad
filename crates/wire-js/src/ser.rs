//! Results as plain objects, arrays and typed arrays.

use js_sys::{
    Array, Float32Array, Float64Array, Int32Array, Object, Reflect, Uint8Array, Uint32Array,
};
use serde::ser::{self, Impossible, Serialize};
use wasm_bindgen::{JsCast, JsValue};

use crate::error::Error;

/// A value as JavaScript has it: structures as plain objects, None as `null`, columns as typed arrays.
///
/// # Errors
/// An error for what has no place in a result: a map whose keys are no texts, an enum with contents.
pub fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, Error> {
    value.serialize(Serializer)
}

#[derive(Clone, Copy)]
struct Serializer;

type Written = Result<JsValue, Error>;

fn number(value: f64) -> Written {
    Ok(JsValue::from_f64(value))
}

/// Of an enum with contents, or a map whose keys are no texts.
const NOT_THERE: Error = Error::new("it has no place in a result");

impl ser::Serializer for Serializer {
    type Ok = JsValue;
    type Error = Error;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = Impossible<JsValue, Error>;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Impossible<JsValue, Error>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Written {
        Ok(value.into())
    }

    fn serialize_i8(self, value: i8) -> Written {
        number(value.into())
    }

    fn serialize_i16(self, value: i16) -> Written {
        number(value.into())
    }

    fn serialize_i32(self, value: i32) -> Written {
        number(value.into())
    }

    // Counts above 2^53 do not occur.
    fn serialize_i64(self, value: i64) -> Written {
        number(value as f64)
    }

    fn serialize_u8(self, value: u8) -> Written {
        number(value.into())
    }

    fn serialize_u16(self, value: u16) -> Written {
        number(value.into())
    }

    fn serialize_u32(self, value: u32) -> Written {
        number(value.into())
    }

    fn serialize_u64(self, value: u64) -> Written {
        number(value as f64)
    }

    fn serialize_f32(self, value: f32) -> Written {
        number(value.into())
    }

    fn serialize_f64(self, value: f64) -> Written {
        number(value)
    }

    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Written {
        Ok(value.into())
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        Ok(Uint8Array::from(value).into())
    }

    fn serialize_none(self) -> Written {
        Ok(JsValue::NULL)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(JsValue::NULL)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        Ok(JsValue::NULL)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        Ok(variant.into())
    }

    /// A column gives its bytes under the name of its typed array.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Written {
        let written = value.serialize(self)?;
        let Some(bytes) = written.dyn_ref::<Uint8Array>() else {
            return Ok(written);
        };
        let buffer = bytes.buffer();
        Ok(match name {
            "Float32Array" => Float32Array::new(&buffer).into(),
            "Float64Array" => Float64Array::new(&buffer).into(),
            "Int32Array" => Int32Array::new(&buffer).into(),
            "Uint32Array" => Uint32Array::new(&buffer).into(),
            _ => written,
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Written {
        Err(NOT_THERE)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List, Error> {
        Ok(List(Array::new()))
    }

    fn serialize_tuple(self, length: usize) -> Result<List, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Err(NOT_THERE)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields, Error> {
        Ok(Fields {
            object: Object::new(),
            key: JsValue::UNDEFINED,
        })
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Fields, Error> {
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Err(NOT_THERE)
    }
}

struct List(Array);

impl ser::SerializeSeq for List {
    type Ok = JsValue;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.0.push(&value.serialize(Serializer)?);
        Ok(())
    }

    fn end(self) -> Written {
        Ok(self.0.into())
    }
}

impl ser::SerializeTuple for List {
    type Ok = JsValue;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Written {
        Ok(self.0.into())
    }
}

impl ser::SerializeTupleStruct for List {
    type Ok = JsValue;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Written {
        Ok(self.0.into())
    }
}

struct Fields {
    object: Object,
    /// The key of a map's entry whose value comes next.
    key: JsValue,
}

impl Fields {
    fn set<T: Serialize + ?Sized>(&self, key: &JsValue, value: &T) -> Result<(), Error> {
        let value = value.serialize(Serializer)?;
        // Setting a property of a fresh plain object cannot fail.
        let _ = Reflect::set(&self.object, key, &value);
        Ok(())
    }
}

impl ser::SerializeStruct for Fields {
    type Ok = JsValue;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.set(&key.into(), value)
    }

    fn end(self) -> Written {
        Ok(self.object.into())
    }
}

impl ser::SerializeMap for Fields {
    type Ok = JsValue;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = key.serialize(Serializer)?;
        if self.key.is_string() {
            Ok(())
        } else {
            Err(NOT_THERE)
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.set(&self.key, value)
    }

    fn end(self) -> Written {
        Ok(self.object.into())
    }
}
