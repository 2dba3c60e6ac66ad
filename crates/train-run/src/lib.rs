//! A training over texts, as the program and the page run it: [`Harvest`] cuts a corpus into windows and computes their activations at a
//! hook, [`Run`] goes through blocks and steps, [`Line`] is a line of the log, and [`Estimate`] says beforehand what it would take.
//! Storing checkpoints and showing progress are left to the caller.

mod advice;
mod error;
mod harvest;
mod run;
mod windows;

pub use advice::advice;
pub use error::Error;
pub use harvest::{Harvest, HarvestOptions};
pub use run::{Activations, Estimate, Line, Run, SAMPLE, Seconds};
pub use windows::{SHORTEST, Windows, context, without_bos};
