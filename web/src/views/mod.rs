//! Calculations for the views of a prompt beside its list of features: layers × tokens, logit lens, attention.

pub mod axis;
pub mod curve;
pub mod layers;
pub mod lens;
pub mod pattern;
pub mod window;
