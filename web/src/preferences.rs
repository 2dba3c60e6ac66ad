//! Choices about the page itself, which this browser remembers.
//!
//! `gloo::storage` panics where a browser blocks storage, as it does in private windows and sandboxed frames; here a choice is
//! then remembered until the page is left.

use web_sys::Storage;

/// Key of [`single_keys`]; its value is `off` or nothing.
const SINGLE_KEYS: &str = "sae-explorer.single-keys";

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

/// True unless the person has switched keys of a single character off.
pub fn single_keys() -> bool {
    let stored = storage().and_then(|storage| storage.get_item(SINGLE_KEYS).ok().flatten());
    stored.as_deref() != Some("off")
}

/// Remembers whether keys of a single character are used.
pub fn set_single_keys(on: bool) {
    let Some(storage) = storage() else { return };
    // A full or blocked store keeps nothing.
    let _ = if on {
        storage.remove_item(SINGLE_KEYS)
    } else {
        storage.set_item(SINGLE_KEYS, "off")
    };
}
