//! What every component of the page can reach without being handed it.

use yew::prelude::*;

use crate::controller::Controller;

/// The controller of the application that a component is in.
///
/// # Panics
///
/// Outside of [`crate::app::App`], which is a mistake in the page's own code.
#[hook]
pub fn use_controller() -> Controller {
    use_context::<Controller>().expect("components are drawn inside of the application")
}
