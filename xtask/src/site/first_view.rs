//! What `index.html` shows before the app is there: the demo's recorded trace.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use display::format::tint;
use display::html::pieces_html;
use display::ranking::{Rows, choose, peak};
use display::{hook_label, pieces};
use maud::{Markup, html};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Of `demo.json`, what is shown.
#[derive(Deserialize)]
struct Demo {
    saes: Vec<DemoSae>,
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct DemoSae {
    id: String,
    hook: String,
}

#[derive(Deserialize)]
struct Prompt {
    name: String,
    text: String,
}

/// Of `recorded.json`, what is shown.
#[derive(Deserialize)]
struct Recorded {
    prompt: Prompt,
    model: Model,
    sae: Sae,
    trace: Trace,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    n_ctx: usize,
}

#[derive(Deserialize)]
struct Sae {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    tokens: Vec<Token>,
    bos_prepended: bool,
    saes: Vec<Features>,
}

/// The active features of one SAE, as `recorded.json` has them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Features {
    id: String,
    n_latents: usize,
    latents: Vec<i32>,
    activations: Vec<f32>,
}

#[derive(Deserialize)]
struct Token {
    text: String,
}

/// The page with the recorded trace of the demo in `folder` in its places, which are names in double braces.
pub fn fill(page: &str, folder: &Path) -> Result<String> {
    let demo: Demo = read(&folder.join("demo.json"))?;
    let Recorded {
        prompt,
        model,
        sae,
        trace,
    } = read(&folder.join("recorded.json"))?;
    let saes = demo.saes.iter();
    let saes = saes.map(|one| (hook_label(&one.hook), one.id == sae.id));
    let examples = demo.prompts.iter();
    let examples = examples.map(|one| (one.name.clone(), one.text == prompt.text));
    let places = [
        ("saes", choices(saes)),
        ("examples", choices(examples)),
        ("prompt", html! { (prompt.text) }),
        ("tokens", tokens(&trace, &Tints::new(&trace, &sae.id))),
        (
            "facts",
            html! { b { (trace.tokens.len()) } " tokens of at most " (model.n_ctx) },
        ),
    ];
    // In one go: what is put in may hold braces itself.
    let mut pieces = page.split("{{");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let Some((name, rest)) = piece.split_once("}}") else {
            bail!("index.html has {{{{ without }}}}");
        };
        let found = places.iter().find(|(place, _)| *place == name);
        let (_, html) = found
            .with_context(|| format!("index.html has {{{{{name}}}}}, which nothing fills in"))?;
        filled.push_str(&html.0);
        filled.push_str(rest);
    }
    Ok(filled)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text =
        fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is not what it should be", path.display()))
}

/// Names to choose from, of which one is chosen, before anything acts.
fn choices(names: impl Iterator<Item = (String, bool)>) -> Markup {
    html! {
        @for (name, pressed) in names {
            button type="button" disabled aria-pressed=(pressed) { (name) }
        }
    }
}

/// The selection that the app begins with, as it is seen on the tokens.
struct Tints {
    selected: usize,
    /// The feature's activation at each token.
    along: Vec<f32>,
    peak: f32,
}

impl Tints {
    fn new(trace: &Trace, sae: &str) -> Self {
        let count = trace.tokens.len();
        let first_own = usize::from(trace.bos_prepended && count > 1);
        let features = trace.saes.iter().find(|features| features.id == sae);
        let (selected, along) = features.map_or_else(Default::default, |features| {
            let rows = Rows {
                slots: features.latents.len() / count.max(1),
                n_latents: features.n_latents,
                latents: &features.latents,
                activations: &features.activations,
            };
            let (token, latent) = choose(rows, first_own..count, None, None);
            let along = latent.map(|latent| rows.along(count, latent));
            (token, along.unwrap_or_default())
        });
        Self {
            peak: peak(&along, first_own),
            selected,
            along,
        }
    }

    /// The class of a token's tint.
    fn class(&self, token: usize) -> String {
        let value = self.along.get(token).copied().unwrap_or(0.0);
        format!("t{}", tint(value, self.peak))
    }
}

/// The tokens as links: the app selects the one that was followed before it was there.
fn tokens(trace: &Trace, tints: &Tints) -> Markup {
    html! {
        @for (index, token) in trace.tokens.iter().enumerate() {
            @let bos = index == 0 && trace.bos_prepended;
            i.gap {}
            a.chip.(tints.class(index)).bos[bos] data-testid="token" data-index=(index) aria-current=[(index == tints.selected).then_some("true")] href={ "#/?token=" (index) } {
                @if bos { "BOS" } @else { bdi.token-text { (pieces_html(&pieces(&token.text))) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(page: &str) -> Result<String> {
        let folder = tempfile::tempdir()?;
        let demo = r#"{"saes": [{"id": "a", "hook": "blocks.1.hook_resid_post"}, {"id": "b", "hook": "hook_<x>"}],
            "prompts": [{"name": "{{tokens}}", "text": "1 <2"}]}"#;
        let recorded = r#"{"prompt": {"name": "x", "text": "1 <2"}, "model": {"nCtx": 9}, "sae": {"id": "b"},
            "trace": {"bosPrepended": true, "tokens": [{"text": "<|endoftext|>"}, {"text": "1"}, {"text": " <2"}],
                "saes": [{"id": "a", "nLatents": 9, "latents": [1, 1, 1], "activations": [1, 1, 1]},
                    {"id": "b", "nLatents": 9, "latents": [8, 3, 3], "activations": [90, 1, 2]}]}}"#;
        fs::write(folder.path().join("demo.json"), demo)?;
        fs::write(folder.path().join("recorded.json"), recorded)?;
        fill(page, folder.path())
    }

    #[test]
    fn the_places_of_a_page_get_the_recorded_trace_as_text() {
        assert_eq!(
            filled("a {{prompt}} b {{facts}}").unwrap(),
            "a 1 &lt;2 b <b>3</b> tokens of at most 9"
        );
        assert_eq!(
            filled("{{examples}}").unwrap(),
            "<button type=\"button\" disabled aria-pressed=\"true\">{{tokens}}</button>"
        );
        let saes = filled("{{saes}}").unwrap();
        assert!(saes.contains("aria-pressed=\"false\">layer 1<"), "{saes}");
        assert!(
            saes.contains("aria-pressed=\"true\">hook_&lt;x&gt;<"),
            "{saes}"
        );
        let tokens = filled("{{tokens}}").unwrap();
        assert!(tokens.contains("#/?token=0\">BOS</a>"), "{tokens}");
        assert!(tokens.contains("<i class=\"mark\">␣</i>&lt;2"), "{tokens}");
        // The recorded SAE's feature 3, which is strongest at the last token: it is the selected one.
        let classes: Vec<_> = tokens.split("class=\"chip ").skip(1).collect();
        for (found, expected) in classes.iter().zip(["t0 bos\"", "t10\"", "t20\""]) {
            assert!(found.starts_with(expected), "{found}, not {expected}");
        }
        let current = "data-index=\"2\" aria-current=\"true\"";
        assert_eq!(tokens.matches("aria-current").count(), 1, "{tokens}");
        assert!(tokens.contains(current), "{tokens}");
    }

    #[test]
    fn a_place_that_nothing_fills_in_is_an_error() {
        for page in ["{{other}}", "{{prompt"] {
            assert!(filled(page).is_err(), "{page}");
        }
    }
}
