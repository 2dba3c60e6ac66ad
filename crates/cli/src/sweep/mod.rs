//! `sweep`: one feature's value moved, or a grid of trainings.

pub mod args;
mod grid;
mod law;
mod plot;
mod report;
mod value;

use args::Sweep;

use crate::error::Error;

/// Sweeps: with `--latents` a grid of trainings, else one feature's value. False where it was stopped before its end.
pub async fn sweep(arguments: &Sweep) -> Result<bool, Error> {
    match &arguments.value.edit_target {
        Some(target) => {
            value::of_value(&arguments.common, &arguments.value, target).await?;
            Ok(true)
        }
        // The parser asks for one of the two.
        None => grid::of_trainings(&arguments.common, &arguments.grid).await,
    }
}
