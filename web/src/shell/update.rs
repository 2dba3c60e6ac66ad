//! The line that says that a new version of the page is there.

use yew::prelude::*;

use crate::controller::Controller;
use crate::state::Action;
use crate::state::offline::OfflineAction;

/// The line, with a button that reloads the page; the session goes on until that is pressed.
pub(super) fn update_line(controller: &Controller) -> Html {
    let later = controller.on(|_: MouseEvent| Action::Offline(OfflineAction::Later));
    let reload = {
        let controller = controller.clone();
        move |_| controller.take_new_version()
    };
    html! {
        <p>
            { "A new version of this page is there. " }
            <button type="button" class="link" data-testid="update-now" title="Prompt, selection, pins and edits stay; what is being computed is not kept" onclick={reload}>{ "Reload" }</button>
            <button type="button" class="plain" aria-label="Not now" onclick={later}>{ "×" }</button>
        </p>
    }
}
