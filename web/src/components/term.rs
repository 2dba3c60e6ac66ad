//! A name with its definition on hover and for screen readers.

use yew::prelude::*;

use crate::definitions::Term;

/// The id of the element in the list of definitions that explains a term.
pub fn definition_id(term: &Term) -> String {
    format!("definition-{}", term.key)
}

/// What to show.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The term.
    pub term: Term,
    /// Another text than the term's name.
    #[prop_or_default]
    pub children: Html,
}

/// The term's name, or what stands for it; the definition is its description.
#[component]
pub fn Defined(props: &Props) -> Html {
    let Props { term, children } = props;
    let shown = if *children == Html::default() {
        html! { term.name }
    } else {
        children.clone()
    };
    html! {
        <span class="term" title={term.definition} aria-describedby={definition_id(term)}>{ shown }</span>
    }
}
