//! The timeline: features by tokens, and the token in view.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::circuits::timeline::Row;
use crate::circuits::{Facts, Feature, Run};
use crate::controller::Controller;
use crate::format::fixed;
use crate::state::Action;
use crate::state::circuits::CircuitsAction;

/// Shown data.
pub struct Props<'a> {
    /// The run.
    pub run: &'a Run,
    /// What the atlas knows.
    pub facts: &'a Facts,
    /// Rows.
    pub rows: &'a [Row],
    /// The token in view.
    pub cursor: usize,
    /// The selected feature.
    pub selected: Option<Feature>,
    /// True while the view goes on by itself.
    pub playing: bool,
    /// True while the model writes.
    pub running: bool,
}

/// Height of a row in pixels, as in the style sheet.
const ROW: usize = 20;

/// The text, and what moves through it.
pub fn written(props: &Props<'_>, text: NodeRef, controller: &Controller) -> Html {
    let Props { run, cursor, .. } = props;
    let tokens = run.frames.len();
    let act = |action: CircuitsAction| {
        controller.on(move |_: MouseEvent| Action::Circuits(action.clone()))
    };
    let token = |at: usize| {
        let frame = &run.frames[at];
        let here = at == *cursor;
        let pick = act(CircuitsAction::Seek(at));
        html! {
            <button type="button" key={at} class={classes!("written", (at < run.prompt_tokens).then_some("given"))} tabindex="-1" data-testid="written" aria-current={here.then_some("step")} onclick={pick}>{ &frame.token.text }</button>
        }
    };
    html! {
        <div class="written-line">
            <div class="seg small" role="group" aria-label="Play">
                <button type="button" data-testid="step-back" aria-label="One token back" disabled={*cursor == 0} onclick={act(CircuitsAction::Step(-1))}>{ "◀" }</button>
                <button type="button" data-testid="play" disabled={tokens == 0} onclick={act(CircuitsAction::Play(!props.playing))}>{ match (props.playing, props.running) {
                    (true, _) => "Pause",
                    (false, true) => "Follow",
                    (false, false) => "Play",
                } }</button>
                <button type="button" data-testid="step-on" aria-label="One token on" disabled={*cursor + 1 >= tokens} onclick={act(CircuitsAction::Step(1))}>{ "▶" }</button>
            </div>
            <p class="written-text" dir="auto" ref={text}>{ for (0..tokens).map(token) }</p>
        </div>
    }
}

/// Features by tokens.
pub fn timeline(props: &Props<'_>, controller: &Controller) -> Html {
    let Props {
        run, rows, cursor, ..
    } = props;
    let tokens = run.frames.len();
    let seek = controller.on(|event: InputEvent| {
        let value = event.target_unchecked_into::<HtmlInputElement>().value();
        Action::Circuits(CircuitsAction::Seek(value.parse().unwrap_or(0)))
    });
    // Without a token there is nothing to divide by.
    let (wide, high) = (tokens.max(1).to_string(), (rows.len() * ROW).to_string());
    let cell = |(at, strength): &(usize, f32), row: usize| {
        html! { <rect x={at.to_string()} y={(row * ROW + 2).to_string()} width="1" height={(ROW - 4).to_string()} fill-opacity={fixed(f64::from(0.15 + 0.85 * strength), 2)} /> }
    };
    let label = |row: &Row| {
        let feature = row.feature;
        let chosen = props.selected == Some(feature);
        let select = controller
            .on(move |_: MouseEvent| Action::Circuits(CircuitsAction::Select(Some(feature))));
        html! {
            <button type="button" class="plain" data-testid="timeline-row" aria-pressed={chosen.to_string()} onclick={select}>
                <span class="id">{ run.name(feature) }</span>{ " " }{ props.facts.label(feature) }
            </button>
        }
    };
    html! {
        <section class="card" aria-labelledby="timeline-title" data-testid="timeline" data-cursor={cursor.to_string()} data-tokens={tokens.to_string()}>
            <h2 id="timeline-title">{ "Timeline: the strongest features by tokens" }</h2>
            if tokens == 0 {
                <p class="muted">{ "The model reads the prompt…" }</p>
            }
            <div class="timeline">
                <div class="names">{ for rows.iter().map(label) }</div>
                <div class="lanes">
                    <svg width="100%" height={high.clone()} viewBox={format!("0 0 {wide} {high}")} preserveAspectRatio="none" aria-hidden="true" focusable="false">
                        <rect class="here" x={cursor.to_string()} y="0" width="1" height={high.clone()} />
                        { for rows.iter().enumerate().map(|(row, one)| html! { <g>{ for one.cells.iter().map(|each| cell(each, row)) }</g> }) }
                    </svg>
                    <input type="range" min="0" max={tokens.saturating_sub(1).to_string()} step="1" value={cursor.to_string()} data-testid="scrub" aria-label="Token in view"
                        aria-valuetext={format!("token {} of {tokens}: {}", cursor + 1, run.frames.get(*cursor).map_or("", |frame| frame.token.text.as_str()))} oninput={seek} />
                </div>
            </div>
        </section>
    }
}
