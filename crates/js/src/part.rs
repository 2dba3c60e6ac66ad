//! Texts that JavaScript reads, part by part, while the engine runs.

use std::io::{self, Read};
use std::ops::Range;

use corpus::Corpus;
use js_sys::{Function, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::error::{fault, message};

/// A text's file.
struct Part {
    read: Function,
    index: usize,
    at: u64,
    size: u64,
}

/// A corpus of files, by their names and lengths in bytes. `read(file, offset, length)` gives a part of a file as a Uint8Array at once.
///
/// # Errors
/// `bad-corpus`.
pub fn corpus(
    files: Vec<(String, u64)>,
    text_field: Option<&str>,
    read: &Function,
) -> Result<Corpus, JsValue> {
    open(&files, 0..files.len(), text_field, read).map_err(unreadable)
}

/// The same of some of the files.
///
/// # Errors
/// Those of a corpus.
pub fn open(
    files: &[(String, u64)],
    range: Range<usize>,
    text_field: Option<&str>,
    read: &Function,
) -> Result<Corpus, corpus::Error> {
    let mut options = corpus::Options::default();
    if let Some(field) = text_field {
        field.clone_into(&mut options.text_field);
    }
    let first = range.start;
    let files = files[range].to_vec();
    let sizes: Vec<u64> = files.iter().map(|(_, bytes)| *bytes).collect();
    let read = read.clone();
    Corpus::of_readers(files, options, move |index| Part {
        read: read.clone(),
        index: first + index,
        at: 0,
        size: sizes.get(index).copied().unwrap_or(0),
    })
}

/// The reason of a call whose texts cannot be read.
pub fn unreadable(error: corpus::Error) -> JsValue {
    fault("bad-corpus", error, JsValue::UNDEFINED)
}

impl Read for Part {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = (self.size - self.at).min(into.len() as u64) as usize;
        if length == 0 {
            return Ok(0);
        }
        let (index, at, length) = (self.index as f64, self.at as f64, length as f64);
        let thrown = |error: JsValue| io::Error::other(message(&error));
        let undefined = &JsValue::UNDEFINED;
        let bytes = self
            .read
            .call3(undefined, &index.into(), &at.into(), &length.into());
        let bytes = bytes
            .map_err(thrown)?
            .dyn_into::<Uint8Array>()
            .map_err(thrown)?;
        let count = bytes.length() as usize;
        let part = into.get_mut(..count);
        let part = part.ok_or_else(|| io::Error::other("it gave more than was asked for"))?;
        bytes.copy_to(part);
        self.at += count as u64;
        Ok(count)
    }
}
