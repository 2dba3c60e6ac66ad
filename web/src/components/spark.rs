//! A feature along the prompt, in a line's height.

use std::fmt::Write;

use yew::prelude::*;

use crate::format::LEAST_COLUMNS;

/// What to show.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// A value for each token; below zero goes down from the middle.
    pub values: Vec<f32>,
    /// The value that fills the height.
    pub max: f32,
    /// Whether values may be below zero.
    #[prop_or_default]
    pub two_sided: bool,
    /// What it shows, for those who do not see it; empty where the numbers stand beside it.
    #[prop_or_default]
    pub label: AttrValue,
}

/// Small bars, one for each token, drawn as one path.
#[component]
pub fn Spark(props: &Props) -> Html {
    let Props {
        values,
        max,
        two_sided,
        label,
    } = props;
    let (base, height) = if *two_sided {
        (10.0, 9.5)
    } else {
        (19.0, 18.0)
    };
    let (mut above, mut below) = (String::new(), String::new());
    for (at, &value) in values.iter().enumerate() {
        if *max > 0.0 && value != 0.0 && value.is_finite() {
            let top = base - (value / max).clamp(-1.0, 1.0) * height;
            let path = if value > 0.0 { &mut above } else { &mut below };
            // Writing to a string cannot fail.
            let _ = write!(path, "M{at}.1 {base}V{top:.2}H{at}.9V{base}Z");
        }
    }
    let width = values.len().max(LEAST_COLUMNS);
    let hidden = label.is_empty().then_some("true");
    html! {
        <svg class={classes!("spark", two_sided.then_some("wide"))} viewBox={format!("0 0 {width} 20")} preserveAspectRatio="none" width="100%" height="20"
            role={(!label.is_empty()).then_some("img")} aria-label={(!label.is_empty()).then(|| label.clone())} aria-hidden={hidden} focusable="false">
            <rect class="axis" x="0" y={base.to_string()} width={width.to_string()} height="0.6" />
            <path class="above" d={above} />
            <path class="below" d={below} />
        </svg>
    }
}
