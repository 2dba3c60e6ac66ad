//! How far loading is.

use yew::prelude::*;

use crate::data::Progress;
use crate::format::{bytes, plain};

fn stage(progress: &Progress) -> &'static str {
    match progress.stage.as_str() {
        "engine" => "Starting the engine",
        "model" => "Loading the model",
        "sae" => "Loading the sparse autoencoders",
        _ => "Starting",
    }
}

/// A bar with the stage and its bytes so far; with nothing of them, the first trace runs.
pub fn progress_bar(progress: Option<&Progress>) -> Html {
    let Some(progress) = progress else {
        return html! { <div class="progress card" data-testid="progress"><p>{ "Tracing the first prompt" }</p><progress aria-label="Tracing the first prompt" /></div> };
    };
    let Progress { loaded, total, .. } = *progress;
    let known = total > 0.0;
    html! {
        <div class="progress card" data-testid="progress">
            <p>
                { stage(progress) }
                if known {
                    <span class="number">{ format!("{} of {}", bytes(loaded), bytes(total)) }</span>
                }
            </p>
            <progress aria-label={stage(progress)} max={known.then(|| plain(total, 0))} value={known.then(|| plain(loaded, 0))} />
        </div>
    }
}
