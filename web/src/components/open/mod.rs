//! The dialog in which models, SAEs and neurons are chosen, and what is stored is seen.

mod catalogue;
mod found;
mod loaded;
mod neurons;
mod storage;

use web_sys::{HtmlDialogElement, HtmlInputElement};
use yew::prelude::*;

use crate::controller::Controller;
use crate::offers::Fits;
use crate::shell::progress::{BrokenBanner, Progress};
use crate::state::State;
use crate::state::load::{Field, LoadAction, Section, Task};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Receiver of the actions.
    pub controller: Controller,
    /// The whole state.
    pub state: State,
}

/// A modal dialog: the browser keeps the focus in it and closes it on Escape.
#[component]
pub fn OpenDialog(props: &Props) -> Html {
    let Props { controller, state } = props;
    let node = use_node_ref();
    let dialog = node.clone();
    use_effect_with(state.open.section.is_some(), move |&open| {
        if let Some(dialog) = dialog.cast::<HtmlDialogElement>() {
            if open && !dialog.open() {
                // It fails only for a dialog that is not in the page.
                let _ = dialog.show_modal();
            } else if !open && dialog.open() {
                dialog.close();
            }
        }
    });
    let onclose = controller.on_load(|_: Event| LoadAction::Open(None));
    let inside = state
        .open
        .section
        .map(|section| inside(controller, state, section));
    html! {
        <dialog ref={node} class="open" {onclose} data-testid="open-dialog" aria-labelledby="open-title">
            { for inside }
        </dialog>
    }
}

fn inside(controller: &Controller, state: &State, section: Section) -> Html {
    html! {
        <>
            <div class="card-head">
                <h2 id="open-title">{ "Open a model, an SAE, or neurons" }</h2>
                <button type="button" onclick={controller.on_load(|_: MouseEvent| LoadAction::Open(None))}>{ "Close" }</button>
            </div>
            <Progress job={state.job.clone()} meter={state.meter.clone()} phase={state.phase.clone()} first={false} />
            <BrokenBanner broken={state.broken.clone()} weights={state.open.weights().to_owned()} />
            { sections(controller, state, section) }
        </>
    }
}

/// The places to load from, one of them open, and what is loaded.
pub fn sections(controller: &Controller, state: &State, section: Section) -> Html {
    let switch = |(one, name): (Section, &'static str)| {
        let controller = controller.clone();
        let go = move |_| controller.open(one);
        html! { <button type="button" data-testid="section" aria-pressed={(one == section).to_string()} onclick={go}>{ name }</button> }
    };
    html! {
        <>
            <div class="seg section-switch" role="group" aria-label="Where from">{ for Section::ALL.map(switch) }</div>
            <div class="section">
                { match section {
                    Section::Catalogue => catalogue::catalogue(controller, state),
                    Section::Files => found::files(controller, state),
                    Section::Link => found::link(controller, state),
                    Section::Neurons => neurons::neurons(controller, state),
                    Section::Storage => storage::storage(controller, state),
                } }
            </div>
            { loaded::loaded(controller, state) }
        </>
    }
}

/// A row of a list: its name, what is said about it, and what can be done.
fn row(name: Html, about: Html, action: Html) -> Html {
    html! { <li class="row"><div><b>{ name }</b><p class="muted">{ about }</p></div><div class="controls">{ action }</div></li> }
}

/// True if something fits the device, or how.
fn room(fits: &Fits) -> Html {
    let (class, text) = match (fits.ok, fits.reason.as_str()) {
        (true, "") => ("good", "fits"),
        (true, reason) => ("", reason),
        (false, reason) => ("bad", reason),
    };
    html! { <span {class}>{ text }</span> }
}

/// A button that loads things one after the other.
fn load(
    controller: &Controller,
    state: &State,
    tasks: Vec<Task>,
    disabled: bool,
    name: &'static str,
) -> Html {
    let weights = state.open.weights().to_owned();
    let controller = controller.clone();
    let run = move |_| controller.run(tasks.clone(), &weights, None);
    html! { <button type="button" data-testid="load" disabled={disabled || state.job.is_some()} onclick={run}>{ name }</button> }
}

/// A text field whose content is part of the state.
fn text_field(
    controller: &Controller,
    state: &State,
    field: Field,
    label: &'static str,
    placeholder: &'static str,
) -> Html {
    let oninput = controller.on_load(move |event: InputEvent| {
        LoadAction::Field(
            field,
            event.target_unchecked_into::<HtmlInputElement>().value(),
        )
    });
    html! { <label class="wide">{ label }<input type="text" spellcheck="false" autocomplete="off" {placeholder} value={state.open.field(field).to_owned()} {oninput} /></label> }
}

/// A list of choices; `chosen` is called with the value.
fn choices(
    label: &'static str,
    values: impl Iterator<Item = (String, String)>,
    now: &str,
    chosen: Callback<Event>,
) -> Html {
    html! {
        <select aria-label={label} onchange={chosen}>
            { for values.map(|(value, name)| html! { <option selected={value == now} value={value.clone()}>{ name }</option> }) }
        </select>
    }
}

/// Format of the weights on the device.
fn weights_choice(controller: &Controller, state: &State) -> Html {
    let values = ["auto", "f32", "f16"].map(|name| (name.to_owned(), name.to_owned()));
    let chosen =
        controller.on_load(|event: Event| LoadAction::Field(Field::Weights, value_of(&event)));
    html! {
        <span class="controls">
            { super::term::defined(crate::definitions::WEIGHTS) }
            { choices("weights", values.into_iter(), state.open.weights(), chosen) }
        </span>
    }
}

/// The value of the list of choices in which something was chosen.
fn value_of(event: &Event) -> String {
    event
        .target_unchecked_into::<web_sys::HtmlSelectElement>()
        .value()
}
