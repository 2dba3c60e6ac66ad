//! Small parts that several sections of the library share.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::components::select::{Select, options};
use crate::context::use_controller;
use crate::state::load::{Field, LoadAction};
use crate::state::task::Task;

/// A button that keeps the focus while it is busy: one that is disabled would lose it.
#[derive(Clone, PartialEq, Properties)]
pub struct ActionProps {
    /// Text.
    pub children: Html,
    /// Name for tests.
    #[prop_or_default]
    pub testid: Option<&'static str>,
    /// Name for screen readers, where the text alone says too little.
    #[prop_or_default]
    pub label: Option<String>,
    /// Class.
    #[prop_or_default]
    pub class: Classes,
    /// True while it does nothing, because something is under way.
    #[prop_or_default]
    pub busy: bool,
    /// True where it can do nothing.
    #[prop_or_default]
    pub blocked: bool,
    /// Called when it is pressed and not busy.
    pub onclick: Callback<()>,
}

/// The button.
#[component]
pub fn ActionButton(props: &ActionProps) -> Html {
    let (busy, onclick) = (props.busy, props.onclick.clone());
    let onclick = move |_: MouseEvent| {
        if !busy {
            onclick.emit(());
        }
    };
    html! {
        <button type="button" class={props.class.clone()} data-testid={props.testid} aria-label={props.label.clone()}
            disabled={props.blocked} aria-disabled={busy.then_some("true")} {onclick}>{ props.children.clone() }</button>
    }
}

/// Things that a button loads one after the other.
#[derive(Clone, PartialEq, Properties)]
pub struct LoadProps {
    /// The things.
    pub tasks: Vec<Task>,
    /// Format of the weights on the device.
    pub weights: String,
    /// Text.
    #[prop_or("Load")]
    pub name: &'static str,
    /// True while something else is being loaded.
    pub busy: bool,
    /// True where they cannot be loaded.
    #[prop_or_default]
    pub blocked: bool,
    /// Name for screen readers, where the text alone says too little.
    #[prop_or_default]
    pub label: Option<String>,
}

/// The button.
#[component]
pub fn Load(props: &LoadProps) -> Html {
    let controller = use_controller();
    let (tasks, weights) = (props.tasks.clone(), props.weights.clone());
    let onclick = move |()| controller.run(tasks.clone(), &weights, None);
    html! {
        <ActionButton testid="load" label={props.label.clone()} busy={props.busy} blocked={props.blocked} {onclick}>{ props.name }</ActionButton>
    }
}

/// A row of a list: its name, a description, and what can be done.
pub fn row(name: Html, about: Html, action: Html) -> Html {
    html! { <li class="row"><div><b>{ name }</b><p class="muted">{ about }</p></div><div class="controls">{ action }</div></li> }
}

/// A text field whose content is part of the state.
#[derive(Clone, PartialEq, Properties)]
pub struct TextFieldProps {
    /// The field.
    pub field: Field,
    /// Its label.
    pub label: &'static str,
    /// An example.
    pub placeholder: &'static str,
    /// Its content.
    pub value: String,
}

/// The field.
#[component]
pub fn TextField(props: &TextFieldProps) -> Html {
    let field = props.field;
    let oninput = use_controller().on_load(move |event: InputEvent| {
        let input = event.target_unchecked_into::<HtmlInputElement>();
        LoadAction::Field(field, input.value())
    });
    html! {
        <label class="wide">{ props.label }<input type="text" spellcheck="false" autocomplete="off" placeholder={props.placeholder} value={props.value.clone()} {oninput} /></label>
    }
}

/// A list of choices.
#[derive(Clone, PartialEq, Properties)]
pub struct ChoicesProps {
    /// Name for screen readers.
    pub label: &'static str,
    /// Values with their names.
    pub values: Vec<(String, String)>,
    /// The current value.
    pub now: String,
    /// Receives a value that was chosen.
    pub chosen: Callback<String>,
}

/// The list.
#[component]
pub fn Choices(props: &ChoicesProps) -> Html {
    let options = options(props.values.iter().cloned());
    html! { <Select label={props.label} value={props.now.clone()} {options} onchange={props.chosen.clone()} /> }
}
