//! A feature along the prompt, in a line's height.

use std::fmt::Write;

use yew::prelude::*;

use crate::format::{LEAST_COLUMNS, plain};

/// The value that is farthest from 0, and its place; nothing where all are 0.
pub fn farthest(values: &[f32]) -> Option<(usize, f32)> {
    let indexed = values.iter().copied().enumerate();
    let most = indexed.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    most.filter(|(_, value)| *value != 0.0)
}

/// Small bars, one for each token, drawn as one path. `max` fills the height; where values may be below zero, these go
/// down from the middle. `label` says what it shows to those who do not see it; it is empty where the numbers stand
/// beside it.
pub fn spark(values: &[f32], max: f32, two_sided: bool, label: &'static str) -> Html {
    let (base, height) = if two_sided { (10u8, 9.5) } else { (19, 18.0) };
    let (mut above, mut below) = (String::new(), String::new());
    for (at, &value) in values.iter().enumerate() {
        if max > 0.0 && value != 0.0 && value.is_finite() {
            let top = f32::from(base) - (value / max).clamp(-1.0, 1.0) * height;
            let top = plain(top.into(), 2);
            let path = if value > 0.0 { &mut above } else { &mut below };
            // Writing to a string cannot fail.
            let _ = write!(path, "M{at}.1 {base}V{top}H{at}.9V{base}Z");
        }
    }
    let width = values.len().max(LEAST_COLUMNS);
    let hidden = label.is_empty().then_some("true");
    html! {
        <svg class={classes!("spark", two_sided.then_some("wide"))} viewBox={format!("0 0 {width} 20")} preserveAspectRatio="none" width="100%" height="20"
            role={(!label.is_empty()).then_some("img")} aria-label={(!label.is_empty()).then_some(label)} aria-hidden={hidden} focusable="false">
            <rect class="axis" x="0" y={base.to_string()} width={width.to_string()} height="0.6" />
            <path class="above" d={above} />
            <path class="below" d={below} />
        </svg>
    }
}
