//! Long columns of numbers. JavaScript gets them as typed arrays, in one copy: number by number, the attention pattern of a long
//! prompt would be millions of calls.
//!
//! A format that is read by machines alone (not human-readable, in serde's words) gets a column as a newtype structure with the
//! name of the typed array, which holds the bytes, and gives bytes or a list; a text format has a plain list.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserializer, Serialize, Serializer};

/// A number that typed arrays exist for.
pub trait Number: Copy + Serialize + DeserializeOwned + private::Plain {
    /// Name of the typed array.
    const ARRAY: &'static str;
}

mod private {
    /// Numbers of which every byte is a part of the value.
    pub trait Plain: Sized {
        /// From as many bytes as it has.
        fn read(bytes: &[u8]) -> Option<Self>;
    }
    impl Plain for f32 {
        fn read(bytes: &[u8]) -> Option<Self> {
            bytes.try_into().ok().map(Self::from_ne_bytes)
        }
    }
    impl Plain for f64 {
        fn read(bytes: &[u8]) -> Option<Self> {
            bytes.try_into().ok().map(Self::from_ne_bytes)
        }
    }
    impl Plain for i32 {
        fn read(bytes: &[u8]) -> Option<Self> {
            bytes.try_into().ok().map(Self::from_ne_bytes)
        }
    }
    impl Plain for u32 {
        fn read(bytes: &[u8]) -> Option<Self> {
            bytes.try_into().ok().map(Self::from_ne_bytes)
        }
    }
}

impl Number for f32 {
    const ARRAY: &'static str = "Float32Array";
}

impl Number for f64 {
    const ARRAY: &'static str = "Float64Array";
}

impl Number for i32 {
    const ARRAY: &'static str = "Int32Array";
}

impl Number for u32 {
    const ARRAY: &'static str = "Uint32Array";
}

/// Writes a column: for `#[serde(with)]`.
///
/// # Errors
/// Those of the format.
pub fn serialize<T: Number, S: Serializer>(numbers: &[T], to: S) -> Result<S::Ok, S::Error> {
    if to.is_human_readable() {
        numbers.serialize(to)
    } else {
        to.serialize_newtype_struct(T::ARRAY, &Bytes(bytes(numbers)))
    }
}

/// Reads a column: for `#[serde(with)]`.
///
/// # Errors
/// Those of the format.
pub fn deserialize<'de, T: Number, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    if from.is_human_readable() {
        from.deserialize_seq(Column(PhantomData))
    } else {
        from.deserialize_byte_buf(Column(PhantomData))
    }
}

/// Numbers as bytes, or one by one.
struct Column<T>(PhantomData<T>);

impl<'de, T: Number> Visitor<'de> for Column<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<T>, E> {
        let numbers = bytes.chunks_exact(size_of::<T>());
        Ok(numbers.filter_map(T::read).collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut numbers = Vec::new();
        while let Some(number) = items.next_element()? {
            numbers.push(number);
        }
        Ok(numbers)
    }
}

/// Several columns: a list of typed arrays.
pub mod rows {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Number;

    struct Row<T>(Vec<T>);

    impl<'de, T: Number> Deserialize<'de> for Row<T> {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            super::deserialize(from).map(Self)
        }
    }

    /// Reads columns: for `#[serde(with)]`.
    ///
    /// # Errors
    /// Those of the format.
    pub fn deserialize<'de, T: Number, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Vec<T>>, D::Error> {
        let rows = Vec::<Row<T>>::deserialize(from)?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    struct Column<'a, T>(&'a [T]);

    impl<T: Number> Serialize for Column<'_, T> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            super::serialize(self.0, to)
        }
    }

    /// Writes columns: for `#[serde(with)]`.
    ///
    /// # Errors
    /// Those of the format.
    pub fn serialize<T: Number, S: Serializer>(rows: &[Vec<T>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(rows.iter().map(|row| Column(row)))
    }
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(self.0)
    }
}

/// The bytes of numbers as they lie in memory, which is how typed arrays have them.
fn bytes<T: Number>(numbers: &[T]) -> &[u8] {
    // SAFETY: the numbers are `Plain`: no byte of them is padding, and a byte has no alignment.
    unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
}

#[cfg(test)]
mod tests {
    use super::bytes;
    use super::private::Plain as _;

    #[test]
    fn bytes_are_those_of_the_numbers() {
        let expected: Vec<u8> = [1.5f32, -0.0]
            .iter()
            .flat_map(|x| x.to_ne_bytes())
            .collect();
        assert_eq!(bytes(&[1.5f32, -0.0]), expected);
        assert_eq!(bytes(&[-1i32]), [255; 4]);
        assert!(bytes::<u32>(&[]).is_empty());
        assert_eq!(f64::read(bytes(&[0.1f64])), Some(0.1));
        assert_eq!(f64::read(bytes(&[0.1f32])), None);
    }
}
