//! A histogram as a chart, with an axis and a marker.

use std::fmt::Write;

use yew::prelude::*;

use crate::atlas::{Bars, bars};
use crate::format::{fixed, grouped, plain, signed};

/// Bars of a chart.
const BARS: usize = 64;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Counts of values.
    pub histogram: ::atlas::record::Histogram,
    /// What is counted, for those who do not see the chart.
    pub label: AttrValue,
    /// The unit of the values.
    pub unit: &'static str,
    /// A value that is marked.
    #[prop_or_default]
    pub marker: Option<f32>,
    /// True if heights are logarithms of the counts.
    pub logarithmic: bool,
    /// True if values have a sign.
    #[prop_or_default]
    pub signed: bool,
}

/// The chart.
#[component]
pub fn Chart(props: &Props) -> Html {
    let bars = use_memo(props.histogram.clone(), |histogram| bars(histogram, BARS));
    let Some(bars) = &*bars else {
        return html! { <p class="muted">{ "Nothing was counted." }</p> };
    };
    let (low, high) = bars.ends();
    let write = |value: f64| {
        if props.signed {
            signed(value, 2)
        } else {
            fixed(value, 2)
        }
    };
    let label = format!(
        "{}: from {} to {}, at most {} per bar",
        props.label,
        write(low),
        write(high),
        grouped(bars.most)
    );
    let width = bars.columns.len();
    html! {
        <figure class="histogram" data-testid="histogram">
            <svg viewBox={format!("0 0 {width} 100")} preserveAspectRatio="none" width="100%" height="64" role="img" aria-label={label}>
                <path class="value" d={path(bars, props.logarithmic)} />
                if let Some(value) = props.marker {
                    <path class="marker" data-testid="histogram-marker" data-value={fixed(value.into(), 3)} d={format!("M{} 0V100", plain(bars.place(value.into()), 3))} />
                }
            </svg>
            <figcaption class="axis">
                <span>{ write(low) }</span><span>{ write((low + high) / 2.0) }</span><span>{ format!("{} {}", write(high), props.unit) }</span>
            </figcaption>
        </figure>
    }
}

fn path(bars: &Bars, logarithmic: bool) -> String {
    let mut path = String::new();
    for (at, column) in bars.columns.iter().enumerate() {
        if column.count > 0 {
            // What is counted is never without a bar.
            let top = 100.0 - (bars.height(column.count, logarithmic) * 100.0).max(1.0);
            // Writing to a string cannot fail.
            let _ = write!(path, "M{at}.05 100V{}H{at}.95V100Z", plain(top, 2));
        }
    }
    path
}
