//! The last failure, with a way to go on.

use yew::prelude::*;

use crate::controller::Controller;
use crate::state::{Action, During, Problem};

/// The failure's message with the buttons that help; the prompt is there to cut it where it is too long.
pub fn error_banner(
    controller: &Controller,
    problem: &Problem,
    prompt: &str,
    bos: Option<bool>,
) -> Html {
    let Problem {
        code,
        message,
        during,
        too_long,
    } = problem;
    let button = match (during, too_long, code.as_str()) {
        (During::Tracing, Some((_, limit)), _) => {
            let (controller, prompt, limit) = (controller.clone(), prompt.to_owned(), *limit);
            let cut = move |_| controller.cut(prompt.clone(), bos, limit);
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
