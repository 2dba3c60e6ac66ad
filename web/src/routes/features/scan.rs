//! Atlases of one's own: the choice of an atlas, and the scan of texts that makes one.

use wasm_bindgen::JsValue;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::components::delete::Delete;
use crate::components::select::{Select, options};
use crate::components::texts::choose_texts;
use crate::context::use_controller;
use crate::controller::Controller;
use crate::display::hook_label;
use crate::format::{bytes, grouped, plain, time_left};
use crate::state::scan::{
    CONTEXT, Choice, OwnAtlas, Running, ScanAction, ScanState, Stage, Wanted,
};
use crate::state::{Action, State};

/// Lengths of a window that are offered, in tokens.
const CONTEXTS: [usize; 4] = [32, 64, 128, 256];

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Scans, and what they made.
    pub scan: ScanState,
    /// Id of the atlas of one's own that the address names.
    pub atlas: Option<AttrValue>,
    /// True if the site has an atlas.
    pub site: bool,
    /// Loaded feature sets: id, and hook.
    pub sets: Vec<(AttrValue, AttrValue)>,
    /// Tokens that the model has room for; nothing without one.
    pub n_ctx: Option<usize>,
    /// The scan of what is chosen, or what is missing for one.
    pub wanted: Result<Wanted, &'static str>,
}

impl Props {
    /// The slices of the state that it shows.
    pub fn of(state: &State) -> Self {
        let sets = state.saes.iter();
        Self {
            scan: state.scan.clone(),
            atlas: state.place.atlas.clone().map(AttrValue::from),
            site: state.atlas.has_site(),
            sets: sets
                .map(|sae| (sae.id.clone().into(), sae.hook.clone().into()))
                .collect(),
            n_ctx: state.model.as_ref().map(|model| model.n_ctx),
            wanted: state.wanted_scan(),
        }
    }
}

/// The bar with the atlas in use, and the panel of a scan.
#[component]
pub fn Scan(props: &Props) -> Html {
    let controller = use_controller();
    {
        let controller = controller.clone();
        use_effect_with((), move |()| controller.list_own_atlases());
    }
    let open = props.scan.open || props.scan.running.is_some();
    let import = {
        let controller = controller.clone();
        move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            if let Some(file) = input.files().and_then(|files| files.get(0)) {
                // The list ends with the choice, and the same file may be chosen again.
                let file: JsValue = file.into();
                input.set_value("");
                controller.import_atlas(file);
            }
        }
    };
    let toggle = controller.on(move |_: MouseEvent| Action::Scan(ScanAction::Open(!open)));
    html! {
        <section class="card own-atlases" aria-label="Atlas in use" data-testid="own-atlases">
            <div class="controls">
                { choice(&controller, props) }
                <button type="button" aria-expanded={open.to_string()} data-testid="scan-open" onclick={toggle}>{ "Scan a text of your own" }</button>
                <label class="pick">{ "Open an exported atlas" }<input class="sr" type="file" accept=".zip" data-testid="atlas-import" onchange={import} /></label>
                { of_own(&controller, props) }
                if props.scan.opening {
                    <span class="muted" role="status">{ "Opening the atlas…" }</span>
                }
            </div>
            if open {
                <div class="scan" data-testid="scan">
                    if let Some(running) = &props.scan.running {
                        { progress(&controller, running, props.wanted.as_ref().ok().and_then(|wanted| wanted.limit)) }
                    } else {
                        { form(&controller, props) }
                    }
                </div>
            }
            if let Some(why) = &props.scan.failed {
                <p class="error" role="alert" data-testid="scan-failed">{ why }</p>
            }
        </section>
    }
}

/// The choice of an atlas, where there is one.
fn choice(controller: &Controller, props: &Props) -> Html {
    if props.scan.own.is_empty() && props.atlas.is_none() {
        return Html::default();
    }
    let onchange = controller
        .on(|id: String| Action::Scan(ScanAction::Use(Some(id).filter(|id| !id.is_empty()))));
    let gone = props
        .atlas
        .as_ref()
        .filter(|id| props.scan.own.iter().all(|one| one.id != id.as_str()));
    let site = match props.site {
        true => "of this site",
        false => "of this site (none)",
    };
    let own = props.scan.own.iter();
    let own = own.map(|one| (one.id.clone(), name(one)));
    let gone = gone.map(|id| (id.to_string(), format!("{id}, not in this browser")));
    let site = std::iter::once((String::new(), site.to_owned()));
    let options = options(site.chain(own).chain(gone));
    html! {
        <label>{ "Atlas " }
            <Select testid="atlas-choice" value={props.atlas.clone().unwrap_or_default()} {options} {onchange} />
        </label>
    }
}

fn name(atlas: &OwnAtlas) -> String {
    format!("{} ({} tokens)", atlas.name, grouped(atlas.tokens))
}

/// What can be done with the atlas of one's own that is shown.
fn of_own(controller: &Controller, props: &Props) -> Html {
    let shown = props.atlas.as_ref();
    let Some(atlas) = shown.and_then(|id| props.scan.own.iter().find(|one| one.id == id.as_str()))
    else {
        return Html::default();
    };
    let export = {
        let (controller, id) = (controller.clone(), atlas.id.clone());
        move |_: MouseEvent| controller.export_own_atlas(id.clone())
    };
    let delete = {
        let (controller, id) = (controller.clone(), atlas.id.clone());
        move |_: MouseEvent| controller.remove_own_atlas(id.clone())
    };
    let size = bytes(atlas.bytes as f64);
    html! {
        <>
            <button type="button" data-testid="atlas-export" title="A folder of files that any static host can serve (docs/atlas.md)" onclick={export}>{ format!("Export as .zip ({size})") }</button>
            <Delete label="Delete this atlas?" question={format!("Delete {}? It is in this browser only.", name(atlas))} testid="atlas-delete" onclick={Callback::from(delete)} />
        </>
    }
}

/// What is scanned, and how.
fn form(controller: &Controller, props: &Props) -> Html {
    let choice = &props.scan.choice;
    let picked = {
        let controller = controller.clone();
        move |files: &JsValue| controller.choose_texts(files)
    };
    let start = {
        let controller = controller.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            if let Ok(wanted) = controller.now(State::wanted_scan) {
                controller.scan(wanted);
            }
        }
    };
    let limit = controller.on(|event: InputEvent| {
        let field: HtmlInputElement = event.target_unchecked_into();
        Action::Scan(ScanAction::Limit(field.value()))
    });
    let map = controller.on(|event: Event| {
        let field: HtmlInputElement = event.target_unchecked_into();
        Action::Scan(ScanAction::Map(field.checked()))
    });
    html! {
        <form onsubmit={start}>
            <p>{ "The model reads your text here, in your browser, and counts what each feature does on it: a page of every feature, over your text. Nothing is sent anywhere." }</p>
            <div class="controls">
                { choose_texts("scan", &choice.texts, picked) }
            </div>
            <p class="muted">{ ".txt (documents separated by lines of <|endoftext|>) or .jsonl (a record per line, its text in \"text\"), plain or as .gz. Parquet and zstd are read by the command line program." }</p>
            <fieldset>
                <legend>{ "Feature sets" }</legend>
                if props.sets.is_empty() {
                    <span class="muted">{ "None is loaded yet." }</span>
                }
                { for props.sets.iter().map(|(id, hook)| included(controller, choice, id, hook)) }
            </fieldset>
            <div class="controls">
                { contexts(controller, choice, props.n_ctx) }
                <label>{ "End after " }<input type="text" inputmode="numeric" size="9" placeholder="all" value={choice.limit.clone()} oninput={limit} data-testid="scan-limit" aria-invalid={choice.limit_tokens().is_err().to_string()} />{ " tokens" }</label>
                <label><input type="checkbox" checked={choice.map} onchange={map} data-testid="scan-map" />{ " with a map (UMAP; takes longest)" }</label>
            </div>
            <div class="controls">
                <button type="submit" disabled={props.wanted.is_err()} data-testid="scan-start">{ "Scan" }</button>
                <span class="muted" data-testid="scan-missing">{ props.wanted.as_ref().err().copied().unwrap_or("It runs beside everything else. It can be stopped at any time: what was read by then is kept.") }</span>
            </div>
        </form>
    }
}

fn included(controller: &Controller, choice: &Choice, id: &AttrValue, hook: &AttrValue) -> Html {
    let onchange = {
        let id = id.to_string();
        controller.on(move |event: Event| {
            let field: HtmlInputElement = event.target_unchecked_into();
            Action::Scan(ScanAction::Include(id.clone(), field.checked()))
        })
    };
    let checked = !choice.without.iter().any(|one| *one == id.as_str());
    html! {
        <label class="set"><input type="checkbox" {checked} {onchange} data-set={id.clone()} />{ format!(" {} ({id})", hook_label(hook)) }</label>
    }
}

fn contexts(controller: &Controller, choice: &Choice, n_ctx: Option<usize>) -> Html {
    let most = n_ctx.unwrap_or(usize::MAX);
    let chosen = choice.context.unwrap_or(CONTEXT).min(most);
    let onchange = controller.on(|context: String| {
        Action::Scan(ScanAction::Context(context.parse().unwrap_or(CONTEXT)))
    });
    let offered = CONTEXTS.into_iter().filter(|context| *context <= most);
    let name = |context: usize| (context.to_string(), format!("{context} tokens"));
    let options = options(offered.map(name));
    html! {
        <label title="Tokens that the model sees at a time. Longer ones show more context, and take longer.">{ "Context " }
            <Select testid="scan-context" value={chosen.to_string()} {options} {onchange} />
        </label>
    }
}

/// How far a scan is.
fn progress(controller: &Controller, running: &Running, limit: Option<u64>) -> Html {
    let stop = {
        let controller = controller.clone();
        move |_: MouseEvent| controller.stop_scanning()
    };
    let share = running.share().map(|share| plain(share, 3));
    let text = match running.stage {
        Stage::Load { .. } => "Loading the weights into a worker of its own, and reading them for their hashes, by which the atlas is known".to_owned(),
        Stage::Scan { tokens, bytes: read, total } => {
            let mut text = format!("{} tokens, {} of {}", grouped(tokens as u64), bytes(read), bytes(total));
            if let Some(rate) = running.rate() {
                text += &format!(", {} tokens per second", grouped(rate.round() as u64));
            }
            if let Some(left) = running.left(limit) {
                text += &format!(", {} left", time_left(left));
            }
            text
        }
        Stage::Describe { .. } => "Describing the features by their weights: logit effects, similar features, neurons, heads".to_owned(),
        Stage::Save => "Storing the atlas in this browser".to_owned(),
    };
    html! {
        <div class="progress" data-testid="scan-progress" data-stage={stage_name(running.stage)}>
            <span role="status">{ text }</span>
            <progress aria-label="Scan" max="1" value={share} />
            <button type="button" disabled={running.stopping} data-testid="scan-stop" onclick={stop}>{ if running.stopping { "Stopping…" } else { "Stop" } }</button>
        </div>
    }
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Load { .. } => "load",
        Stage::Scan { .. } => "scan",
        Stage::Describe { .. } => "describe",
        Stage::Save => "save",
    }
}
