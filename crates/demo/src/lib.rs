//! The demo bundle (`web/demo`): its manifest, its files on a session's device, its making from a folder with a model and its
//! SAEs, and what the page shows before any weight has arrived: a recorded trace and a recorded run.

pub mod folder;
pub mod load;
pub mod manifest;
pub mod record;
mod relations;
pub mod replace;
pub mod run;
pub mod saes;
