//! The keyboard: arrows over tokens and features, `/` to the prompt, Escape out of it, `o` to open models and SAEs, `p` to pin the feature, `?` for the list of keys.

use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use crate::browser;
use crate::controller::Controller;
use crate::display::{Direction, direction_of};
use crate::state::load::Section;
use crate::state::tray::TrayAction;
use crate::state::{Action, History, State};

const TOKENS: &str = "[data-testid=token]";
const FEATURES: &str = "[data-testid=feature-row] button";

/// True if keys belong to the element, because text is typed or a value is set in it.
fn takes_keys(element: &Element) -> bool {
    matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
}

/// Handles a key that was pressed anywhere on the page.
pub fn pressed(event: &KeyboardEvent, state: &State, controller: &Controller) {
    if event.ctrl_key()
        || event.meta_key()
        || event.alt_key()
        || state.keys_open
        || state.open.section.is_some()
    {
        return;
    }
    let focused = browser::document().and_then(|document| document.active_element());
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok());
    if target.as_ref().is_some_and(takes_keys) {
        if event.key() == "Escape" {
            event.prevent_default();
            leave_prompt(state);
        }
        return;
    }
    let on_feature = focused
        .as_ref()
        .is_some_and(|element| element.matches(FEATURES).unwrap_or(false));
    let on_token = focused
        .as_ref()
        .is_some_and(|element| element.matches(TOKENS).unwrap_or(false));
    match event.key().as_str() {
        "/" => browser::focus("[data-testid=prompt]"),
        "o" => controller.open(Section::Catalogue),
        "p" => match state.selected() {
            Some(feature) => controller.dispatch(Action::Tray(TrayAction::Pin(feature))),
            None => return,
        },
        "?" => controller.dispatch(Action::ShowKeys(true)),
        "ArrowLeft" => move_token(state, controller, -rightwards(state)),
        "ArrowRight" => move_token(state, controller, rightwards(state)),
        "Home" if on_token => move_token(state, controller, isize::MIN),
        "End" if on_token => move_token(state, controller, isize::MAX),
        // Up and down scroll the page unless a token or a feature has the focus.
        "ArrowUp" if on_feature => move_feature(focused.as_ref(), controller, -1),
        "ArrowDown" if on_feature || on_token => move_feature(focused.as_ref(), controller, 1),
        _ => return,
    }
    event.prevent_default();
}

fn leave_prompt(state: &State) {
    browser::focus(&format!(
        "{TOKENS}[data-index=\"{}\"]",
        state.place.token.unwrap_or(0)
    ));
}

/// The step to the token on the right: in text that is read from the right it is the one before.
fn rightwards(state: &State) -> isize {
    let prompt = state.trace.as_ref().map_or("", |trace| &trace.prompt);
    match direction_of(prompt) {
        Some(Direction::Rtl) => -1,
        _ => 1,
    }
}

fn move_token(state: &State, controller: &Controller, by: isize) {
    let Some(last) = state
        .trace
        .as_ref()
        .and_then(|trace| trace.tokens.len().checked_sub(1))
    else {
        return;
    };
    let token = state
        .place
        .token
        .unwrap_or(0)
        .saturating_add_signed(by)
        .min(last);
    controller.dispatch(Action::SelectToken(token, History::Replace));
    browser::focus(&format!("{TOKENS}[data-index=\"{token}\"]"));
}

fn move_feature(focused: Option<&Element>, controller: &Controller, by: isize) {
    let buttons = browser::all(FEATURES);
    let at = buttons.iter().position(|button| Some(button) == focused);
    // From the tokens, down goes to the first feature that is not selected yet; up from the first one, back to them.
    let next = match at {
        Some(0) if by < 0 => return browser::focus(&format!("{TOKENS}[tabindex=\"0\"]")),
        Some(at) => at.saturating_add_signed(by),
        None => buttons
            .iter()
            .position(|button| button.get_attribute("aria-pressed").as_deref() != Some("true"))
            .unwrap_or(0),
    };
    let Some(button) = buttons.get(next.min(buttons.len().saturating_sub(1))) else {
        return;
    };
    let latent = button
        .get_attribute("data-latent")
        .and_then(|latent| latent.parse().ok());
    if let Some(latent) = latent {
        controller.dispatch(Action::SelectFeature(latent, History::Replace));
        browser::focus(&format!("{FEATURES}[data-latent=\"{latent}\"]"));
    }
}
