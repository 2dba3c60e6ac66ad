//! One's own words about a feature: favourite, label, note.

use web_sys::{HtmlInputElement, HtmlTextAreaElement};
use yew::prelude::*;

use crate::browser;
use crate::notes::store::{Store, use_notes};
use crate::notes::{OwnNote as Note, SetKey};

/// Most characters of a label.
const LABEL: &str = "200";

/// Most characters of a note.
const NOTE: &str = "20000";

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The set of the feature.
    pub key_of_set: SetKey,
    /// The feature.
    pub latent: u32,
}

/// The fields; what is typed is kept at once.
#[component]
pub fn OwnNote(props: &Props) -> Html {
    let context = use_notes();
    let asked = use_state(|| false);
    {
        let asked = asked.setter();
        use_effect_with((props.key_of_set.clone(), props.latent), move |_| {
            asked.set(false)
        });
    }
    let own = context
        .notes
        .get(&props.key_of_set.sha256, props.latent)
        .cloned();
    let kept = own.is_some();
    let own = own.unwrap_or_default();
    let put = {
        let (store, key, latent, own) = (
            context.store.clone(),
            props.key_of_set.clone(),
            props.latent,
            own.clone(),
        );
        move |change: &dyn Fn(&mut Note)| {
            let mut note = own.clone();
            change(&mut note);
            note.changed = Store::now();
            store.put(&key, latent, note);
        }
    };
    let star = {
        let put = put.clone();
        move |_: MouseEvent| put(&|note| note.favourite = !note.favourite)
    };
    let label = {
        let put = put.clone();
        move |event: InputEvent| {
            let text = event.target_unchecked_into::<HtmlInputElement>().value();
            put(&|note| note.label.clone_from(&text));
        }
    };
    let note = {
        let put = put.clone();
        move |event: InputEvent| {
            let text = event.target_unchecked_into::<HtmlTextAreaElement>().value();
            put(&|note| note.note.clone_from(&text));
        }
    };
    let delete = {
        let asked = asked.clone();
        move |_: MouseEvent| {
            browser::focus("#own-note-title");
            asked.set(false);
            put(&|note| *note = Note::default());
        }
    };
    let ask = |on: bool| {
        let asked = asked.clone();
        move |_: MouseEvent| asked.set(on)
    };
    html! {
        <section class="card own-note" aria-labelledby="own-note-title" data-testid="own-note">
            <div class="card-head">
                <h2 id="own-note-title" tabindex="-1">{ "Your label and note" }</h2>
                <button type="button" class="star" aria-pressed={own.favourite.to_string()} data-testid="own-favourite" onclick={star}>{ if own.favourite { "★ Favourite" } else { "☆ Favourite" } }</button>
            </div>
            <label class="field">{ "Label" }<input type="text" maxlength={LABEL} value={own.label.clone()} oninput={label} data-testid="own-label" autocomplete="off" /></label>
            <label class="field">{ "Note" }<textarea rows="3" maxlength={NOTE} value={own.note.clone()} oninput={note} data-testid="note-text" /></label>
            <p class="muted" role="status" data-testid="own-status">
                { match (&context.problem, kept) {
                    (Some(problem), _) => html! { <span class="bad">{ problem }{ " " }<button type="button" class="quiet" data-testid="own-retry" onclick={let store = context.store.clone(); move |_: MouseEvent| store.save()}>{ "Try again" }</button></span> },
                    (None, true) => html! { "Kept in this browser only." },
                    (None, false) => html! { "What you write is kept in this browser only." },
                } }
            </p>
            if kept && !*asked {
                <button type="button" class="quiet" data-testid="own-delete" onclick={ask(true)}>{ "Delete…" }</button>
            }
            if kept && *asked {
                <div class="question" role="group" aria-label="Delete?">
                    <p>{ format!("Delete what you keep about feature {}: favourite, label and note?", props.latent) }</p>
                    <button type="button" data-testid="own-delete-yes" onclick={delete}>{ "Delete" }</button>{ " " }
                    <button type="button" data-testid="own-delete-no" onclick={ask(false)}>{ "Keep" }</button>
                </div>
            }
        </section>
    }
}
