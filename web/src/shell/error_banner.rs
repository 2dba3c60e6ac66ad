//! The last failure, with a way to go on.

use yew::prelude::*;

use crate::browser;
use crate::context::use_controller;
use crate::state::{Action, During, Problem};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The failure.
    pub problem: Problem,
    /// The prompt, to cut it where it is too long.
    pub prompt: AttrValue,
    /// The person's choice of a BOS before it.
    pub bos: Option<bool>,
}

/// The failure's message with the buttons that help.
#[component]
pub fn ErrorBanner(props: &Props) -> Html {
    let controller = use_controller();
    let bos = props.bos;
    let Problem {
        code,
        message,
        during,
        too_long,
    } = &props.problem;
    let button = match (during, too_long, code.as_str()) {
        (During::Tracing, Some((_, limit)), _) => {
            let (controller, prompt, limit) = (controller.clone(), props.prompt.clone(), *limit);
            let cut = move |_| {
                controller.cut(prompt.to_string(), bos, limit);
                // The button goes away; what it changes is the prompt.
                browser::focus("[data-testid=prompt]");
            };
            html! { <button type="button" onclick={cut}>{ format!("Cut to {limit} tokens") }</button> }
        }
        // Nothing but another prompt helps.
        (During::Tracing, None, "empty-prompt") => Html::default(),
        (During::Tracing, None, _) => {
            html! { <button type="button" onclick={controller.on(|_| Action::Retry)}>{ "Try again" }</button> }
        }
        (During::Loading, ..) => {
            let controller = controller.clone();
            html! { <button type="button" onclick={move |_| controller.load()}>{ "Load again" }</button> }
        }
        (During::Other, ..) => {
            html! { <button type="button" onclick={controller.on(|_| Action::DismissProblem)}>{ "Close" }</button> }
        }
    };
    html! {
        <div class="error" role="alert" data-testid="error" data-code={code.clone()}>
            <p>{ message }</p>
            { button }
        </div>
    }
}
