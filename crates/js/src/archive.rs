//! Several files as one zip file, for a person to keep.

use std::io::{Cursor, Write as _};

use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::{bad_option, fault};

/// A zip file of `files`, `[{path, bytes}]`, not compressed: what is in an atlas is compressed already.
///
/// # Errors
/// `bad-option`, `internal`.
#[wasm_bindgen]
pub fn archive(files: Array) -> Result<Uint8Array, JsValue> {
    let failed = |error: String| fault("internal", error, JsValue::UNDEFINED);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for file in files {
        let path = Reflect::get(&file, &"path".into())?.as_string();
        let bytes = Reflect::get(&file, &"bytes".into())?.dyn_into::<Uint8Array>();
        let (Some(path), Ok(bytes)) = (path, bytes) else {
            return Err(bad_option(
                "files",
                "each has a path and bytes, a Uint8Array",
            ));
        };
        let begun = zip.start_file(path, options);
        begun.map_err(|error| failed(error.to_string()))?;
        let written = zip.write_all(&bytes.to_vec());
        written.map_err(|error| failed(error.to_string()))?;
    }
    let done = zip.finish().map_err(|error| failed(error.to_string()))?;
    Ok(Uint8Array::from(done.into_inner().as_slice()))
}
