//! Which file of one's own is meant.

use yew::prelude::*;

use crate::state::reference::OwnFile;

/// By what a file is known: `what` has the SHA-256 that the link names.
pub fn which_file(file: OwnFile<'_>, what: &str) -> Html {
    match file.sha256 {
        Some(hash) => {
            html! { <>{ format!("By its contents it is known: the SHA-256 of {what} is ") }<code class="hash" data-testid="wanted-hash">{ hash }</code>{ ". A file with another one is refused." }</> }
        }
        None => {
            html! { "The link does not say its SHA-256, so the file of that name is taken, whatever is in it." }
        }
    }
}
