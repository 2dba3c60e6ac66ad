//! SAEDashboard's features as it writes them for Neuronpedia: batches of features, tokens as texts.

mod read;
mod write;

pub(crate) use read::read;
pub(crate) use write::dense;
pub use write::{BATCH, export, file_name};
