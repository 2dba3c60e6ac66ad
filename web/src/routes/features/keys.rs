//! Keys on the page of a feature: `j` and the right arrow to the next feature, `k` and the left arrow to the one before.

use crate::browser;
use crate::controller::Controller;
use crate::state::Action;
use crate::state::State;
use crate::state::atlas::AtlasAction;
use crate::state::tray::TrayAction;

/// Elements to which arrows belong.
const ARROWS: &str = "[data-testid=context-token]";

/// Handles a key that was pressed on the page of a feature; false where it means nothing there.
pub fn pressed(key: &str, state: &State, controller: &Controller) -> bool {
    let in_line = || {
        let focused = browser::document().and_then(|document| document.active_element());
        focused.is_some_and(|element| element.matches(ARROWS).unwrap_or(false))
    };
    let by = match key {
        "j" | "k" | "p" if !state.single_keys => return false,
        "ArrowLeft" | "ArrowRight" if in_line() => return false,
        "j" | "ArrowRight" => 1,
        "k" | "ArrowLeft" => -1,
        "p" => {
            let feature = state.page_feature();
            let pinned = feature.is_some();
            if let Some(feature) = feature {
                controller.dispatch(Action::Tray(TrayAction::Pin(feature)));
            }
            return pinned;
        }
        _ => return false,
    };
    controller.dispatch(Action::Atlas(AtlasAction::Step(by)));
    true
}
