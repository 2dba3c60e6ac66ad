//! Whether the page is dark: by the reader's system, unless the article that a figure stands in chose its colours.

use gloo::events::EventListener;
use web_sys::MediaQueryList;
use wire::figure::Theme;
use yew::prelude::*;

use crate::browser;

/// The query of systems that are dark.
const DARK: &str = "(prefers-color-scheme: dark)";

/// The browser's answer to a media query, which says when that changes.
pub fn media(query: &str) -> Option<MediaQueryList> {
    web_sys::window()?.match_media(query).ok()?
}

/// The reader's system; it says when it changes.
fn dark_media() -> Option<MediaQueryList> {
    media(DARK)
}

/// Follows what a media query decides.
#[hook]
pub fn use_media(query: fn() -> Option<MediaQueryList>, value: fn() -> bool) -> bool {
    let state = use_state(value);
    let setter = state.setter();
    use_effect_with((), move |()| {
        let listener =
            query().map(|media| EventListener::new(&media, "change", move |_| setter.set(value())));
        move || drop(listener)
    });
    *state
}

/// True on a dark page, and followed.
#[hook]
pub fn use_dark() -> bool {
    use_media(dark_media, is_dark)
}

/// True on a dark page.
fn is_dark() -> bool {
    match browser::root_attribute("data-theme") {
        Some(theme) => theme == Theme::Dark.name(),
        None => dark_media().is_some_and(|media| media.matches()),
    }
}
