//! Words with a definition: each is a button that opens it, and every definition is in the page once.
//!
//! The browser opens and closes a definition by itself (`popover`), one at a time, by mouse, touch and keyboard. On hover it is
//! the button's title, and screen readers have it as the button's description. A browser without popovers keeps those two, and
//! the list of definitions beside the keys.

use yew::prelude::*;

use crate::definitions::{ALL, Term};

/// The id of the popover with a term's definition.
fn popover_id(term: &Term) -> String {
    format!("define-{}", term.key)
}

/// The id of the definition's text.
fn definition_id(term: &Term) -> String {
    format!("definition-{}", term.key)
}

/// The term's name, as a button that opens its definition. It belongs in no other button, link or label: there the definition
/// can only be the title.
pub fn defined(term: Term) -> Html {
    described(term, term.name)
}

/// Other words than the term's name.
pub fn described(term: Term, shown: &'static str) -> Html {
    html! {
        <button type="button" class="term" data-testid="term" popovertarget={popover_id(&term)} title={term.definition} aria-describedby={definition_id(&term)}>{ shown }</button>
    }
}

/// The definitions that the terms open.
#[component]
pub fn Definitions() -> Html {
    html! {
        <div class="popovers">
            { for ALL.iter().map(|term| html! {
                <div popover="auto" id={popover_id(term)} class="definition" data-testid="definition">
                    <b>{ term.name }</b><p id={definition_id(term)}>{ term.definition }</p>
                </div>
            }) }
        </div>
    }
}
