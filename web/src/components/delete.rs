//! A button that deletes after one question.

use yew::prelude::*;

/// Data of the button.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The question as assistive technology names it.
    pub label: &'static str,
    /// The question with what is to be known.
    pub question: String,
    /// Name of the button for tests; that of the answer ends in `-yes`.
    pub testid: &'static str,
    /// True where nothing can be deleted now.
    #[prop_or_default]
    pub disabled: bool,
    /// Receives the answer.
    pub onclick: Callback<MouseEvent>,
}

/// The button.
#[component]
pub fn Delete(props: &Props) -> Html {
    let asked = use_state(|| false);
    let ask = |on: bool| {
        let asked = asked.clone();
        move |_: MouseEvent| asked.set(on)
    };
    if !*asked {
        return html! { <button type="button" class="quiet" disabled={props.disabled} data-testid={props.testid} onclick={ask(true)}>{ "Delete…" }</button> };
    }
    html! {
        <span class="question" role="group" aria-label={props.label}>
            { format!("{} ", props.question) }
            <button type="button" data-testid={format!("{}-yes", props.testid)} onclick={props.onclick.clone()}>{ "Delete" }</button>{ " " }
            <button type="button" onclick={ask(false)}>{ "Keep" }</button>
        </span>
    }
}
