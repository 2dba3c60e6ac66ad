//! Options of every training that say how often something is kept of it.

use std::path::PathBuf;

/// How often a training is saved and logged.
#[derive(Debug, clap::Args)]
pub struct Keeping {
    /// Save a checkpoint so often that no more than so many minutes are lost
    #[arg(long, value_name = "MINUTES", default_value_t = 5.0)]
    pub checkpoint: f64,

    /// Save a checkpoint after so many steps as well
    #[arg(long, value_name = "N")]
    pub checkpoint_steps: Option<u64>,

    /// A folder for TensorBoard: the numbers of log.jsonl are written there as event files as well
    #[arg(long, value_name = "DIR", conflicts_with = "dry_run")]
    pub tensorboard: Option<PathBuf>,

    /// Steps per line of log.jsonl
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub log_steps: u64,
}
