//! The keyboard: Ctrl K to find, arrows over tokens and features, `/` to the prompt, Escape out of it, `o` to the library of
//! models and SAEs, `p` to pin the feature, `?` for the list of keys. Keys of a single character can be switched off.

use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use crate::browser;
use crate::components::tokens::layout;
use crate::controller::Controller;
use crate::display::Side;
use crate::routes::features::keys as feature_keys;
use crate::state::route::Route;
use crate::state::tray::TrayAction;
use crate::state::{Action, History, State};

const TOKENS: &str = "[data-testid=token]";
const FEATURES: &str = "[data-testid=feature-row] button";

const FIND: &str = "[data-testid=find-dialog][open]";
const DIALOGS: &str = "dialog[open]";

/// True if a dialog is open. The page's state hears of a closed one only with its event, which a key may overtake.
fn is_open(dialog: &str) -> bool {
    !browser::all(dialog).is_empty()
}

/// True if keys belong to the element, because text is typed or a value is set in it.
fn takes_keys(element: &Element) -> bool {
    matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
}

/// True for Ctrl K and ⌘K, also with a Caps Lock that is on.
fn finds(event: &KeyboardEvent) -> bool {
    (event.ctrl_key() != event.meta_key())
        && !event.alt_key()
        && !event.shift_key()
        && event.key().eq_ignore_ascii_case("k")
}

/// Handles a key that was pressed anywhere on the page.
pub fn pressed(event: &KeyboardEvent, state: &State, controller: &Controller) {
    if finds(event) {
        // Browsers have a use of their own for it.
        event.prevent_default();
        controller.dispatch(Action::ShowFind(!is_open(FIND)));
        return;
    }
    if event.ctrl_key() || event.meta_key() || event.alt_key() || is_open(DIALOGS) {
        return;
    }
    let on_prompt = state.place.route.shows_prompt();
    let focused = browser::document().and_then(|document| document.active_element());
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok());
    if target.as_ref().is_some_and(takes_keys) {
        if event.key() == "Escape" && on_prompt {
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
        key if state.place.page.is_some() && feature_keys::pressed(key, state, controller) => {}
        "/" | "o" | "p" | "?" if !state.single_keys => return,
        "o" => controller.dispatch(Action::Go(Route::Library)),
        "p" => match state.selected() {
            Some(feature) => controller.dispatch(Action::Tray(TrayAction::Pin(feature))),
            None => return,
        },
        "?" => controller.dispatch(Action::ShowKeys(true)),
        // The others are about the prompt.
        _ if !on_prompt => return,
        "/" => browser::focus("[data-testid=prompt]"),
        "ArrowLeft" => move_aside(state, controller, Side::Left),
        "ArrowRight" => move_aside(state, controller, Side::Right),
        "Home" if on_token => select_token(controller, 0),
        "End" if on_token => select_last(state, controller),
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

/// Selects the token on a side of the selected one, as it is seen; at the end of the prompt the same again.
fn move_aside(state: &State, controller: &Controller, side: Side) {
    if let (Some(trace), Some(last)) = (&state.trace, last_token(state)) {
        let token = state.place.token.unwrap_or(0).min(last);
        let next = layout(trace).beside(token, side).unwrap_or(token);
        select_token(controller, next);
    }
}

fn select_last(state: &State, controller: &Controller) {
    if let Some(last) = last_token(state) {
        select_token(controller, last);
    }
}

fn last_token(state: &State) -> Option<usize> {
    state.trace.as_ref()?.tokens.len().checked_sub(1)
}

fn select_token(controller: &Controller, token: usize) {
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
