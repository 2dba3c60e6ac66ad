//! Opening and closing of modal dialogs.

use web_sys::HtmlDialogElement;
use yew::prelude::*;

/// Opens and closes a `<dialog>`. While it is open the browser keeps the focus in it and closes it on Escape; then the focus
/// goes back to where it was.
///
/// Gives the callback for its events `cancel` and `close`. The first comes before Escape closes the dialog, the second in a
/// task of its own afterwards, which a key may overtake: if the dialog is open again by then, it says nothing.
#[hook]
pub fn use_modal(node: &NodeRef, open: bool, closed: Callback<()>) -> Callback<Event> {
    let dialog = node.clone();
    use_effect_with(open, move |&open| {
        if let Some(dialog) = dialog.cast::<HtmlDialogElement>() {
            if open && !dialog.open() {
                // It fails only for a dialog that is not in the page.
                let _ = dialog.show_modal();
            } else if !open && dialog.open() {
                dialog.close();
            }
        }
    });
    let dialog = node.clone();
    Callback::from(move |event: Event| {
        let is_open = dialog
            .cast::<HtmlDialogElement>()
            .is_some_and(|dialog| dialog.open());
        if event.type_() == "cancel" || !is_open {
            closed.emit(());
        }
    })
}
