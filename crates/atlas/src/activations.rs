//! The activations of an example, two bytes each in files.

use half::f16;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Activations of one example. In binary files they are rounded to eleven significant bits, so by at most 2⁻¹¹ of their value,
/// where they are above 2⁻²⁷ of the largest; as JSON they are plain numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Activations(pub Vec<f32>);

/// The exponent of the largest activation after scaling: below the largest f16, 65504.
const EXPONENT: i32 = 15;

impl Activations {
    /// These activations as a file gives them back.
    pub fn rounded(&self) -> Self {
        let exponent = self.exponent();
        let scaled = self.0.iter().map(|value| to_half(*value, exponent));
        Self(scaled.map(|half| from_half(half, exponent)).collect())
    }

    /// The power of two by which all are divided before rounding. It does not depend on anything but the largest magnitude, and is
    /// the same for what a file gives back, so that this is written as the same bytes again.
    fn exponent(&self) -> i16 {
        let largest = self
            .0
            .iter()
            .fold(0.0f32, |largest, value| largest.max(value.abs()));
        if largest == 0.0 || !largest.is_finite() {
            return 0;
        }
        let first = exponent_of(largest);
        // Where the largest is rounded up to a power of two, it is that of the next octave.
        let rounded = from_half(to_half(largest, first), first);
        if rounded.is_finite() {
            exponent_of(rounded)
        } else {
            first
        }
    }
}

/// The exponent for a largest magnitude that is not 0.
fn exponent_of(largest: f32) -> i16 {
    // Through f64, where the smallest f32 is a normal number.
    let bits = f64::from(largest).to_bits();
    let unbiased = ((bits >> 52) & 0x7ff) as i32 - 1023;
    // One less, so that rounding up cannot reach the end of the range.
    (unbiased + 1 - EXPONENT) as i16
}

fn to_half(value: f32, exponent: i16) -> f16 {
    f16::from_f64(f64::from(value) * power_of_two(-exponent))
}

fn from_half(half: f16, exponent: i16) -> f32 {
    (half.to_f64() * power_of_two(exponent)) as f32
}

fn power_of_two(exponent: i16) -> f64 {
    f64::from(exponent).exp2()
}

impl Serialize for Activations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        let exponent = self.exponent();
        let scaled: Vec<[u8; 2]> = self
            .0
            .iter()
            .map(|value| to_half(*value, exponent).to_le_bytes())
            .collect();
        (exponent, scaled).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Activations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Vec::deserialize(deserializer).map(Self);
        }
        let (exponent, scaled) = <(i16, Vec<[u8; 2]>)>::deserialize(deserializer)?;
        let values = scaled
            .into_iter()
            .map(|bytes| from_half(f16::from_le_bytes(bytes), exponent));
        Ok(Self(values.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_gives_back_is_written_as_the_same_bytes() {
        // The largest is rounded up to a power of two in some of these.
        for step in 0..4096u32 {
            let largest = f32::from_bits(2.0f32.to_bits() - step);
            let activations = Activations(vec![0.3, largest, 1e-5 * largest, largest * 0.77]);
            let bytes = postcard::to_stdvec(&activations).unwrap();
            let read: Activations = postcard::from_bytes(&bytes).unwrap();
            assert_eq!(read, activations.rounded());
            assert_eq!(
                postcard::to_stdvec(&read).unwrap(),
                bytes,
                "largest {largest}"
            );
        }
    }
}
