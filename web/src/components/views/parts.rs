//! Parts that the views have in common: legends, what is waited for, what failed.

use yew::prelude::*;

use crate::state::Remote;
use crate::state::views::ViewsAction;

/// A legend: swatches of a colour with what they stand for.
pub fn legend(colour: &'static str, name: Html, steps: &[(u8, String)]) -> Html {
    html! {
        <p class={classes!("legend", colour)}>
            <span>{ name }</span>
            { for steps.iter().map(|(tint, text)| html! {
                <span class="step"><i class={format!("swatch t{tint}")} aria-hidden="true"></i>{ text }</span>
            }) }
        </p>
    }
}

/// What is said while values are waited for, once that takes longer than a moment, or where they cannot be had. The line is there
/// in any case, so that nothing moves.
pub fn progress<T>(result: &Remote<T>, what: &'static str, on: &Callback<ViewsAction>) -> Html {
    let again = on.reform(|_: MouseEvent| ViewsAction::Retry);
    html! {
        <div class="view-state" role="status" data-testid="view-state" data-state={match result {
            Remote::Idle | Remote::Waiting => "waiting",
            Remote::Here(_) => "ready",
            Remote::Failed(_) => "failed",
        }}>
            { match result {
                Remote::Idle | Remote::Waiting => html! {
                    <p class="muted wait">{ format!("The model runs for {what}. Another view, or another prompt, stops it.") }</p>
                },
                Remote::Here(_) => Html::default(),
                Remote::Failed(message) => html! {
                    <div class="error" data-testid="view-error"><p>{ message }</p><button type="button" onclick={again}>{ "Try again" }</button></div>
                },
            } }
        </div>
    }
}

/// The line below a table that says everything about the cell that is pointed at.
pub fn detail(text: Option<Html>, otherwise: &'static str) -> Html {
    html! {
        <div class="detail" data-testid="view-detail">
            { text.unwrap_or_else(|| html! { <p class="muted">{ otherwise }</p> }) }
        </div>
    }
}
