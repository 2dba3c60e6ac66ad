//! All of one's own notes: how many there are, export, import, deletion.

use gloo::file::callbacks::{FileReader, read_as_text};
use gloo::file::{Blob, File, ObjectUrl};
use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::browser;
use crate::context::use_controller;
use crate::format::{count, sentence};
use crate::notes::store::use_notes;
use crate::notes::{Import, MOST_BYTES, Notes, Writing, read, write};

/// Name of the file of an export.
const FILE: &str = "sae-explorer-notes.json";

/// A file that was chosen.
#[derive(Clone, PartialEq)]
enum Chosen {
    /// Its notes, before they are taken.
    Notes(Notes, Import),
    /// It has none, with the reason.
    Problem(String),
    /// They were taken: how many were new, and how many took the place of others.
    Done(String),
}

/// The section.
#[component]
pub fn OwnNotes() -> Html {
    let controller = use_controller();
    let context = use_notes();
    let chosen = use_state(|| None::<Chosen>);
    let asked = use_state(|| false);
    let reader = use_mut_ref(|| None::<FileReader>);
    let input = use_node_ref();
    let many = context.notes.count();
    let url = use_memo(context.notes.clone(), |notes| {
        ObjectUrl::from(Blob::new_with_options(
            write(notes).as_str(),
            Some("application/json"),
        ))
    });
    let copy = {
        let (controller, notes) = (controller.clone(), context.notes.clone());
        move |_: MouseEvent| controller.copy("your notes as JSON", write(&notes))
    };
    let choose = {
        let (chosen, reader, notes) = (chosen.clone(), reader.clone(), context.notes.clone());
        move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            let Some(file) = input.files().and_then(|files| files.get(0)).map(File::from) else {
                return;
            };
            // The same file may be chosen again.
            input.set_value("");
            if file.size() > MOST_BYTES as u64 {
                chosen.set(Some(Chosen::Problem(format!(
                    "{} is larger than a file of notes can be ({} MB).",
                    file.name(),
                    MOST_BYTES >> 20
                ))));
                return;
            }
            let (chosen, notes, name) = (chosen.clone(), notes.clone(), file.name());
            let task = read_as_text(&file, move |text| {
                let found = text
                    .map_err(|error| format!("{name} cannot be read: {error}."))
                    .and_then(|text| read(&text));
                chosen.set(Some(match found {
                    Ok(found) if found.count() == 0 => {
                        Chosen::Problem(format!("{name} has no notes in it."))
                    }
                    Ok(found) => {
                        let import = notes.compare(&found);
                        Chosen::Notes(found, import)
                    }
                    Err(why) => Chosen::Problem(sentence(&why)),
                }));
            });
            *reader.borrow_mut() = Some(task);
        }
    };
    let take = |writing: Writing| {
        let (chosen, context) = (chosen.clone(), context.clone());
        move |_: MouseEvent| {
            let Some(Chosen::Notes(file, _)) = &*chosen else {
                return;
            };
            let changes = context.notes.changes(file, writing);
            let taken = changes.len();
            context.store.put_all(
                changes
                    .into_iter()
                    .map(|(key, latent, note)| (key.clone(), latent, note.clone())),
            );
            browser::focus("#notes-title");
            chosen.set(Some(Chosen::Done(format!(
                "Took {} from the file.",
                count(taken, "note")
            ))));
        }
    };
    let forget = {
        let chosen = chosen.clone();
        move |_: MouseEvent| {
            browser::focus("#notes-title");
            chosen.set(None);
        }
    };
    let ask = |on: bool| {
        let asked = asked.clone();
        move |_: MouseEvent| asked.set(on)
    };
    let delete = {
        let (asked, store) = (asked.clone(), context.store.clone());
        move |_: MouseEvent| {
            browser::focus("#notes-title");
            asked.set(false);
            store.clear();
        }
    };
    let press = {
        let input = input.clone();
        move |_: MouseEvent| {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                input.click();
            }
        }
    };
    html! {
        <section class="card own-notes" aria-labelledby="notes-title" data-testid="own-notes">
            <div class="card-head">
                <h2 id="notes-title" tabindex="-1">{ "Your favourites, labels and notes" }</h2>
                if many > 0 {
                    <a class="button" href={url.to_string()} download={FILE} data-testid="notes-export">{ "Export file" }</a>
                    <button type="button" data-testid="notes-copy" onclick={copy}>{ "Copy JSON" }</button>
                }
                <button type="button" data-testid="notes-import-button" onclick={press}>{ "Import file" }</button>
                <input ref={input} type="file" accept=".json,application/json" hidden=true onchange={choose} data-testid="notes-import" aria-label="File of notes" />
                if many > 0 {
                    <button type="button" class="quiet" data-testid="notes-delete" onclick={ask(true)}>{ "Delete all…" }</button>
                }
            </div>
            <p class="muted" data-testid="notes-count">
                { if many == 0 { "None yet. A star in the table makes a favourite; a feature's page has room for a label and a note. They stay in this browser.".to_owned() } else { format!("About {}, in all sets. They are kept in this browser only, by the SHA-256 of the features, and go nowhere.", count(many, "feature")) } }
            </p>
            if let Some(problem) = &context.problem {
                <p class="error" role="alert" data-testid="notes-problem">{ problem }{ " " }<button type="button" class="quiet" onclick={let store = context.store.clone(); move |_: MouseEvent| store.save()}>{ "Try again" }</button></p>
            }
            if *asked {
                <div class="question" role="group" aria-label="Delete all?">
                    <p>{ format!("Delete what you keep about {}? Export it first if you may want it again.", count(many, "feature")) }</p>
                    <button type="button" data-testid="notes-delete-yes" onclick={delete}>{ "Delete all" }</button>{ " " }
                    <button type="button" onclick={ask(false)}>{ "Keep" }</button>
                </div>
            }
            <div role="status" data-testid="notes-outcome">
                { match &*chosen {
                    None => Html::default(),
                    Some(Chosen::Problem(why)) => html! { <p class="bad">{ why }</p> },
                    Some(Chosen::Done(text)) => html! { <p>{ text }</p> },
                    Some(Chosen::Notes(_, Import { new, same, different })) => html! {
                        <div class="question">
                            <p>{ format!("The file has notes about {} that you have none about, {} that say the same as yours, and {} that say something else.", count(*new, "feature"), same, different) }</p>
                            if *new + *different == 0 {
                                <button type="button" onclick={forget}>{ "Close" }</button>
                            } else {
                                <button type="button" data-testid="import-keep" onclick={take(Writing::Keep)}>{ if *different > 0 { "Take the new ones, keep mine" } else { "Take them" } }</button>{ " " }
                                if *different > 0 {
                                    <><button type="button" data-testid="import-replace" onclick={take(Writing::Replace)}>{ "Take the file's, also in place of mine" }</button>{ " " }</>
                                }
                                <button type="button" onclick={forget}>{ "Take none" }</button>
                            }
                        </div>
                    },
                } }
            </div>
        </section>
    }
}
