//! A prompt's tokens as chips, tinted by a feature's activation. Tokens that hold bytes of one character stand together below
//! it, and text that is read from the right stands so, as on the page.

use std::fmt::Write as _;

use display::format::{exact_single, fixed, tint};
use display::{
    Byte, Direction, Layout, Piece, SplitCharacter, Unit, describe_bytes, named, pieces, quoted,
};
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
        let names: Vec<_> = unit
            .characters
            .iter()
            .map(|split| named(split.character))
            .collect();
        let names = names.join(", ");
        let last = unit.tokens.end.saturating_sub(1);
        let title = format!("{names} · positions {}–{last}", unit.tokens.start);
        html! {
            span.split role="group" aria-label=(names) {
                span.whole aria-hidden="true" title=(title) {
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
        let is_skipped = !is_bos && data.sae.skipped.contains(&index);
        let class = format!(
            "chip t{}{}{}",
            tint(along, data.peak),
            if is_bos { " bos" } else { "" },
            if is_skipped { " skipped" } else { "" }
        );
        let is_selected = index == data.token;
        html! {
            span class=(class) data-position=(index) title=(self.title(index, is_bos, is_skipped)) aria-current=[is_selected.then_some("true")] {
                @if is_bos { "BOS" } @else { bdi dir=(direction.name()) { @for piece in self.layout.pieces(index) { (piece_html(piece)) } } }
            }
        }
    }

    fn title(&self, index: usize, is_bos: bool, is_skipped: bool) -> String {
        let data = self.data;
        let Some(token) = data.trace.tokens.get(index) else {
            return String::new();
        };
        let mut title = quoted(&token.text);
        if let Some(bytes) = describe_bytes(self.layout.pieces(index)) {
            let _ = write!(title, " · {bytes}");
        }
        let _ = write!(title, " · position {index} · id {}", token.id);
        if is_bos {
            title.push_str(match self.layout.in_prompt(index) {
                true => " · BOS, as typed",
                false => " · BOS, put before the prompt",
            });
        }
        if is_skipped {
            title.push_str(" · does not count in the SAE's numbers");
        }
        if let (Some(activation), Some(feature)) = (data.along.get(index), data.feature) {
            let exact = exact_single(*activation).replace('-', "−");
            let _ = write!(
                title,
                " · activation of feature {}: {exact}",
                feature.latent
            );
        }
        if let Some(loss) = data.loss_of(index) {
            let _ = write!(title, " · loss {} nats", fixed(loss.into(), 3));
        }
        title
    }
}

/// A character above the tokens that hold its bytes.
fn character(split: &SplitCharacter, direction: Direction) -> Markup {
    let shown = pieces(split.character.encode_utf8(&mut [0; 4]));
    html! { bdi dir=(direction.name()) { @for piece in &shown { (piece_html(piece)) } } }
}

/// The text of a token by itself; its direction does not reach beyond it.
pub fn token_text(text: &str) -> Markup {
    html! { bdi.token-text lang="" { @for piece in &pieces(text) { (piece_html(piece)) } } }
}

fn piece_html(piece: &Piece) -> Markup {
    match piece {
        Piece::Text(text) => html! { (text) },
        Piece::Mark(mark, _) => html! { i.mark { (mark) } },
        Piece::Byte(Byte { value, .. }) => html! {
            i.byte { span.frame { "<0x" } (format!("{value:02X}")) span.frame { ">" } }
        },
    }
}
