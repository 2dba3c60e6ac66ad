//! Short names of hook points.

/// Name of a hook point on a button: `layer 3` for the residual stream after block 3, else with its own name.
pub fn hook_label(hook: &str) -> String {
    let Some((layer, point)) = hook
        .strip_prefix("blocks.")
        .and_then(|rest| rest.split_once('.'))
    else {
        return hook.to_owned();
    };
    match point {
        "hook_resid_post" => format!("layer {layer}"),
        point => {
            let (part, name) = point.rsplit_once('.').unwrap_or(("", point));
            let gap = if part.is_empty() { "" } else { " " };
            let name = name.strip_prefix("hook_").unwrap_or(name);
            format!("layer {layer} {part}{gap}{name}")
        }
    }
}

/// Layer of a hook point; nothing for those that belong to none.
pub fn layer_of(hook: &str) -> Option<u32> {
    let (layer, _) = hook.strip_prefix("blocks.")?.split_once('.')?;
    layer.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hooks() {
        assert_eq!(hook_label("blocks.3.hook_resid_post"), "layer 3");
        assert_eq!(hook_label("blocks.8.mlp.hook_post"), "layer 8 mlp post");
        assert_eq!(hook_label("blocks.8.hook_resid_pre"), "layer 8 resid_pre");
        assert_eq!(hook_label("hook_embed"), "hook_embed");
        assert_eq!(layer_of("blocks.11.attn.hook_z"), Some(11));
        assert_eq!(layer_of("ln_final.hook_normalized"), None);
    }
}
