//! Atlases that a person has made here, in the browser's storage.

use ::atlas::files::{INDEX, all_files, decode_info};
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::engine::Fault;
use crate::js_value::{get, object};
use crate::state::scan::{OwnAtlas, index_of};

#[wasm_bindgen]
extern "C" {
    /// Of `own-atlases.js`; `boot.js` puts it on the global object.
    type OwnAtlases;

    #[wasm_bindgen(thread_local_v2, js_name = ownAtlases)]
    static STORE: OwnAtlases;

    #[wasm_bindgen(method)]
    fn list(this: &OwnAtlases) -> Promise;

    #[wasm_bindgen(method)]
    fn save(this: &OwnAtlases, id: &str, files: &JsValue) -> Promise;

    #[wasm_bindgen(method)]
    fn read(this: &OwnAtlases, address: &str) -> Promise;

    #[wasm_bindgen(method)]
    fn files(this: &OwnAtlases, id: &str) -> Promise;

    #[wasm_bindgen(method)]
    fn remove(this: &OwnAtlases, id: &str) -> Promise;
}

async fn answer(call: impl FnOnce(&OwnAtlases) -> Promise) -> Result<JsValue, String> {
    let promise = STORE.with(call);
    let answer = JsFuture::from(promise).await;
    answer.map_err(|error| Fault::from(error).message)
}

/// A file, by its address relative to the page.
///
/// # Errors
/// Why it cannot be had.
pub async fn read(address: &str) -> Result<Vec<u8>, String> {
    let bytes = answer(|store| store.read(address)).await;
    let bytes = bytes.map_err(|why| {
        format!("{address} is not to be had: {why} An atlas of one's own is in the browser that made it, until it is deleted there; scan the texts again, or choose another atlas.")
    })?;
    Ok(Uint8Array::new(&bytes).to_vec())
}

/// All atlases; those whose index cannot be read are left out.
///
/// # Errors
/// Why the browser's storage cannot be used.
pub async fn list() -> Result<Vec<OwnAtlas>, String> {
    let ids = answer(OwnAtlases::list).await?;
    let mut found = Vec::new();
    for id in Array::from(&ids).iter().filter_map(|id| id.as_string()) {
        let path = index_of(&id);
        if let Ok(bytes) = read(&path).await
            && let Ok(info) = decode_info(&path, &bytes)
        {
            found.push(OwnAtlas::of(id, &info));
        }
    }
    Ok(found)
}

/// Stores the files of an atlas, `[{path, bytes}]`, under the first digits of the SHA-256 of its index.
///
/// # Errors
/// Why they cannot be read or stored.
pub async fn save(files: &JsValue) -> Result<OwnAtlas, String> {
    let list = Array::from(files).to_vec();
    let is_index = |file: &&JsValue| {
        get(file, "path")
            .and_then(|path| path.as_string())
            .as_deref()
            == Some(INDEX)
    };
    let index = list
        .iter()
        .find(is_index)
        .and_then(|file| get(file, "bytes"));
    let index = index.map(|bytes| Uint8Array::new(&bytes).to_vec());
    let index = index.unwrap_or_default();
    let info = decode_info(INDEX, &index).map_err(|error| error.to_string())?;
    let hash = ::atlas::files::file_info(String::new(), &index).sha256;
    let id: String = hash.chars().take(12).collect();
    let stored = answer(|store| store.save(&id, files)).await;
    stored.map_err(|why| {
        format!("The atlas could not be kept in this browser: {why} Make room (Library, storage), and try again.")
    })?;
    Ok(OwnAtlas::of(id, &info))
}

/// Stores the atlas among the files of an archive, `[{path, bytes}]`: an index with everything that it names, in any folder. All of it
/// must be what the index says.
///
/// # Errors
/// What is missing or damaged, or why it cannot be stored.
pub async fn import(files: &JsValue) -> Result<OwnAtlas, String> {
    let read = |file: &JsValue| {
        let path = get(file, "path")?.as_string()?;
        Some((path, get(file, "bytes")?))
    };
    let files: Vec<(String, JsValue)> = Array::from(files)
        .iter()
        .filter_map(|file| read(&file))
        .collect();
    let folders = files.iter().filter_map(|(path, _)| {
        let folder = path.strip_suffix(INDEX)?;
        (folder.is_empty() || folder.ends_with('/')).then_some(folder)
    });
    // The outermost: an atlas may lie in a folder of the archive.
    let folder = folders.min_by_key(|folder| folder.len()).ok_or_else(|| {
        format!("The archive has no {INDEX}: it is none of an atlas. Choose a file that was exported here, or the folder of an atlas as a .zip.")
    })?;
    let bytes_of = |path: &str| {
        let whole = format!("{folder}{path}");
        let found = files.iter().find(|(one, _)| *one == whole);
        found.map(|(_, bytes)| bytes.clone())
    };
    let vec = |bytes: &JsValue| Uint8Array::new(bytes).to_vec();
    let index = bytes_of(INDEX).unwrap_or(JsValue::UNDEFINED);
    let info = decode_info(INDEX, &vec(&index)).map_err(|error| error.to_string())?;
    let kept = Array::new();
    for file in all_files(&info) {
        let bytes = bytes_of(&file.path).ok_or_else(|| {
            format!(
                "{INDEX} names {}, which the archive does not have. Export the atlas again.",
                file.path
            )
        })?;
        file.check(&vec(&bytes))
            .map_err(|error| error.to_string())?;
        kept.push(&object([
            ("path", file.path.as_str().into()),
            ("bytes", bytes),
        ]));
    }
    kept.push(&object([("path", INDEX.into()), ("bytes", index)]));
    save(&kept.into()).await
}

/// The files of an atlas, `[{path, bytes}]`.
///
/// # Errors
/// Why they cannot be read.
pub async fn files(id: &str) -> Result<JsValue, String> {
    answer(|store| store.files(id)).await
}

/// Removes an atlas.
///
/// # Errors
/// Why the browser's storage cannot be used.
pub async fn remove(id: &str) -> Result<(), String> {
    answer(|store| store.remove(id)).await.map(|_| ())
}
