//! The prompt's tokens as chips, tinted by a feature's activation.

use yew::prelude::*;

use super::token_text::marked_text;
use crate::controller::Controller;
use crate::data::Trace;
use crate::display::{Break, Direction, direction_of, laid_out, line_break, quoted};
use crate::format::{fixed, tint};
use crate::ranking::peak;
use crate::shared::Shared;
use crate::state::{Action, History};

/// The loss in nats at which the mark below a token is strongest: a uniform guess among some 8,000 tokens.
const STRONG_LOSS: f32 = 9.0;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Receiver of the actions.
    pub controller: Controller,
    /// The trace.
    pub trace: Shared<Trace>,
    /// The selected token.
    pub selected: Option<usize>,
    /// The selected feature, and its activation at each token.
    pub feature: Option<(u32, Vec<f32>)>,
    /// Positions that count in none of the selected SAE's metrics.
    pub skipped: Vec<u32>,
    /// True if losses are marked below the tokens.
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
    let own = trace.tokens.get(first..).unwrap_or_default();
    // The person may have typed it.
    let typed_bos = trace.tokens[..first.min(trace.tokens.len())]
        .first()
        .and_then(|bos| trace.prompt.strip_prefix(bos.text.as_str()))
        .is_some();
    let after_bos = match trace.tokens.first() {
        Some(bos) if typed_bos => &trace.prompt[bos.text.len()..],
        _ => trace.prompt.as_str(),
    };
    let laid = laid_out(after_bos, own.iter().map(|token| token.text.as_str()));
    let line = direction_of(&trace.prompt).unwrap_or(Direction::Ltr);
    let mut directions = vec![line; first];
    directions.extend(crate::display::directions(&laid, line));
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
            title.push_str(if typed_bos {
                " · BOS, as typed"
            } else {
                " · BOS, put before the prompt"
            });
        }
        let skipped = !bos
            && props
                .skipped
                .iter()
                .any(|&position| position as usize == index);
        if skipped {
            title.push_str(" · does not count in the SAE's numbers");
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
            skipped.then_some("skipped"),
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
                <button type="button" role="option" {class} data-testid="token" data-index={index.to_string()} data-skipped={skipped.then_some("true")} {title}
                    aria-selected={selected.to_string()} tabindex={if focusable { "0" } else { "-1" }}
                    onclick={controller.on(move |_| Action::SelectToken(index, History::Push))}>
                    if bos {
                        // Where it is no part of the text, a copy does not have it.
                        <span data-original={if typed_bos { token.text.clone() } else { String::new() }}>{ "BOS" }</span>
                    } else {
                        { marked_text(&token.text, index.checked_sub(first).is_some_and(|own| laid[own].typed)) }
                    }
                </button>
                if breaks == Some(Break::After) {
                    <br />
                }
            </>
        }
    };
    let tokens: Vec<_> = trace.tokens.iter().enumerate().collect();
    // Tokens that are read the other way than the line stand together, in their own order.
    let mut at = 0;
    let runs = directions.chunk_by(|a, b| a == b).map(|run| {
        let chips = tokens[at..at + run.len()].iter().copied().map(chip);
        at += run.len();
        if run[0] == line {
            html! { <>{ for chips }</> }
        } else {
            html! { <span dir={run[0].name()}>{ for chips }</span> }
        }
    });
    html! {
        <div class="tokens" role="listbox" aria-label="Tokens" aria-orientation="horizontal" dir={line.name()}>
            { for runs }
        </div>
    }
}
