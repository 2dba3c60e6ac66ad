//! Options of every training that say how often something is kept of it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

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

impl Keeping {
    /// When checkpoints of a training are due, which is at a step and goes on now.
    pub fn checkpoints(&self, step: u64) -> Checkpoints {
        let every = Duration::try_from_secs_f64(self.checkpoint * 60.0);
        Checkpoints {
            every: every.unwrap_or(Duration::MAX),
            every_steps: self.checkpoint_steps,
            last: (Instant::now(), step),
        }
    }
}

/// When checkpoints of a training are due.
pub struct Checkpoints {
    every: Duration,
    every_steps: Option<u64>,
    /// The last one: when it was written, and its step.
    last: (Instant, u64),
}

impl Checkpoints {
    /// True if one is due after a step.
    pub fn is_due(&self, step: u64) -> bool {
        let steps = self.every_steps;
        steps.is_some_and(|steps| step.is_multiple_of(steps.max(1)))
            || self.last.0.elapsed() >= self.every
    }

    /// True if the last one is not of this step.
    pub fn lacks(&self, step: u64) -> bool {
        self.last.1 != step
    }

    /// One was written.
    pub fn saved(&mut self, step: u64) {
        self.last = (Instant::now(), step);
    }
}
