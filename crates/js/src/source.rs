//! Files that JavaScript reads for the engine, a part at a time.

use std::cell::RefCell;
use std::rc::Rc;

use formats::source::{ByteSource, Bytes, Reading};
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::error::{message, unreadable};

#[wasm_bindgen]
extern "C" {
    /// `{name, size, pieces(offset, length): Promise<Uint8Array[]>}`: the bytes in one or several arrays, which are read at
    /// once and stay the source's.
    pub type Source;

    #[wasm_bindgen(method, getter)]
    fn name(this: &Source) -> String;

    #[wasm_bindgen(method, getter)]
    fn size(this: &Source) -> f64;

    #[wasm_bindgen(method, catch)]
    fn pieces(this: &Source, offset: f64, length: f64) -> Result<Promise, JsValue>;
}

/// The value that a source threw, for the call that it ends: it reaches the caller as it is.
#[derive(Clone, Default)]
pub struct Thrown(Rc<RefCell<Option<JsValue>>>);

impl Thrown {
    /// The value that a failed call rejects with: what its source threw, or else what the engine says.
    pub fn or(&self, refused: impl FnOnce() -> JsValue) -> JsValue {
        self.0.borrow_mut().take().unwrap_or_else(refused)
    }

    /// As [`Thrown::or`], for an error of the reader.
    pub fn or_unreadable(&self, error: formats::Error) -> JsValue {
        self.or(|| unreadable(error))
    }
}

/// A file behind a source.
struct File {
    name: String,
    size: u64,
    source: Source,
    thrown: Thrown,
}

/// The file behind a source. What the source throws is kept in `thrown`.
pub fn file(source: JsValue, thrown: &Thrown) -> Rc<dyn ByteSource> {
    let source: Source = source.unchecked_into();
    Rc::new(File {
        name: source.name(),
        // Sizes below 2^53 are exact; a NaN becomes 0.
        size: source.size() as u64,
        source,
        thrown: thrown.clone(),
    })
}

impl File {
    async fn part(&self, offset: u64, length: usize) -> Result<Bytes, JsValue> {
        let promise = self.source.pieces(offset as f64, length as f64)?;
        let pieces: Array = JsFuture::from(promise).await?.dyn_into()?;
        let mut bytes = Bytes::zeroed(length);
        let mut rest = &mut *bytes;
        for piece in pieces {
            let piece: Uint8Array = piece.dyn_into()?;
            let Some((part, after)) = rest.split_at_mut_checked(piece.length() as usize) else {
                return Err(wrong_length(length));
            };
            piece.copy_to(part);
            rest = after;
        }
        if rest.is_empty() {
            Ok(bytes)
        } else {
            Err(wrong_length(length))
        }
    }
}

fn wrong_length(length: usize) -> JsValue {
    js_sys::Error::new(&format!(
        "it did not give the {length} bytes that were requested"
    ))
    .into()
}

impl ByteSource for File {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, length: usize) -> Reading<'_> {
        Box::pin(async move {
            self.part(offset, length).await.map_err(|error| {
                let said = message(&error);
                *self.thrown.0.borrow_mut() = Some(error);
                said
            })
        })
    }
}
