//! The choice of texts of one's own.

use wasm_bindgen::JsValue;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::components::select::{Select, options};
use crate::format::{bytes, count};
use crate::state::scan::Text;
use crate::state::texts::{SAMPLE_BYTES, Source};

/// The choice of where a text is from, of some sources, and of the files where they are one's own.
pub fn choose_source(
    testid: &'static str,
    (all, source, texts): (&[Source], Source, &[Text]),
    chosen: Callback<Source>,
    picked: impl Fn(&JsValue) + 'static,
) -> Html {
    let names = all.iter().map(|source| (source.key(), source.name()));
    let onchange = chosen.reform(|key: String| Source::of_key(&key));
    html! {
        <>
            <label>{ "Text " }
                <Select testid={format!("{testid}-source")} value={source.key()} options={options(names)} {onchange} />
            </label>
            if source == Source::Files {
                { choose_texts(testid, texts, picked) }
            } else if source == Source::Sample {
                <span class="muted" data-testid={format!("{testid}-sample")}>
                    { format!("Every twelfth document of it: novels, the King James Bible, a dictionary, documentation and source code; 1.5 MB of text, a download of {}. ", bytes(SAMPLE_BYTES)) }
                    <a href="demo/SOURCES.md" target="_blank" rel="noreferrer">{ "Sources and licences" }<span class="sr">{ ", opens in a new tab" }</span></a>
                </span>
            }
        </>
    }
}

/// The button that chooses texts, and those that are chosen; `testid` begins the names of both for tests. `picked` receives the Files.
pub fn choose_texts(
    testid: &'static str,
    texts: &[Text],
    picked: impl Fn(&JsValue) + 'static,
) -> Html {
    let onchange = move |event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        if let Some(files) = input.files() {
            // The list ends with the choice, and the same files may be chosen again.
            let files: JsValue = js_sys::Array::from(&files).into();
            input.set_value("");
            picked(&files);
        }
    };
    html! {
        <>
            <label class="pick">{ "Choose texts" }<input class="sr" type="file" multiple=true accept=".txt,.jsonl,.ndjson,.gz" data-testid={format!("{testid}-files")} {onchange} /></label>
            <span data-testid={format!("{testid}-texts")}>{ chosen(texts) }</span>
        </>
    }
}

fn chosen(texts: &[Text]) -> String {
    let size: u64 = texts.iter().map(|text| text.bytes).sum();
    match texts {
        [] => "No text is chosen; you can also drop them anywhere on the page.".to_owned(),
        [one] => format!("{} ({})", one.name, bytes(size as f64)),
        all => format!("{} ({})", count(all.len(), "file"), bytes(size as f64)),
    }
}
