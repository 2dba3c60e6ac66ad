//! A feature's activation along the prompt, token by token.

use yew::prelude::*;

use super::term::defined;
use crate::controller::Controller;
use crate::data::Trace;
use crate::definitions::{ACTIVATION, POSITION};
use crate::display::quoted;
use crate::format::{LEAST_COLUMNS, fixed, plain};
use crate::ranking::{extent, strongest};
use crate::shared::Shared;
use crate::state::Action;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Receiver of the actions.
    pub controller: Controller,
    /// The trace.
    pub trace: Shared<Trace>,
    /// The feature.
    pub latent: u32,
    /// Its activation at each token.
    pub along: Vec<f32>,
    /// The selected token.
    pub selected: usize,
}

/// Bars for the tokens; hovering describes one, clicking selects it.
#[component]
pub fn ActivationChart(props: &Props) -> Html {
    let hovered = use_state(|| None::<usize>);
    let Props {
        controller,
        trace,
        latent,
        along,
        selected,
    } = props;
    let first = trace.first_own();
    let (max, two_sided) = extent(along, first);
    // What is below 0 hangs from the middle.
    let (base, full) = if two_sided {
        (50.0, 48.0)
    } else {
        (98.0, 96.0)
    };
    let shown = hovered
        .filter(|&token| token < along.len())
        .unwrap_or(*selected);
    let label = match strongest(along, first, 1).first() {
        Some(&token) => format!(
            "Activation of feature {latent} along the prompt: largest at {}, {}",
            quoted(&trace.tokens[token].text),
            fixed(along[token].into(), 3)
        ),
        None => format!("Feature {latent} is not active in this prompt"),
    };
    let bar = |(token, &value): (usize, &f32)| {
        let height = if max > 0.0 {
            (value / max).clamp(-1.0, 1.0) * full
        } else {
            0.0
        };
        let enter = {
            let hovered = hovered.clone();
            move |_: MouseEvent| hovered.set(Some(token))
        };
        html! {
            <g class={classes!("column", (token == *selected).then_some("selected"), (*hovered == Some(token)).then_some("hovered"))}
                onmouseenter={enter} onclick={controller.on(move |_| Action::Jump(token))}>
                <rect class="hit" x={token.to_string()} y="0" width="1" height="104" />
                <rect class={classes!("value", (height < 0.0).then_some("below"))} x={format!("{token}.1")} y={plain((base - height.max(0.0)).into(), 2)} width="0.8" height={plain(height.abs().into(), 2)} />
                <rect class="foot" x={format!("{token}.1")} y="99" width="0.8" height="5" />
            </g>
        }
    };
    let leave = {
        let hovered = hovered.clone();
        move |_: MouseEvent| hovered.set(None)
    };
    html! {
        <figure class="chart">
            <svg viewBox={format!("0 0 {} 104", along.len().max(LEAST_COLUMNS))} preserveAspectRatio="none" width="100%" height="84" role="img" aria-label={label} onmouseleave={leave}>
                { for along.iter().enumerate().map(bar) }
            </svg>
            <figcaption class="line">
                <span>{ defined(POSITION) }{ format!(" {shown}") }</span>
                if let Some(token) = trace.tokens.get(shown) {
                    <span class="quoted">{ if shown < first { "BOS".to_owned() } else { quoted(&token.text) } }</span>
                }
                <span>{ defined(ACTIVATION) }{ " " }<b>{ fixed(along.get(shown).copied().unwrap_or(0.0).into(), 3) }</b></span>
                <span class="end">{ format!("full height {}", fixed(max.into(), 3)) }</span>
            </figcaption>
        </figure>
    }
}
