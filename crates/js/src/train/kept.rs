//! What is kept of a training: the files of its checkpoint.

use serde_json::Value;
use train::checkpoint::{self, LOG, Source};
use train::{Error, Origin, Trainer};
use train_run::Line;
use wire::{ScannedFile, TrainRecord};

/// The file of the texts' tokens, which stays the same from checkpoint to checkpoint.
pub const TOKENS: &str = "tokens.bin";

/// The files of a checkpoint.
///
/// # Errors
/// As [`checkpoint::write`].
pub fn kept_files(
    trainer: &Trainer,
    origin: &Origin,
    source: &Source,
    log: &str,
) -> Result<Vec<ScannedFile>, Error> {
    let mut files = Vec::new();
    checkpoint::write(trainer, origin, source, |name, bytes| {
        files.push(ScannedFile {
            path: name.to_owned(),
            bytes: bytes.to_vec(),
        });
        Ok::<(), Error>(())
    })?;
    files.push(ScannedFile {
        path: LOG.to_owned(),
        bytes: log.as_bytes().to_vec(),
    });
    Ok(files)
}

/// A line of the log, as JavaScript gets it.
pub fn told(line: &Line) -> TrainRecord {
    let record = &line.record;
    TrainRecord {
        step: record.step,
        tokens: record.tokens,
        lr: record.lr,
        fvu: record.fvu,
        loss: record.loss,
        aux_loss: record.aux_loss,
        l0: record.l0,
        dead: record.dead,
        tokens_per_second: line.tokens_per_second,
        step_tokens_per_second: line.step_tokens_per_second,
    }
}

/// The same of a line that was read; None for one that is damaged.
pub fn record(line: Value) -> Option<TrainRecord> {
    let rate = |name: &str| line.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let (tokens_per_second, step_tokens_per_second) =
        (rate("tokens_per_second"), rate("step_tokens_per_second"));
    let record = serde_json::from_value(line).ok()?;
    Some(told(&Line {
        record,
        tokens_per_second,
        step_tokens_per_second,
    }))
}
