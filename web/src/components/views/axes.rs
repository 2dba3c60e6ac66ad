//! Axes with the prompt's tokens around a picture of attention weights: those that look at the left, those looked at above.

use yew::prelude::*;

use crate::data::Trace;
use crate::shared::Shared;
use crate::views::axis::{Label, labels, middle};

/// Size of a picture, which decides how many labels have room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// One of several.
    Small,
    /// The enlarged one.
    Large,
}

impl Size {
    fn class(self) -> &'static str {
        match self {
            Self::Small => "axes small",
            Self::Large => "axes large",
        }
    }

    /// Most labels on a side, and most characters of each.
    fn room(self) -> (usize, usize) {
        match self {
            Self::Small => (9, 7),
            Self::Large => (24, 11),
        }
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The trace whose tokens are the steps.
    pub trace: Shared<Trace>,
    /// Size of the picture.
    pub size: Size,
    /// The query and the key that are pointed at.
    pub point: Option<(usize, usize)>,
    /// The picture.
    pub children: Html,
}

/// The picture with its axes. Texts are placed by shares of the length, so that they keep their size whatever the picture's is.
#[component]
pub fn Axes(props: &Props) -> Html {
    let Props {
        trace, size, point, ..
    } = props;
    let tokens = trace.tokens.len();
    let (most, characters) = size.room();
    let of = |on: Option<usize>| labels(trace, on, most, characters);
    let at = |label: &Label| format!("{}%", middle(label.token, tokens));
    let class = |label: &Label| label.on.then_some("on");
    html! {
        <div class={size.class()}>
            <svg class="keys" aria-hidden="true" focusable="false">
                { for of(point.map(|point| point.1)).iter().map(|label| html! {
                    <svg x={at(label)} y="100%" overflow="visible"><text class={class(label)} transform="translate(0 -4) rotate(-90)" dominant-baseline="central">{ &label.text }</text></svg>
                }) }
            </svg>
            <svg class="queries" aria-hidden="true" focusable="false">
                { for of(point.map(|point| point.0)).iter().map(|label| html! {
                    <text class={class(label)} x="100%" dx="-4" y={at(label)} text-anchor="end" dominant-baseline="central">{ &label.text }</text>
                }) }
            </svg>
            { props.children.clone() }
        </div>
    }
}
