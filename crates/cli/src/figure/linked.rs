//! Names that a link can hold.

use super::error::FigureError;
use crate::place::Place;

/// Something that a link cannot name, as it was given, and the reason.
pub struct Unlinkable(pub String, pub &'static str);

/// The name of a file or a folder by which others reach it as well.
pub fn linked(given: &str, place: &Place) -> Result<String, Unlinkable> {
    let unlinkable = |why| Unlinkable(given.to_owned(), why);
    let Place::Remote { address, .. } = place else {
        return Err(unlinkable("it is on this machine alone"));
    };
    let name = address.to_string();
    let is_secret = name.split_once("://").is_some_and(|(_, rest)| {
        let host = rest.split('/').next().unwrap_or_default();
        rest.contains('?') || host.contains('@')
    });
    if is_secret {
        return Err(unlinkable(
            "what stands behind `?`, and a name with a password, may be keys",
        ));
    }
    Ok(name)
}

impl From<&Unlinkable> for FigureError {
    fn from(Unlinkable(given, why): &Unlinkable) -> Self {
        Self::Unlinkable {
            given: given.clone(),
            why,
        }
    }
}
