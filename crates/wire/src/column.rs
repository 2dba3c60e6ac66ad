//! Long columns of numbers. JavaScript gets them as typed arrays, in one copy: number by number, the attention pattern of a long
//! prompt would be millions of calls.
//!
//! A format that is read by machines alone (not human-readable, in serde's words) gets a column as a newtype structure with the
//! name of the typed array, which holds the bytes; a text format gets a plain list.

use serde::{Serialize, Serializer};

/// A number that typed arrays exist for.
pub trait Number: Copy + Serialize + private::Plain {
    /// Name of the typed array.
    const ARRAY: &'static str;
}

mod private {
    /// Numbers of which every byte is a part of the value.
    pub trait Plain {}
    impl Plain for f32 {}
    impl Plain for f64 {}
    impl Plain for i32 {}
    impl Plain for u32 {}
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

/// Writes a column: for `#[serde(serialize_with)]`.
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

/// Several columns: a list of typed arrays.
pub mod rows {
    use serde::{Serialize, Serializer};

    use super::Number;

    struct Column<'a, T>(&'a [T]);

    impl<T: Number> Serialize for Column<'_, T> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            super::serialize(self.0, to)
        }
    }

    /// Writes columns: for `#[serde(serialize_with)]`.
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

    #[test]
    fn bytes_are_those_of_the_numbers() {
        let expected: Vec<u8> = [1.5f32, -0.0]
            .iter()
            .flat_map(|x| x.to_ne_bytes())
            .collect();
        assert_eq!(bytes(&[1.5f32, -0.0]), expected);
        assert_eq!(bytes(&[-1i32]), [255; 4]);
        assert!(bytes::<u32>(&[]).is_empty());
    }
}
