//! Files that the browser stores, by model, so that the next visit needs no download.

use yew::prelude::*;

use super::parts::{ActionButton, row};
use crate::browser;
use crate::context::use_controller;
use crate::format::{bytes, count, folder, time_ago};
use crate::library::stored::{Group, by_model, name_of};
use crate::offers::{Catalogue, Storage, Stored};
use crate::shared::Shared;
use crate::state::Remote;
use crate::state::load::{Deletion, LoadAction};
use crate::state::offline::Offline;

/// Selector of the section's heading, which takes the focus of what is deleted.
const HOME: &str = "#storage-title";

/// Key that stands for all stored files.
const ALL: &str = "all";

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The stored files.
    pub storage: Remote<Shared<Storage>>,
    /// The catalogue, for their names.
    pub catalogue: Remote<Shared<Catalogue>>,
    /// The files about which the person is asked.
    pub deletion: Option<Deletion>,
    /// Use without a network.
    pub offline: Offline,
}

/// The section.
#[component]
pub fn StorageSection(props: &Props) -> Html {
    let inside = match &props.storage {
        Remote::Here(storage) if storage.available => html! {
            <Shelves storage={storage.clone()} catalogue={catalogue_of(&props.catalogue)} deletion={props.deletion.clone()} />
        },
        Remote::Here(storage) => {
            html! { <p>{ format!("The browser keeps nothing for this page ({}). Models are downloaded again on each visit.", storage.reason) }</p> }
        }
        Remote::Failed(message) => html! { <p class="error" role="alert">{ message }</p> },
        Remote::Idle | Remote::Waiting => {
            html! { <p class="muted" role="status">{ "Asking the browser…" }</p> }
        }
    };
    let storage = match &props.storage {
        Remote::Here(storage) => Some(&**storage),
        _ => None,
    };
    html! {
        <section class="card" aria-labelledby="storage-title" data-testid="storage">
            <h2 id="storage-title" tabindex="-1">{ "Stored in this browser" }</h2>
            <p role="status" data-testid="offline" data-offline={props.offline.word(storage)}>{ props.offline.sentence(storage) }</p>
            { inside }
        </section>
    }
}

fn catalogue_of(catalogue: &Remote<Shared<Catalogue>>) -> Option<Shared<Catalogue>> {
    match catalogue {
        Remote::Here(catalogue) => Some(catalogue.clone()),
        _ => None,
    }
}

#[derive(Clone, PartialEq, Properties)]
struct ShelvesProps {
    storage: Shared<Storage>,
    catalogue: Option<Shared<Catalogue>>,
    deletion: Option<Deletion>,
}

#[component]
fn Shelves(props: &ShelvesProps) -> Html {
    let controller = use_controller();
    let ShelvesProps {
        storage, catalogue, ..
    } = props;
    let groups = by_model(&storage.entries, catalogue.as_deref());
    let all: f64 = groups.iter().map(Group::bytes).sum();
    let what = format!("{}, {}", count(storage.entries.len(), "file"), bytes(all));
    html! {
        <>
            <div class="line">
                <span>{ usage(storage) }</span>
                if storage.persisted {
                    <span>{ "The browser keeps it even when space is short." }</span>
                } else {
                    <span>{ "When space is short, the browser may delete it." }</span>
                    <ActionButton class={classes!("quiet")} onclick={move |()| controller.persist()}>{ "Ask it to keep it" }</ActionButton>
                }
            </div>
            { for groups.iter().map(|group| html! {
                <Shelf group={group.clone()} catalogue={catalogue.clone()} asked={props.deletion == Some(Deletion::Of(group.model.clone()))} />
            }) }
            if storage.entries.is_empty() {
                <p class="muted">{ "Nothing is stored." }</p>
            } else {
                <Delete name="Delete all…" testid="delete-all" deletion={Deletion::All} asked={props.deletion == Some(Deletion::All)} {what} keys={vec![ALL.to_owned()]} />
            }
        </>
    }
}

#[derive(Clone, PartialEq, Properties)]
struct ShelfProps {
    group: Group,
    catalogue: Option<Shared<Catalogue>>,
    asked: bool,
}

/// The files of one model.
#[component]
fn Shelf(props: &ShelfProps) -> Html {
    let ShelfProps {
        group, catalogue, ..
    } = props;
    let keys: Vec<_> = group.files.iter().map(|file| file.key.clone()).collect();
    let what = format!(
        "{} of {}, {}",
        group.what(),
        group.name,
        bytes(group.bytes())
    );
    html! {
        <section class="shelf" aria-label={format!("Stored: {}", group.name)} data-testid="shelf" data-model={group.model.clone()}>
            <details>
                <summary><b>{ &group.name }</b>{ " " }<span class="muted">{ format!("{} · {} · {}", group.what(), count(group.files.len(), "file"), bytes(group.bytes())) }</span></summary>
                <ul class="rows" data-testid="stored">
                    { for group.files.iter().map(|file| html! { <File key={file.key.clone()} file={file.clone()} name={name_of(file, catalogue.as_deref())} /> }) }
                </ul>
            </details>
            <Delete name="Delete…" label={format!("Delete what is stored of {}…", group.name)} deletion={Deletion::Of(group.model.clone())} asked={props.asked} {what} {keys} />
        </section>
    }
}

#[derive(Clone, PartialEq, Properties)]
struct FileProps {
    file: Stored,
    name: String,
}

#[component]
fn File(props: &FileProps) -> Html {
    let controller = use_controller();
    let FileProps { file, name } = props;
    let onclick = {
        let key = file.key.clone();
        move |()| {
            browser::focus(HOME);
            controller.delete_stored(vec![key.clone()]);
        }
    };
    row(
        html! { <span title={file.url.clone()}>{ name }</span> },
        html! { about(file) },
        html! { <ActionButton class={classes!("quiet")} label={format!("Delete {name}")} {onclick}>{ "Delete" }</ActionButton> },
    )
}

#[derive(Clone, PartialEq, Properties)]
struct DeleteProps {
    name: &'static str,
    #[prop_or_default]
    testid: Option<&'static str>,
    #[prop_or_default]
    label: Option<String>,
    /// What is deleted, as the state names it and in words.
    deletion: Deletion,
    what: String,
    /// Keys of its files.
    keys: Vec<String>,
    /// True if the person is being asked.
    asked: bool,
}

/// A button that asks before it deletes.
#[component]
fn Delete(props: &DeleteProps) -> Html {
    let controller = use_controller();
    let ask = {
        let (controller, deletion) = (controller.clone(), props.deletion.clone());
        let next = (!props.asked).then_some(deletion);
        move |()| controller.dispatch_load(LoadAction::Delete(next.clone()))
    };
    let delete = {
        let (controller, keys) = (controller.clone(), props.keys.clone());
        move |()| {
            browser::focus(HOME);
            controller.delete_stored(keys.clone());
        }
    };
    let keep = move |()| {
        browser::focus(HOME);
        controller.dispatch_load(LoadAction::Delete(None));
    };
    html! {
        <div class="delete">
            <ActionButton testid={props.testid} class={classes!("quiet")} label={props.label.clone()} onclick={ask}>{ props.name }</ActionButton>
            if props.asked {
                <div class="question" data-testid="delete-question">
                    <p role="status">{ format!("Delete {}? What is on the device stays there; the next visit downloads it again.", props.what) }</p>
                    <div class="controls">
                        <ActionButton testid="delete-confirmed" onclick={delete}>{ "Delete" }</ActionButton>
                        <ActionButton class={classes!("quiet")} onclick={keep}>{ "Keep" }</ActionButton>
                    </div>
                </div>
            }
        </div>
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

/// Stored bytes and their time, and the folder, which distinguishes it from another model's file of the same name.
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
