//! The prompt's tokens as chips, tinted by a feature's activation.

use yew::prelude::*;

use super::token_text::token_text;
use crate::controller::Controller;
use crate::data::Trace;
use crate::display::{Break, line_break, quoted};
use crate::format::{fixed, tint};
use crate::ranking::peak;
use crate::shared::Shared;
use crate::state::{Action, History};

/// The loss in nats at which the mark below a token is strongest: a uniform guess among some 8,000 tokens.
const STRONG_LOSS: f32 = 9.0;

/// What to show.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Whom to tell.
    pub controller: Controller,
    /// The trace.
    pub trace: Shared<Trace>,
    /// The selected token.
    pub selected: Option<usize>,
    /// The selected feature, and its activation at each token.
    pub feature: Option<(u32, Vec<f32>)>,
    /// Whether losses are marked below the tokens.
    pub loss_shown: bool,
}

/// The chips.
#[component]
pub fn Tokens(props: &Props) -> Html {
    let Props {
        controller, trace, ..
    } = props;
    let first = trace.first_own();
    let along = props
        .feature
        .as_ref()
        .map(|(_, along)| along.as_slice())
        .unwrap_or_default();
    let max = peak(along, first);
    let chip = |(index, token): (usize, &crate::data::Token)| {
        let bos = index < first;
        let activation = along.get(index).copied();
        let loss = trace.loss_of(index);
        let mut title = format!(
            "{} · position {index} · id {}",
            quoted(&token.text),
            token.id
        );
        if bos {
            title.push_str(" · BOS, put before the prompt");
        }
        if let (Some(activation), Some((latent, _))) = (activation, &props.feature) {
            title.push_str(&format!(
                " · activation of feature {latent}: {}",
                fixed(activation.into(), 3)
            ));
        }
        if let Some(loss) = loss {
            title.push_str(&format!(" · loss {} nats", fixed(loss.into(), 3)));
        }
        let selected = props.selected == Some(index);
        let focusable = selected || (props.selected.is_none() && index == 0);
        let class = classes!(
            "chip",
            bos.then_some("bos"),
            format!("t{}", tint(activation.unwrap_or(0.0), max)),
            props
                .loss_shown
                .then(|| format!("l{}", tint(loss.unwrap_or(0.0), STRONG_LOSS))),
        );
        let breaks = line_break(&token.text);
        html! {
            <>
                if breaks == Some(Break::Before) && index > first {
                    <br />
                }
                <button type="button" role="option" {class} data-testid="token" data-index={index.to_string()} {title}
                    aria-selected={selected.to_string()} tabindex={if focusable { "0" } else { "-1" }}
                    onclick={controller.on(move |_| Action::SelectToken(index, History::Push))}>
                    if bos {
                        { "BOS" }
                    } else {
                        { token_text(&token.text) }
                    }
                </button>
                if breaks == Some(Break::After) {
                    <br />
                }
            </>
        }
    };
    html! {
        <div class="tokens" role="listbox" aria-label="Tokens" aria-orientation="horizontal">
            { for trace.tokens.iter().enumerate().map(chip) }
        </div>
    }
}
