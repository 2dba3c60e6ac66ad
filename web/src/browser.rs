//! Functions of the browser: address, history, focus, clipboard, files of the site and for the person.

use gloo::file::{Blob, ObjectUrl};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, Element, HtmlAnchorElement, HtmlElement, Window};

use crate::engine::Fault;
use crate::js_value::get;
use crate::library::pace::Pace;
use crate::state::History;

fn window() -> Option<Window> {
    web_sys::window()
}

/// The document.
pub fn document() -> Option<Document> {
    window()?.document()
}

/// The address from its `#` on, or nothing.
pub fn hash() -> String {
    window()
        .and_then(|window| window.location().hash().ok())
        .unwrap_or_default()
}

/// True if `index.html` shows the start page until the app is there; `guard.js` says where it does not.
pub fn shows_first_view() -> bool {
    root_attribute("data-first").is_none()
}

/// An attribute of the document's root.
pub fn root_attribute(name: &str) -> Option<String> {
    document()?.document_element()?.get_attribute(name)
}

/// True for a page in one file (`single-file-page.js`).
pub fn is_file() -> bool {
    root_attribute("data-files").is_some()
}

/// The whole address with another hash: the page's own may be a little behind what is on screen.
pub fn address(hash: &str) -> String {
    let href = window()
        .and_then(|window| window.location().href().ok())
        .unwrap_or_default();
    let page = href.split_once('#').map_or(href.as_str(), |(page, _)| page);
    format!("{page}{hash}")
}

/// The host that the page came from.
pub fn host() -> String {
    window()
        .and_then(|window| window.location().host().ok())
        .unwrap_or_default()
}

/// The value of a `?name=value` in the address, if it is one of those allowed.
pub fn query(name: &str, allowed: &[&'static str]) -> Option<&'static str> {
    let search = window()?.location().search().ok()?;
    let pairs = search.trim_start_matches('?').split('&');
    let value = pairs
        .filter_map(|pair| pair.split_once('='))
        .find(|pair| pair.0 == name)?
        .1;
    allowed.iter().copied().find(|&one| one == value)
}

/// Puts a new hash into the address. Nothing happens where it stands there already.
pub fn set_hash(new: &str, how: History) {
    if hash() == new {
        return;
    }
    let Some(history) = window().and_then(|window| window.history().ok()) else {
        return;
    };
    // Browsers refuse too many changes in a short time; the next change writes the whole state into the address anyway.
    let _ = match how {
        History::Push => history.push_state_with_url(&JsValue::NULL, "", Some(new)),
        History::Replace | History::ReplaceSoon => {
            history.replace_state_with_url(&JsValue::NULL, "", Some(new))
        }
    };
}

/// Sets an attribute of the body.
pub fn mark_body(name: &str, value: &str) {
    if let Some(body) = document().and_then(|document| document.body()) {
        // The names are the page's own, so they are valid.
        let _ = body.set_attribute(name, value);
    }
}

/// Sets the title of the window.
pub fn set_title(title: &str) {
    if let Some(document) = document() {
        document.set_title(title);
    }
}

/// The elements that a selector finds.
pub fn all(selector: &str) -> Vec<Element> {
    let Some(found) = document().and_then(|document| document.query_selector_all(selector).ok())
    else {
        return Vec::new();
    };
    (0..found.length())
        .filter_map(|at| found.get(at)?.dyn_into().ok())
        .collect()
}

/// Moves the focus to an element.
pub fn focus_on(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        // An element that takes no focus is left alone.
        let _ = element.focus();
    }
}

/// Goes to an address of the page, as a link does.
pub fn follow(hash: &str) {
    if let Some(window) = window() {
        // It fails in a frame that may not change its address; the page then stays where it is.
        let _ = window.location().set_hash(hash);
    }
}

/// Moves the focus to the first element that a selector finds.
pub fn focus(selector: &str) {
    let found = all(selector).into_iter().next();
    if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // An element that takes no focus is left alone.
        let _ = element.focus();
    }
}

/// Clicks the first element that a selector finds.
pub fn click(selector: &str) {
    let found = all(selector).into_iter().next();
    if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        element.click();
    }
}

/// True on a system whose keyboards have ⌘ where others have Ctrl.
pub fn is_apple() -> bool {
    let platform = window().and_then(|window| window.navigator().platform().ok());
    platform.is_some_and(|name| {
        ["Mac", "iPhone", "iPad"]
            .iter()
            .any(|one| name.starts_with(one))
    })
}

/// Puts text on the clipboard.
pub async fn copy(text: &str) -> Result<(), Fault> {
    let refused = || {
        Fault::own("The browser did not let the page write to the clipboard. Allow it, or open the page over https.".to_owned())
    };
    // Pages that are not secure have no clipboard, whatever the types say.
    let navigator = window().ok_or_else(refused)?.navigator();
    get(navigator.as_ref(), "clipboard").ok_or_else(refused)?;
    JsFuture::from(navigator.clipboard().write_text(text))
        .await
        .map_err(|_| refused())?;
    Ok(())
}

/// True if the browser offers WebGPU at all, and if not, why it may be.
pub fn webgpu_missing() -> Option<&'static str> {
    let window = window()?;
    if get(window.navigator().as_ref(), "gpu").is_some() {
        None
    } else if window.is_secure_context() {
        Some("this browser does not offer it")
    } else {
        Some("browsers offer it over https only")
    }
}

#[wasm_bindgen]
extern "C" {
    /// Of `boot.js`: a file of the site, which may have been requested before the app was there.
    #[wasm_bindgen(js_name = siteFile)]
    fn site_file(path: &str) -> js_sys::Promise;
}

/// The expected rate of a download: that of the last one in bytes per second, or what the browser states.
pub fn pace(measured: Option<f64>) -> Pace {
    Pace::of(measured, stated_rate())
}

/// The browser's estimate of the connection's rate, in Mbit/s, where it gives one.
fn stated_rate() -> Option<f64> {
    let connection = get(window()?.navigator().as_ref(), "connection")?;
    get(&connection, "downlink")?.as_f64()
}

/// The page on which a repository is published.
pub fn published(repository: &str) -> String {
    format!("https://huggingface.co/{repository}")
}

/// Reads a JSON file of the site.
pub async fn fetch_json(path: &str) -> Result<JsValue, Fault> {
    let json = fetch_file(path).await?.json();
    let failed = |_| unfetched(path, "it is not JSON");
    JsFuture::from(json.map_err(failed)?).await.map_err(failed)
}

/// Reads any file of the site.
pub async fn fetch_bytes(path: &str) -> Result<Vec<u8>, Fault> {
    let buffer = fetch_file(path).await?.array_buffer();
    let failed = |_| unfetched(path, "the connection broke");
    let buffer = JsFuture::from(buffer.map_err(failed)?)
        .await
        .map_err(failed)?;
    Ok(js_sys::Uint8Array::new(&buffer).to_vec())
}

async fn fetch_file(path: &str) -> Result<web_sys::Response, Fault> {
    let response = JsFuture::from(site_file(path))
        .await
        .map_err(|_| unfetched(path, "the server cannot be reached"))?;
    let response: web_sys::Response = response.unchecked_into();
    if !response.ok() {
        let why = format!("the server answered {}", response.status());
        return Err(unfetched(path, &why));
    }
    Ok(response)
}

fn unfetched(path: &str, why: &str) -> Fault {
    Fault {
        code: "network".to_owned(),
        message: format!("{path} could not be fetched: {why}."),
        too_long: None,
    }
}

/// A value that a script has made reachable, as a property of the window.
pub fn global(name: &str) -> Option<JsValue> {
    get(window()?.as_ref(), name)
}

/// Gives a zip file to the person.
///
/// # Errors
/// A sentence, where the browser makes no file.
pub async fn save_zip(bytes: &Uint8Array, name: &str) -> Result<(), String> {
    save_file(bytes, "application/zip", name).await
}

/// Gives a file to the person; `bytes` are all of their buffer.
///
/// # Errors
/// As [`save_zip`].
pub async fn save_file(bytes: &Uint8Array, kind: &str, name: &str) -> Result<(), String> {
    let blob = Blob::new_with_options(bytes.buffer(), Some(kind));
    let url = ObjectUrl::from(blob);
    let link = document()
        .and_then(|document| document.create_element("a").ok())
        .and_then(|element| element.dyn_into::<HtmlAnchorElement>().ok());
    let link = link.ok_or("The browser did not let the page make a file.")?;
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // The browser has taken it by then.
    wait(10_000).await;
    drop(url);
    Ok(())
}

/// Waits for some milliseconds.
pub async fn wait(milliseconds: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        if let Some(window) = window() {
            // It fails for no function and no number.
            let _ = window
                .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
        }
    });
    // A timeout does not fail.
    let _ = JsFuture::from(promise).await;
}

/// The time in milliseconds since 1970.
pub fn now() -> f64 {
    js_sys::Date::now()
}

/// Makes a value reachable for scripts, as a property of the window.
pub fn publish(name: &str, value: &JsValue) {
    if let Some(window) = window() {
        // The window takes any property.
        let _ = js_sys::Reflect::set(&window, &name.into(), value);
    }
}
