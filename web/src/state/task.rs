//! Things to load, as data.

use crate::offers::Source;

/// Kinds of things that a task loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The demo: its model and its SAEs.
    Demo,
    /// A model; the SAEs of the one before go with it.
    Model,
    /// An SAE.
    Sae,
    /// The model behind a link.
    ModelLink,
    /// The SAE behind a link.
    SaeLink,
    /// The neurons of a hook point.
    Neurons,
}

/// One thing to load.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its kind.
    pub kind: Kind,
    /// Name for people.
    pub name: String,
    /// The id that it gets, as in the address.
    pub id: String,
    /// Its source.
    pub source: Source,
    /// Hook of an SAE, if one was chosen.
    pub hook: Option<String>,
    /// Size of its download in bytes, where that is known beforehand.
    pub bytes: Option<f64>,
    /// Id of the file of one's own that the address names, where this one may be it.
    pub wanted: Option<String>,
}

impl Task {
    /// True if it may bring what an address names as `id`.
    pub fn may_be(&self, id: &str) -> bool {
        self.id == id || self.wanted.as_deref() == Some(id)
    }
}
