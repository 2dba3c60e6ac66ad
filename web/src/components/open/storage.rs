//! Files that the browser stores, so that the next visit needs no download.

use yew::prelude::*;

use super::row;
use crate::browser;
use crate::controller::Controller;
use crate::format::{bytes, folder, time_ago};
use crate::offers::{Storage, Stored};
use crate::state::{Remote, State};

/// The section.
pub fn storage(controller: &Controller, state: &State) -> Html {
    let storage = match &state.open.storage {
        Remote::Here(storage) => storage,
        Remote::Failed(message) => return html! { <p class="error" role="alert">{ message }</p> },
        Remote::Idle | Remote::Waiting => {
            return html! { <p class="muted">{ "Asking the browser…" }</p> };
        }
    };
    if !storage.available {
        return html! { <p>{ format!("The browser keeps nothing for this page ({}). Models are downloaded again on each visit.", storage.reason) }</p> };
    }
    let Storage { entries, .. } = &**storage;
    let delete = |key: &str| {
        let (controller, key) = (controller.clone(), key.to_owned());
        move |_: MouseEvent| controller.delete_stored(&key)
    };
    let persist = {
        let controller = controller.clone();
        move |_| controller.persist()
    };
    html! {
        <>
            <div class="line">
                <span>{ usage(storage) }</span>
                if storage.persisted {
                    <span>{ "The browser keeps it even when space is short." }</span>
                } else {
                    <span>{ "When space is short, the browser may delete it." }</span>
                    <button type="button" class="quiet" onclick={persist}>{ "Ask it to keep it" }</button>
                }
            </div>
            <ul class="rows" data-testid="stored">
                { for entries.iter().map(|entry| row(
                    html! { <span title={entry.url.clone()}>{ &entry.name }</span> },
                    html! { about(entry) },
                    html! { <button type="button" class="quiet" aria-label={format!("Delete {}", entry.name)} onclick={delete(&entry.key)}>{ "Delete" }</button> },
                )) }
            </ul>
            if entries.is_empty() {
                <p class="muted">{ "Nothing is stored." }</p>
            } else {
                <button type="button" data-testid="delete-all" onclick={delete("all")}>{ "Delete all" }</button>
            }
        </>
    }
}

fn usage(storage: &Storage) -> String {
    match (storage.usage_bytes, storage.quota_bytes) {
        (Some(usage), Some(quota)) => {
            format!(
                "{} used of the {} that the browser allows.",
                bytes(usage),
                bytes(quota)
            )
        }
        _ => "The browser does not say how much it allows.".to_owned(),
    }
}

/// Stored bytes and their time, and the commit that distinguishes it from another model's file of the same name.
fn about(entry: &Stored) -> String {
    let all = bytes(entry.bytes);
    let here = match (entry.complete, entry.verified) {
        (true, true) => format!("{all} · complete · SHA-256 verified"),
        (true, false) => format!("{all} · complete"),
        (false, _) => format!(
            "{} of {all}: loading it again goes on from there",
            bytes(entry.stored_bytes)
        ),
    };
    let ago = time_ago((browser::now() - entry.used_at) / 1000.0);
    format!("{here} · last used {ago} · from {}", folder(&entry.url))
}
