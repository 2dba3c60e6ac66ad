//! Names of hook points, for whoever has a name and no model.

use gpt2::HookPoint;

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

/// The sentence that tells another name of a hook point than the one it is shown by, or that its name has changed its meaning.
pub(crate) fn hook_notice(name: &str, hook: HookPoint) -> Option<String> {
    let shown = hook.to_string();
    if hook == HookPoint::LnFinalNormalized {
        return Some(format!(
            "{shown} is read before the final LayerNorm's weight and bias, as TransformerLens 3 has it; for one that was trained behind them (TransformerLens before 3, LayerNorm not folded) name the hook {}",
            HookPoint::LnFinalOut
        ));
    }
    (shown != name).then(|| format!("the hook {name} is {shown}"))
}
