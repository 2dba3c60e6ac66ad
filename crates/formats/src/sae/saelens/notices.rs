//! Notices about a SAELens folder: what its settings left open, and what was assumed.

use super::CFG;
use super::cfg::Cfg;
use super::known::is_known;
use crate::error::shortened;
use crate::sae::{Architecture, Normalization, SaeConfig};

/// Sentences for whoever loads the folder, the weightiest first.
pub(super) fn of(cfg: &Cfg, config: &SaeConfig) -> Vec<String> {
    let settings = &cfg.settings;
    let mut notices = Vec::new();
    if matches!(
        config.normalization,
        Normalization::ExpectedAverageOnlyIn {
            norm_scaling_factor: None
        }
    ) {
        notices.push(format!("{CFG} says normalize_activations = expected_average_only_in without norm_scaling_factor, so the weights are used as if the factor were folded into them; if it is not, latents and reconstruction are wrong: compare FVU, and state the factor"));
    }
    if settings.get("normalize_activations").is_none() {
        notices.push(format!(
            "{CFG} does not state normalize_activations: none is assumed"
        ));
    }
    if settings.get("apply_b_dec_to_input").is_none() {
        notices.push(format!("{CFG} does not state apply_b_dec_to_input: b_dec is subtracted from the input, which is SAELens's default"));
    }
    if settings.get("prepend_bos").is_none() && cfg.is_legacy() {
        notices.push(format!("{CFG} does not state prepend_bos and is from before SAELens 6, where a BOS went first by default: one is assumed"));
    }
    if settings
        .get("hook_name")
        .or(settings.get("hook_point"))
        .is_none()
    {
        notices.push(match &config.hook_name {
            Some(name) => format!(
                "{CFG} states no hook_name: hf_hook_name, {}, is used",
                shortened(name)
            ),
            None => format!(
                "{CFG} does not state hook_name: the hook has to be named when it is loaded"
            ),
        });
    }
    if !matches!(config.architecture, Architecture::TopK { .. })
        && let Some((name, k)) = cfg.stated_k().into_iter().next()
    {
        let architecture = config.architecture.name();
        notices.push(format!(
            "{CFG} states {name} = {k}, which the architecture {architecture} does not use"
        ));
    }
    let unknown: Vec<String> = settings
        .names()
        .filter(|name| !is_known(name) && settings.get(name).is_some_and(|value| value != false))
        .filter(|name| !cfg.is_metadata(name))
        .map(|name| format!("`{}`", shortened(name)))
        .collect();
    if !unknown.is_empty() {
        const MOST: usize = 8;
        let more = unknown.len().saturating_sub(MOST);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let list = unknown
            .iter()
            .take(MOST)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        notices.push(format!(
            "{CFG} has settings that are not known here and were not used: {list}{more}"
        ));
    }
    notices
}
