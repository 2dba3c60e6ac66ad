//! Event files as TensorBoard reads them: records of TFRecord, each an `Event` of `tensorflow/core/util/event.proto` in the wire
//! format of protocol buffers, of which a log of numbers needs four messages.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crc::{CRC_32_ISCSI, Crc};
use train_run::Line;

use crate::error::Error;

const CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The version of event files that TensorBoard knows.
const VERSION: &str = "brain.Event:2";

/// Types of fields in the wire format.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// An event file that is being written.
pub struct Events {
    path: PathBuf,
    file: File,
}

impl Events {
    /// A new file in a folder, which is made where it is not there. `from` is the step that a resumed training goes on from: TensorBoard
    /// then leaves out what older files in the folder say of later steps.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn new(folder: &Path, from: Option<u64>) -> Result<Self, Error> {
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Write { path, source }
        };
        fs::create_dir_all(folder).map_err(refused(folder))?;
        let now = now();
        let (path, file) = create(folder, now).map_err(refused(folder))?;
        let mut events = Self { path, file };
        events.write(&version(now))?;
        if let Some(step) = from {
            events.write(&restarted(now, step))?;
        }
        Ok(events)
    }

    /// Adds a line of the log.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn add_line(&mut self, line: &Line) -> Result<(), Error> {
        let record = &line.record;
        let mut values = vec![
            ("fvu", record.fvu),
            ("loss", record.loss),
            ("l0", record.l0),
            ("dead", record.dead),
            ("lr", record.lr),
            ("tokens", record.tokens as f64),
            ("tokens_per_second", line.tokens_per_second),
            ("step_tokens_per_second", line.step_tokens_per_second),
        ];
        values.extend(record.aux_loss.map(|loss| ("aux_loss", loss)));
        self.add(record.step, &values)
    }

    /// Adds numbers with their names, of a step.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn add(&mut self, step: u64, values: &[(&str, f64)]) -> Result<(), Error> {
        self.write(&scalars(now(), step, values))
    }

    fn write(&mut self, event: &[u8]) -> Result<(), Error> {
        let written = self.file.write_all(&framed(event));
        written.map_err(|source| Error::Write {
            path: self.path.clone(),
            source,
        })
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or(Duration::ZERO).as_secs_f64()
}

/// A file of a new name: TensorBoard reads all of a folder whose names hold `tfevents`, in the order of their names.
fn create(folder: &Path, now: f64) -> io::Result<(PathBuf, File)> {
    let seconds = now as u64;
    let mut number = 0;
    loop {
        let name = format!("events.out.tfevents.{seconds:010}.sae-explorer.{number}");
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            opened => return opened.map(|file| (path, file)),
        }
    }
}

/// A record: length, its checksum, contents, theirs.
fn framed(contents: &[u8]) -> Vec<u8> {
    let masked = |bytes: &[u8]| {
        let sum = CASTAGNOLI.checksum(bytes);
        sum.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
    };
    let length = (contents.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), contents, &masked(contents)].concat()
}

/// A message of protocol buffers.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u64, kind: u64) {
        self.number(field << 3 | kind);
    }

    fn varint(mut self, field: u64, value: u64) -> Self {
        // 0 is what a field has that is not there.
        if value != 0 {
            self.key(field, VARINT);
            self.number(value);
        }
        self
    }

    fn double(mut self, field: u64, value: f64) -> Self {
        self.key(field, FIXED64);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Of a choice between fields: it is there whatever its value.
    fn float(mut self, field: u64, value: f32) -> Self {
        self.key(field, FIXED32);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.key(field, BYTES);
        self.number(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }
}

/// The event that a file begins with.
fn version(time: f64) -> Vec<u8> {
    Message::default()
        .double(1, time)
        .bytes(3, VERSION.as_bytes())
        .0
}

/// The event of a run that begins again at a step (`SessionLog` with the status START).
fn restarted(time: f64, step: u64) -> Vec<u8> {
    let log = Message::default().varint(1, 1);
    Message::default()
        .double(1, time)
        .varint(2, step)
        .bytes(7, &log.0)
        .0
}

/// The event of numbers with their names.
fn scalars(time: f64, step: u64, values: &[(&str, f64)]) -> Vec<u8> {
    let mut summary = Message::default();
    for (tag, value) in values {
        let value = Message::default()
            .bytes(1, tag.as_bytes())
            .float(2, *value as f32);
        summary = summary.bytes(1, &value.0);
    }
    Message::default()
        .double(1, time)
        .varint(2, step)
        .bytes(5, &summary.0)
        .0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/reference/tensorboard_events.py` writes the same events with the package `tensorboard`.
    #[test]
    fn the_bytes_are_tensorboards() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/fixtures/train/tensorboard.tfevents");
        let time = 1_764_201_600.25;
        let events = [
            version(time),
            restarted(time, 300),
            scalars(time + 1.0, 0, &[("fvu", 0.0)]),
            scalars(
                time + 2.5,
                12_345_678_901,
                &[("fvu", 0.125), ("loss", 3.75e-7), ("tokens", 1e12)],
            ),
        ];
        let found = events.map(|event| framed(&event)).concat();
        assert_eq!(found, fs::read(path).unwrap());
    }
}
