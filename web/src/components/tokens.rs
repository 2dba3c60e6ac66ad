//! The prompt's tokens as chips, tinted by a feature's activation. Tokens that hold bytes of one character stand together
//! below it.

use yew::prelude::*;

use super::token_text::{piece_html, placed_text};
use crate::controller::Controller;
use crate::data::Trace;
use crate::display::{Direction, Layout, SplitCharacter, TokenFacts, Unit, pieces};
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

/// The layout of a trace's tokens.
pub fn layout(trace: &Trace) -> Layout {
    let texts: Vec<_> = trace
        .tokens
        .iter()
        .map(|token| token.text.as_str())
        .collect();
    Layout::new(&trace.prompt, &texts, trace.first_own())
}

/// The chips.
#[component]
pub fn Tokens(props: &Props) -> Html {
    let layout = use_memo(props.trace.clone(), |trace| layout(trace));
    let chips = Chips::new(props, &layout);
    let lines = layout.lines.iter().map(|line| {
        html! {
            <div class="token-line" dir={line.direction.name()}>
                { chips.runs(&line.units, line.direction.level()) }
            </div>
        }
    });
    html! {
        <div class="tokens" role="listbox" aria-label="Tokens" aria-orientation="horizontal" dir={layout.direction.name()}>
            { for lines }
        </div>
    }
}

/// What the chips show, of all tokens.
struct Chips<'a> {
    props: &'a Props,
    layout: &'a Layout,
    first_own: usize,
    along: &'a [f32],
    peak: f32,
    /// True at each position that does not count.
    skipped: Vec<bool>,
}

impl<'a> Chips<'a> {
    fn new(props: &'a Props, layout: &'a Layout) -> Self {
        let first_own = props.trace.first_own();
        let along = props
            .feature
            .as_ref()
            .map(|(_, along)| along.as_slice())
            .unwrap_or_default();
        let mut skipped = vec![false; props.trace.tokens.len()];
        for &position in &props.skipped {
            if let Some(skipped) = skipped.get_mut(position as usize) {
                *skipped = true;
            }
        }
        Self {
            props,
            layout,
            first_own,
            along,
            peak: peak(along, first_own),
            skipped,
        }
    }

    /// Units of a line at an embedding level or above. Each run above it has an element of its own with its direction, in
    /// which it stands as it is read, wherever the line wraps.
    fn runs(&self, units: &[Unit], level: u8) -> Html {
        let deeper = |unit: &Unit| unit.level > level;
        let runs = units
            .chunk_by(|a, b| deeper(a) == deeper(b))
            .map(|run| match run.first() {
                Some(first) if deeper(first) => {
                    let direction = Direction::of_level(level + 1);
                    html! { <span dir={direction.name()}>{ self.runs(run, level + 1) }</span> }
                }
                _ => html! { <>{ for run.iter().map(|unit| self.unit(unit)) }</> },
            });
        html! { <>{ for runs }</> }
    }

    fn unit(&self, unit: &Unit) -> Html {
        let direction = Direction::of_level(unit.level);
        let chips = unit.tokens.clone().map(|token| self.chip(token, direction));
        if unit.characters.is_empty() {
            return html! { <>{ for chips }</> };
        }
        let last = unit.last();
        let title = format!("{} · a click selects the last of them", unit.title());
        let select = self
            .props
            .controller
            .on(move |_: MouseEvent| Action::SelectToken(last, History::Push));
        html! {
            <span class="split" role="group" aria-label={unit.names()}>
                <span class="whole" aria-hidden="true" {title} onclick={select}>
                    { for unit.characters.iter().map(|split| character(split, direction)) }
                </span>
                <span class="parts">{ for chips }</span>
            </span>
        }
    }

    fn chip(&self, index: usize, direction: Direction) -> Html {
        let Props {
            controller, trace, ..
        } = self.props;
        let Some(token) = trace.tokens.get(index) else {
            return Html::default();
        };
        // A chip is no button, because browsers let no selection of text begin at the edge of one, or in one at all. The
        // gap before it has a place of its own, because otherwise the chip's beginning were the end of the chip before
        // it, and a selection that is dragged from there would be empty.
        let onkeydown = {
            let controller = controller.clone();
            move |event: KeyboardEvent| {
                if matches!(event.key().as_str(), "Enter" | " ") {
                    event.prevent_default();
                    controller.dispatch(Action::SelectToken(index, History::Push));
                }
            }
        };
        let bos = index < self.first_own;
        let skipped = !bos && self.skipped[index];
        let selected = self.props.selected == Some(index);
        let focusable = selected || (self.props.selected.is_none() && index == 0);
        let class = classes!(
            "chip",
            bos.then_some("bos"),
            skipped.then_some("skipped"),
            format!(
                "t{}",
                tint(self.along.get(index).copied().unwrap_or(0.0), self.peak)
            ),
            self.props.loss_shown.then(|| format!(
                "l{}",
                tint(trace.loss_of(index).unwrap_or(0.0), STRONG_LOSS)
            )),
        );
        html! {
            <>
                <i class="gap" />
                <span role="option" {class} data-testid="token" data-index={index.to_string()} data-skipped={skipped.then_some("true")} title={self.title(index, bos, skipped)}
                    aria-selected={selected.to_string()} tabindex={if focusable { "0" } else { "-1" }}
                    onclick={controller.on(move |_| Action::SelectToken(index, History::Push))} {onkeydown}>
                    if bos {
                        // Where it is no part of the text, a copy does not have it.
                        <span data-original={if self.layout.in_prompt(index) { token.text.clone() } else { String::new() }}>{ "BOS" }</span>
                    } else {
                        { placed_text(self.layout.pieces(index), direction) }
                    }
                </span>
            </>
        }
    }

    fn title(&self, index: usize, is_bos: bool, is_skipped: bool) -> String {
        let trace = &self.props.trace;
        let token = &trace.tokens[index];
        let activation = self.along.get(index).zip(self.props.feature.as_ref());
        self.layout.title(&TokenFacts {
            position: index,
            id: token.id,
            text: &token.text,
            is_bos,
            is_skipped,
            activation: activation
                .map(|(activation, (latent, _))| (*latent, fixed((*activation).into(), 3))),
            loss: trace.loss_of(index),
        })
    }
}

/// A character above the tokens that hold its bytes.
fn character(split: &SplitCharacter, direction: Direction) -> Html {
    let text = split.character.to_string();
    let shown = pieces(&text);
    html! {
        <bdi dir={direction.name()} data-original={text} data-start={split.start.to_string()}>{ for shown.iter().map(piece_html) }</bdi>
    }
}
