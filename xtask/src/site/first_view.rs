//! What `index.html` shows before the app is there: the demo's recorded trace.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use display::html::pieces_html;
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
        ("tokens", tokens(&trace)),
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

/// The tokens as links: the app selects the one that was followed before it was there.
fn tokens(trace: &Trace) -> Markup {
    html! {
        @for (index, token) in trace.tokens.iter().enumerate() {
            @let bos = index == 0 && trace.bos_prepended;
            i.gap {}
            a.chip.bos[bos] data-testid="token" data-index=(index) href={ "#/?token=" (index) } {
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
            "trace": {"bosPrepended": true, "tokens": [{"text": "<|endoftext|>"}, {"text": "1"}, {"text": " <2"}]}}"#;
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
    }

    #[test]
    fn a_place_that_nothing_fills_in_is_an_error() {
        for page in ["{{other}}", "{{prompt"] {
            assert!(filled(page).is_err(), "{page}");
        }
    }
}
