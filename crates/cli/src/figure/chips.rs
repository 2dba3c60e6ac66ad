//! A prompt's tokens as chips, tinted by a feature's activation. Tokens that hold bytes of one character stand together below
//! it, and text that is read from the right stands so, as on the page.

use display::format::{exact_single, tint};
use display::html::pieces_html;
use display::{Direction, Layout, SplitCharacter, TokenFacts, Unit, pieces};
use maud::{Markup, html};

use super::data::Data;

/// All tokens of the prompt.
pub fn chips(data: &Data<'_>) -> Markup {
    let texts: Vec<&str> = data
        .trace
        .tokens
        .iter()
        .map(|token| token.text.as_str())
        .collect();
    let layout = Layout::new(data.prompt, &texts, data.first_own());
    let chips = Chips { data, layout };
    html! {
        // The text's language is not known.
        div.tokens lang="" role="group" aria-label="Tokens of the prompt" aria-describedby="legend" dir=(chips.layout.direction.name()) {
            @for line in &chips.layout.lines {
                div.token-line dir=(line.direction.name()) { (chips.runs(&line.units, line.direction.level())) }
            }
        }
    }
}

struct Chips<'a> {
    data: &'a Data<'a>,
    layout: Layout,
}

impl Chips<'_> {
    /// Units of a line at an embedding level or above. Each run above it has an element of its own with its direction.
    fn runs(&self, units: &[Unit], level: u8) -> Markup {
        let deeper = |unit: &Unit| unit.level > level;
        html! {
            @for run in units.chunk_by(|a, b| deeper(a) == deeper(b)) {
                @if run.first().is_some_and(deeper) {
                    span dir=(Direction::of_level(level + 1).name()) { (self.runs(run, level + 1)) }
                } @else {
                    @for unit in run { (self.unit(unit)) }
                }
            }
        }
    }

    fn unit(&self, unit: &Unit) -> Markup {
        let direction = Direction::of_level(unit.level);
        let chips = html! { @for token in unit.tokens.clone() { (self.chip(token, direction)) } };
        if unit.characters.is_empty() {
            return chips;
        }
        html! {
            span.split role="group" aria-label=(unit.names()) {
                span.whole aria-hidden="true" title=(unit.title()) {
                    @for split in &unit.characters { (character(split, direction)) }
                }
                span.parts { (chips) }
            }
        }
    }

    fn chip(&self, index: usize, direction: Direction) -> Markup {
        let data = self.data;
        let along = data.along.get(index).copied().unwrap_or(0.0);
        let is_bos = index < data.first_own();
        let is_skipped = !is_bos && data.sae.skipped.contains(&(index as u32));
        let class = format!(
            "chip t{}{}{}",
            tint(along, data.peak),
            if is_bos { " bos" } else { "" },
            if is_skipped { " skipped" } else { "" }
        );
        let is_selected = index == data.token;
        html! {
            span class=(class) data-position=(index) title=(self.title(index, is_bos, is_skipped)) aria-current=[is_selected.then_some("true")] {
                @if is_bos { "BOS" } @else { bdi dir=(direction.name()) { (pieces_html(self.layout.pieces(index))) } }
            }
        }
    }

    fn title(&self, index: usize, is_bos: bool, is_skipped: bool) -> String {
        let data = self.data;
        let Some(token) = data.trace.tokens.get(index) else {
            return String::new();
        };
        let activation = data.along.get(index).zip(data.feature);
        self.layout.title(&TokenFacts {
            position: index,
            id: token.id,
            text: &token.text,
            is_bos,
            is_skipped,
            activation: activation.map(|(activation, feature)| {
                let exact = exact_single(*activation).replace('-', "−");
                (feature.latent, exact)
            }),
            loss: data.loss_of(index),
        })
    }
}

/// A character above the tokens that hold its bytes.
fn character(split: &SplitCharacter, direction: Direction) -> Markup {
    let shown = pieces(split.character.encode_utf8(&mut [0; 4]));
    html! { bdi dir=(direction.name()) { (pieces_html(&shown)) } }
}

/// The text of a token by itself; its direction does not reach beyond it.
pub fn token_text(text: &str) -> Markup {
    html! { bdi.token-text lang="" { (pieces_html(&pieces(text))) } }
}
