//! A figure as an HTML page in one file: no script, no request, and a policy that says so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use display::format::grouped;
use display::hook_label;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::chips::chips;
use super::data::Data;
use super::parts::{definitions, every_token, features, legend, next_tokens, pushed};

/// The styles, which stand in the page as they are.
const STYLE: &str = include_str!("style.css");

/// The page's policy: its own styles, by their hash, and nothing else.
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

/// The page.
pub fn page(data: &Data<'_>) -> String {
    let info = data.sae;
    let name = match data.feature {
        Some(feature) => format!("{} {}", data.noun(), feature.latent),
        None => "No feature is active".to_owned(),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width";
                meta name="generator" content={ "sae-explorer " (env!("CARGO_PKG_VERSION")) };
                title { (name) " of " (info.id) " · sae-explorer" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header {
                        h1 { (name) }
                        p { b { (info.id) } " · " span title=(info.hook) { (hook_label(&info.hook)) } " · " (data.model) }
                    }
                    (chips(data))
                    (legend(data))
                    div.columns {
                        (features(data))
                        (pushed(data))
                        (next_tokens(data))
                    }
                    (every_token(data))
                    (definitions(data))
                    (recorded(data))
                }
            }
        }
    };
    page.into_string()
}

/// The origin of the numbers, and where they can be computed again.
fn recorded(data: &Data<'_>) -> Markup {
    let (info, trace) = (data.sae, data.trace);
    let device = match trace.backend.as_str() {
        "gpu" => "GPU",
        _ => "CPU",
    };
    html! {
        footer {
            p {
                b { "Recorded" }
                ": computed by sae-explorer " (env!("CARGO_PKG_VERSION")) " on the " (device)
                @if !trace.adapter.is_empty() { " (" (trace.adapter) ")" }
                "; model " (data.model_id) ", " (info.id) " (" (info.architecture) ", " (grouped(info.n_latents as u64)) " latents) at "
                span.code { (info.hook) } ". " (trace.bos_reason.trim_end_matches('.')) "."
                @if let Some(link) = &data.link {
                    " " a href=(link) target="_blank" rel="noopener" title="The same prompt, feature and token, computed in your browser" { "Open live" }
                }
            }
            @for caution in &data.sae.cautions { p.caution { (caution) } }
        }
    }
}
