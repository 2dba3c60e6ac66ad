//! Names of hook points, for whoever has a name and no model.

use gpt2::HookPoint;

use crate::load_sae::hook_notice;

/// A sentence about a hook's name where there is something to say: that it is another name of a hook point, or that it is
/// no hook point's, with the nearest that is.
pub fn about_hook(name: &str) -> Option<String> {
    match name.parse::<HookPoint>() {
        Ok(hook) => hook_notice(name, hook),
        Err(unknown) => Some(unknown.to_string()),
    }
}

/// The name by which a hook point is shown; None for a name that is no hook point's.
pub fn hook_name(name: &str) -> Option<String> {
    name.parse::<HookPoint>().ok().map(|hook| hook.to_string())
}
