//! Several files as one zip file, for a person to keep, and out of it again.

use std::io::{Cursor, Read as _, Write as _};

use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wire::ScannedFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::error::{answer, bad_option, fault};

/// Most files that are taken out of an archive; an atlas of 131,072 features in shards of 64 has fewer.
const MOST_FILES: usize = 20_000;
/// Most bytes that they may have together: what a browser can hold.
const MOST_BYTES: u64 = 1 << 30;

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

/// The files of a zip file, `[{path, bytes}]`, stored or deflated. Folders, and names that lead out of the archive, are left out.
///
/// # Errors
/// `bad-file` for what is no zip file, is damaged, or holds more than can be taken in.
#[wasm_bindgen]
pub fn unarchive(bytes: &[u8]) -> Result<Array, JsValue> {
    let failed = |why: String| fault("bad-file", why, JsValue::UNDEFINED);
    let damaged = |error: &dyn std::fmt::Display| {
        failed(format!(
            "The archive cannot be read: {error}. Export it again, or download it again."
        ))
    };
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    if zip.len() > MOST_FILES {
        return Err(failed(format!(
            "The archive holds {} files, and at most {MOST_FILES} are taken.",
            zip.len()
        )));
    }
    let files = Array::new();
    let mut left = MOST_BYTES;
    for index in 0..zip.len() {
        let file = zip.by_index(index).map_err(|error| damaged(&error))?;
        let name = file.enclosed_name();
        let name = name.as_deref().and_then(std::path::Path::to_str);
        let Some(name) = name
            .map(|name| name.replace('\\', "/"))
            .filter(|_| file.is_file())
        else {
            continue;
        };
        // What a header says of the length is believed only as far as there is room.
        let mut content = Vec::new();
        let read = file.take(left + 1).read_to_end(&mut content);
        read.map_err(|error| damaged(&error))?;
        left = left.checked_sub(content.len() as u64).ok_or_else(|| {
            failed(format!(
                "The files of the archive have more than {MOST_BYTES} bytes, which a browser cannot hold."
            ))
        })?;
        files.push(&answer(&ScannedFile {
            path: name,
            bytes: content,
        })?);
    }
    Ok(files)
}
