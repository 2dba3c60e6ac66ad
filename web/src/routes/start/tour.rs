//! A tour of one minute, over the page as it is: each step points at a part of it and can be tried out.

use web_sys::{Element, HtmlElement, ScrollBehavior, ScrollIntoViewOptions, ScrollLogicalPosition};
use yew::prelude::*;

use crate::browser;

/// A step of the tour.
struct Step {
    title: &'static str,
    text: &'static str,
    /// Selector of the part that it is about.
    target: &'static str,
    /// True if that is in the dock, which a narrow screen shows closed.
    in_dock: bool,
}

const STEPS: [Step; 6] = [
    Step {
        title: "A text, cut into tokens",
        text: "The model reads tokens, not letters. Type any text, or choose an example: its tokens stand below.",
        target: "[data-testid=prompt]",
        in_dock: false,
    },
    Step {
        title: "Where a feature is active",
        text: "The deeper the orange of a token, the more active the selected feature is there. Choose another token: with the mouse, or with ← and →.",
        target: ".tokens",
        in_dock: false,
    },
    Step {
        title: "The features of a token",
        text: "A sparse autoencoder explains the model's activity at a token by a few of its thousands of features. These are active here, the strongest first.",
        target: "[data-testid=features]",
        in_dock: false,
    },
    Step {
        title: "One feature",
        text: "What the selected feature pushes the model to say next (green) and not to say (red), and which features of the same autoencoder point the same way.",
        target: "[data-testid=dock]",
        in_dock: true,
    },
    Step {
        title: "What it causes",
        text: "Ablate sets the feature to zero and runs the model again: you see how the loss and the next token change without it.",
        target: "[data-testid=ablate]",
        in_dock: true,
    },
    Step {
        title: "Your own models and autoencoders",
        text: "The library has published autoencoders for GPT-2 and takes files of yours. Nothing is downloaded before you say so, and nothing you open leaves this page.",
        target: "[data-route=Library]",
        in_dock: false,
    },
];

/// Class of the part that the step is about.
const MARK: &str = "toured";

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Called when the person leaves.
    pub onleave: Callback<()>,
}

/// The tour. It begins when it is drawn, and leaves the page as it is when it goes.
#[component]
pub fn Tour(props: &Props) -> Html {
    let at = use_state(|| 0_usize);
    let heading = use_node_ref();
    {
        let heading = heading.clone();
        use_effect_with(*at, move |&at| {
            if STEPS[at].in_dock {
                super::open_dock();
            }
            let marked = browser::all(STEPS[at].target).into_iter().next();
            if let Some(marked) = &marked {
                point_at(marked);
            }
            if let Some(heading) = heading.cast::<HtmlElement>() {
                // Screen readers read the step; an element that takes no focus is left alone.
                let _ = heading.focus();
            }
            move || {
                if let Some(marked) = marked {
                    // It fails for no name that is a class.
                    let _ = marked.class_list().remove_1(MARK);
                }
            }
        });
    }
    let step = &STEPS[*at];
    let last = *at + 1 == STEPS.len();
    let leave = props.onleave.reform(|_: MouseEvent| ());
    let onkeydown = {
        let onleave = props.onleave.clone();
        move |event: KeyboardEvent| {
            if event.key() == "Escape" {
                event.stop_propagation();
                onleave.emit(());
            }
        }
    };
    let go = |to: usize| {
        let at = at.clone();
        move |_: MouseEvent| at.set(to)
    };
    html! {
        <section class="tour card" role="dialog" aria-labelledby="tour-title" aria-describedby="tour-text" data-testid="tour" {onkeydown}>
            <h2 id="tour-title" ref={heading} tabindex="-1">{ step.title }</h2>
            <p id="tour-text">{ step.text }</p>
            <div class="controls">
                <span class="muted">{ format!("{} of {}", *at + 1, STEPS.len()) }</span>
                <button type="button" class="quiet" onclick={leave.clone()}>{ "Leave the tour" }</button>
                <span class="end">
                    if *at > 0 { <button type="button" onclick={go(*at - 1)}>{ "Back" }</button> }
                    if last {
                        <button type="button" class="main" onclick={leave}>{ "Done" }</button>
                    } else {
                        <button type="button" class="main" onclick={go(*at + 1)}>{ "Next" }</button>
                    }
                </span>
            </div>
        </section>
    }
}

/// Marks a part of the page and brings it into view.
fn point_at(part: &Element) {
    // It fails for no name that is a class.
    let _ = part.class_list().add_1(MARK);
    let options = ScrollIntoViewOptions::new();
    options.set_block(ScrollLogicalPosition::Center);
    options.set_behavior(ScrollBehavior::Auto);
    part.scroll_into_view_with_scroll_into_view_options(&options);
}
