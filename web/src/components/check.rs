//! A box that is checked or not.

use web_sys::HtmlInputElement;
use yew::prelude::*;

/// The box with its words; `named` are its name for tests and its id.
pub fn check(
    named: (&'static str, &str),
    checked: bool,
    words: String,
    onchange: Callback<bool>,
) -> Html {
    let onchange = onchange.reform(|event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        input.checked()
    });
    html! {
        <label class="check"><input type="checkbox" {checked} {onchange} data-testid={named.0} data-id={named.1.to_owned()} />{ format!(" {words}") }</label>
    }
}
