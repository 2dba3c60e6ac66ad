//! The numbers that an edit may hold.

/// The largest magnitude of a value. Activations of GPT-2's features are below some hundreds, so this leaves any use room,
/// and its square times a width is still far from the end of f32.
pub const LARGEST_VALUE: f32 = 1e6;

/// A number that an edit may not hold.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ValueError {
    /// NaN or an infinity.
    #[error(
        "{0} is no finite number: it would make every activation behind the edit NaN, and every loss and token computed from them"
    )]
    NotFinite(f32),
    /// Beyond [`LARGEST_VALUE`].
    #[error(
        "{0} is beyond {LARGEST_VALUE} in magnitude: the model's f32 sums behind the edit would lose everything else or overflow"
    )]
    TooLarge(f32),
}

/// Refuses a value with which nothing sensible can be computed.
///
/// # Errors
/// [`ValueError`].
pub fn check_value(value: f32) -> Result<(), ValueError> {
    if !value.is_finite() {
        return Err(ValueError::NotFinite(value));
    }
    if value.abs() > LARGEST_VALUE {
        return Err(ValueError::TooLarge(value));
    }
    Ok(())
}
