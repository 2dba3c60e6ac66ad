//! Whether the page is dark: by the reader's system, unless the article that a figure stands in chose its colours.

use web_sys::MediaQueryList;
use wire::figure::Theme;

use crate::browser;

/// The query of systems that are dark.
const DARK: &str = "(prefers-color-scheme: dark)";

/// The browser's answer to a media query, which says when that changes.
pub fn media(query: &str) -> Option<MediaQueryList> {
    web_sys::window()?.match_media(query).ok()?
}

/// The reader's system; it says when it changes.
pub fn dark_media() -> Option<MediaQueryList> {
    media(DARK)
}

/// True on a dark page.
pub fn is_dark() -> bool {
    match browser::root_attribute("data-theme") {
        Some(theme) => theme == Theme::Dark.name(),
        None => dark_media().is_some_and(|media| media.matches()),
    }
}
