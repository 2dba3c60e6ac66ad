//! The searches: by token, by logit effect, by text.

use std::rc::Rc;

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::atlas::PartId;
use crate::browse::query::SearchKind;
use crate::browse::{Outcome, Query, Search};
use crate::components::token_text::quoted_token;
use crate::controller::Controller;
use crate::routes::features::parts::Waiting;
use crate::state::atlas::PartState;
use crate::state::browse::BrowseAction;
use crate::state::{Action, History};

/// Name on the button of a kind of search, and what its field asks for.
fn words(kind: SearchKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        SearchKind::On => (
            "Fires on token",
            "A token, such as king",
            "Features that fire on a token, most often first. With a space before it, or between backticks, only that very token.",
        ),
        SearchKind::Up => (
            "Pushes token up",
            "A token, such as Lord",
            "Features that have the token among the three that they raise most (direct path), the first place first.",
        ),
        SearchKind::Down => (
            "Pushes token down",
            "A token, such as Lord",
            "Features that have the token among the three that they lower most (direct path), the first place first.",
        ),
        SearchKind::Text => (
            "Fires on text",
            "A sentence",
            "Features that fire on a text, the most characteristic first: largest activation · ln((1 + N) / n), where N is the number of tokens of the corpus and n the number of those on which the feature fires.",
        ),
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What is listed.
    pub query: Rc<Query>,
    /// Receives what is to be listed.
    pub ask: Callback<(Query, History)>,
}

/// The form.
#[component]
pub fn SearchForm(props: &Props) -> Html {
    let kind = use_state(SearchKind::default);
    let text = use_state(String::new);
    {
        // The address says what is searched for; back brings the earlier search back.
        let (kind, text) = (kind.setter(), text.setter());
        use_effect_with(props.query.search.clone(), move |search| {
            if let Some(search) = search {
                kind.set(search.kind());
            }
            text.set(
                search
                    .as_ref()
                    .map(|search| search.text().to_owned())
                    .unwrap_or_default(),
            );
        });
    }
    let ask = {
        let (query, ask) = (props.query.clone(), props.ask.clone());
        move |search: Option<Search>| {
            // A search has an order of its own.
            ask.emit((
                Query {
                    search,
                    sort: None,
                    ..(*query).clone()
                },
                History::Push,
            ));
        }
    };
    let onsubmit = {
        let (ask, kind, text) = (ask.clone(), kind.clone(), text.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            // What was typed a moment ago may not be drawn yet.
            let (kind, text) = (*kind.clone(), (*text.clone()).clone());
            ask((!text.is_empty()).then(|| kind.of(text)));
        }
    };
    let oninput = {
        let text = text.clone();
        move |event: InputEvent| text.set(event.target_unchecked_into::<HtmlInputElement>().value())
    };
    let clear = move |_: MouseEvent| ask(None);
    let (_, placeholder, about) = words(*kind);
    html! {
        <form class="feature-search" role="search" aria-label="Search features" {onsubmit} data-testid="feature-search">
            <div class="seg small" role="group" aria-label="Search by">
                { for SearchKind::ALL.map(|one| {
                    let kind = kind.clone();
                    let pressed = *kind == one;
                    html! { <button type="button" data-kind={one.name()} aria-pressed={pressed.to_string()} title={words(one).2} onclick={move |_| kind.set(one)}>{ words(one).0 }</button> }
                }) }
            </div>
            <div class="search-line">
                <input type="text" aria-label={words(*kind).0} aria-describedby="search-about" {placeholder} value={(*text).clone()} {oninput} autocomplete="off" autocapitalize="off" spellcheck="false" data-testid="search-field" />
                <button type="submit" data-testid="search-button">{ "Search" }</button>
                if props.query.search.is_some() {
                    <button type="button" class="quiet" data-testid="search-clear" onclick={clear}>{ "Clear search" }</button>
                }
            </div>
            <p id="search-about" class="muted">{ about }</p>
        </form>
    }
}

/// Parts that a search needs.
pub struct Needs<'a> {
    /// Index of the set.
    pub set: usize,
    /// State of the tokens' texts.
    pub vocabulary: PartState,
    /// State of the index of tokens.
    pub index: PartState,
    /// True if the SAE that the features are of is loaded.
    pub loaded: bool,
    /// Why the text could not be traced.
    pub failed: Option<&'a str>,
}

/// What a search waits for.
pub fn waiting(controller: &Controller, search: &Search, needs: Needs<'_>) -> Html {
    if search.kind() != SearchKind::Text {
        return html! {
            <>
                <Waiting name="The texts of the tokens" id={PartId::Vocabulary} part={needs.vocabulary} />
                if search.kind() == SearchKind::On {
                    <Waiting name="The index of tokens" id={PartId::TokenIndex(needs.set)} part={needs.index} />
                }
            </>
        };
    }
    match (needs.loaded, needs.failed) {
        (false, _) => {
            html! { "A text needs the model and the SAE that these features are of: load them in the library, or wait until they are there." }
        }
        (true, Some(why)) => html! {
            <span class="error" role="alert">{ why.to_owned() }{ " " }
                <button type="button" class="quiet" data-testid="text-retry" onclick={controller.on(|_| Action::Browse(BrowseAction::TextRetry))}>{ "Try again" }</button>
            </span>
        },
        (true, None) => html! { "The engine reads the text…" },
    }
}

/// What a search found, behind the number of features.
pub fn found(outcome: &Rc<Option<Outcome>>, query: &Rc<Query>) -> Html {
    let Some(search) = &query.search else {
        return Html::default();
    };
    let verb = match search.kind() {
        SearchKind::On => " that fire on ",
        SearchKind::Up => " that raise most, among others, ",
        SearchKind::Down => " that lower most, among others, ",
        SearchKind::Text => {
            return html! { { " that fire on this text, the most characteristic first" } };
        }
    };
    match &**outcome {
        Some(Outcome::Found { tokens, .. }) => html! {
            <>
                { verb }
                { for tokens.iter().enumerate().map(|(at, (_, text))| html! { <>if at > 0 { { ", " } }{ quoted_token(text) }</> }) }
            </>
        },
        Some(Outcome::NoToken) => {
            html! { <>{ ": no token of the vocabulary is, or begins with, " }{ quoted_token(search.text()) }</> }
        }
        _ => Html::default(),
    }
}
