//! One feature's effect, token by token.

use yew::prelude::*;

use crate::components::spark::{farthest, spark};
use crate::components::token_text::quoted_token;
use crate::data::Effect;
use crate::format::{signed, small};
use crate::state::effects::About;

/// Change of each token's loss, and KL after each token, along the prompt.
pub fn along(about: &About, effect: &Effect) -> Html {
    let losses = &effect.token_losses;
    let kl = &effect.kl_by_position;
    let largest = |values: &[f32]| farthest(values).map_or(0.0, |(_, value)| value.abs());
    let token = |at: usize| {
        about
            .tokens
            .get(at)
            .map(|token| quoted_token(&token.text))
            .unwrap_or_default()
    };
    html! {
        <div class="along">
            <p class="line">{ match farthest(losses) {
                Some((at, value)) => html! { <span>{ "Loss of each token, ablated − clean; largest at " }{ token(at + 1) }{ " " }<b>{ signed(value.into(), 3) }</b>{ " nats" }</span> },
                None => html! { <span>{ "No token's loss changed." }</span> },
            } }</p>
            { spark(losses, largest(losses), true, "Change of each token's loss along the prompt") }
            if let Some((at, error)) = farthest(&effect.errors) {
                <p class="muted">{ format!("Of tokens where little can change both are bounded: off by at most {}, after ", small(error.into())) }{ token(at) }{ "." }</p>
            }
            if let Some((at, value)) = farthest(kl) {
                <p class="line"><span>{ "KL of the next-token distribution after each token; largest after " }{ token(at) }{ " " }<b>{ small(value.into()) }</b>{ " nats" }</span></p>
                <div class="kl">{ spark(kl, largest(kl), false, "KL after each token along the prompt") }</div>
            }
        </div>
    }
}
