//! The keys, and what each number means.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::modal::use_modal;
use crate::context::use_controller;
use crate::definitions::ALL;
use crate::preferences;
use crate::state::Action;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// True if it is open.
    pub open: bool,
    /// True if keys of a single character are used.
    pub single_keys: bool,
}

/// Keys with modifiers, and those that do something only where a token, a feature or the prompt has the focus.
const KEYS: [(&[&str], &str); 10] = [
    (
        &["Ctrl", "K"],
        "find a feature, an SAE, a command, an example; ⌘ K on a Mac",
    ),
    (
        &["Ctrl", "Enter"],
        "in the prompt: trace it now; ⌘ Enter on a Mac",
    ),
    (&["←", "→"], "the token to the left, to the right"),
    (
        &["↑", "↓"],
        "the feature above, the feature below, from a token or a feature",
    ),
    (
        &["Home", "End"],
        "the first token, the last one, from a token",
    ),
    (&["Enter"], "select, as a step that the back button undoes"),
    (
        &["←", "↓"],
        "in a table of layers or heads and tokens: the cell beside; Enter chooses it",
    ),
    (
        &["Tab"],
        "from one control to the next; with Shift to the one before",
    ),
    (
        &["Enter"],
        "on a dotted word: its definition, which Esc closes",
    ),
    (
        &["Esc"],
        "leave the prompt, close a definition or a dialog such as this list",
    ),
];

/// Keys of a single character, which can be switched off.
const SINGLE_KEYS: [(&str, &str); 6] = [
    ("/", "write in the prompt"),
    ("p", "pin the selected feature, or no longer"),
    ("j", "on the page of a feature: the next one, as →"),
    ("k", "the one before, as ←"),
    ("o", "go to the library: models, SAEs, files, neurons"),
    ("?", "open this list"),
];

/// The dialog.
#[component]
pub fn KeysDialog(props: &Props) -> Html {
    let controller = use_controller();
    let node = use_node_ref();
    let closed = use_modal(
        &node,
        props.open,
        controller.on(|()| Action::ShowKeys(false)),
    );
    let close = controller.on(|_: MouseEvent| Action::ShowKeys(false));
    let switch = controller.on(|event: Event| {
        let on = event.target_unchecked_into::<HtmlInputElement>().checked();
        preferences::set_single_keys(on);
        Action::UseSingleKeys(on)
    });
    html! {
        <dialog ref={node} oncancel={&closed} onclose={&closed} data-testid="keys-dialog" aria-labelledby="keys-title">
            <div class="card-head">
                <h2 id="keys-title">{ "Keys" }</h2>
                <button type="button" onclick={close}>{ "Close" }</button>
            </div>
            <dl class="keys">
                { for KEYS.iter().map(|(keys, what)| html! {
                    <div><dt>{ for keys.iter().map(|key| html! { <kbd>{ *key }</kbd> }) }</dt><dd>{ *what }</dd></div>
                }) }
            </dl>
            <label class="check single-keys"><input type="checkbox" data-testid="single-keys" checked={props.single_keys} onchange={switch} />{ "Use keys of a single character" }</label>
            <dl class={classes!("keys", (!props.single_keys).then_some("off"))}>
                { for SINGLE_KEYS.map(|(key, what)| html! { <div><dt><kbd>{ key }</kbd></dt><dd>{ what }</dd></div> }) }
            </dl>
            <h2>{ "What each word and number means" }</h2>
            <dl class="definitions">
                { for ALL.iter().map(|term| html! {
                    <div><dt>{ term.name }</dt><dd>{ term.definition }</dd></div>
                }) }
            </dl>
        </dialog>
    }
}
