//! The keys, and what each number means.

use web_sys::HtmlDialogElement;
use yew::prelude::*;

use crate::components::term::definition_id;
use crate::context::use_controller;
use crate::definitions::ALL;
use crate::state::Action;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// True if it is open.
    pub open: bool,
}

const KEYS: [(&[&str], &str); 9] = [
    (&["←", "→"], "the token before, the token after"),
    (
        &["↑", "↓"],
        "the feature above, the feature below, from a token or a feature",
    ),
    (
        &["Home", "End"],
        "the first token, the last one, from a token",
    ),
    (&["Enter"], "select, as a step that the back button undoes"),
    (&["/"], "write in the prompt"),
    (&["Esc"], "leave the prompt, close this list"),
    (&["p"], "pin the selected feature, or no longer"),
    (&["o"], "open a model, an SAE, neurons"),
    (&["Ctrl", "Enter"], "in the prompt: trace it now"),
];

/// A modal dialog: the browser keeps the focus in it and closes it on Escape.
#[component]
pub fn KeysDialog(props: &Props) -> Html {
    let controller = use_controller();
    let node = use_node_ref();
    let dialog = node.clone();
    use_effect_with(props.open, move |&open| {
        if let Some(dialog) = dialog.cast::<HtmlDialogElement>() {
            if open && !dialog.open() {
                // It fails only for a dialog that is not in the page.
                let _ = dialog.show_modal();
            } else if !open && dialog.open() {
                dialog.close();
            }
        }
    });
    let close = controller.on(|_: MouseEvent| Action::ShowKeys(false));
    let onclose = controller.on(|_: Event| Action::ShowKeys(false));
    html! {
        <dialog ref={node} {onclose} data-testid="keys-dialog" aria-labelledby="keys-title">
            <div class="card-head">
                <h2 id="keys-title">{ "Keys" }</h2>
                <button type="button" onclick={close}>{ "Close" }</button>
            </div>
            <dl class="keys">
                { for KEYS.iter().map(|(keys, what)| html! {
                    <div><dt>{ for keys.iter().map(|key| html! { <kbd>{ *key }</kbd> }) }</dt><dd>{ *what }</dd></div>
                }) }
                <div><dt><kbd>{ "?" }</kbd></dt><dd>{ "open this list" }</dd></div>
            </dl>
            <h2>{ "What each number means" }</h2>
            <dl class="definitions">
                { for ALL.iter().map(|term| html! {
                    <div><dt>{ term.name }</dt><dd id={definition_id(term)}>{ term.definition }</dd></div>
                }) }
            </dl>
        </dialog>
    }
}
