//! A name with its definition on hover and for screen readers.

use yew::prelude::*;

use crate::definitions::Term;

/// The id of the element in the list of definitions that explains a term.
pub fn definition_id(term: &Term) -> String {
    format!("definition-{}", term.key)
}

/// The term's name; the definition is its description.
pub fn defined(term: Term) -> Html {
    described(term, term.name)
}

/// Other words than the term's name.
pub fn described(term: Term, shown: &'static str) -> Html {
    html! {
        <span class="term" title={term.definition} aria-describedby={definition_id(&term)}>{ shown }</span>
    }
}
