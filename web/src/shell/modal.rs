//! Opening and closing of modal dialogs.

use web_sys::HtmlDialogElement;
use yew::prelude::*;

/// Opens and closes a `<dialog>`. While it is open the browser keeps the focus in it and closes it on Escape; then the focus
/// goes back to where it was.
#[hook]
pub fn use_modal(node: &NodeRef, open: bool) {
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
}
