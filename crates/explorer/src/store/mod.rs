//! Loaded things: the model, and the feature sets attached to it.

pub(crate) mod feature_set;
pub(crate) mod hook_name;
pub(crate) mod load_model;
pub(crate) mod load_sae;
pub(crate) mod model;
mod model_name;
pub(crate) mod options;
mod orientation;
pub(crate) mod shelf;
