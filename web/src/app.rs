//! The application: the state, and what follows from its changes outside the page's markup.

use gloo::events::{EventListener, EventListenerOptions};
use gloo::timers::callback::Timeout;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::browser;
use crate::components::prompt_field::PromptField;
use crate::components::statistics::{Known, Statistics};
use crate::components::term::Definitions;
use crate::controller::Controller;
use crate::js_value::get;
use crate::keys;
use crate::notes::store::NotesProvider;
use crate::page::Page;
use crate::preferences;
use crate::requests::atlas::use_atlas;
use crate::requests::beginning::Beginning;
use crate::requests::counterparts::use_counterparts;
use crate::requests::host::use_host;
use crate::requests::identities::use_identities;
use crate::requests::live::use_own_text;
use crate::requests::offline::use_offline;
use crate::requests::taps::use_taps;
use crate::requests::text::use_text_search;
use crate::routes::circuits::{CircuitsRoute, Props as CircuitsProps};
use crate::routes::features::{FeaturesRoute, Props as FeaturesProps};
use crate::routes::figure::figure;
use crate::routes::lab::compare::{CompareRoute, Props as CompareProps};
use crate::routes::lab::{Props as TrainProps, TrainRoute};
use crate::routes::library::{Library, Props as LibraryProps};
use crate::routes::prompt::{PromptRoute, Props as PromptProps};
use crate::routes::start::Start;
use crate::routes::steer::dose::{DoseRoute, Props as DoseProps};
use crate::routes::steer::effects::{EffectsRoute, Props as EffectsProps};
use crate::routes::steer::patch::{PatchRoute, Props as PatchProps};
use crate::routes::steer::{Props as SteerProps, SteerRoute};
use crate::shared::Shared;
use crate::shell::dock::Dock;
use crate::shell::error_banner::ErrorBanner;
use crate::shell::find_dialog::{FindDialog, Props as FindProps};
use crate::shell::header::Header;
use crate::shell::keys_dialog::KeysDialog;
use crate::shell::load_request::{LoadRequest, Request};
use crate::shell::note::NoteLine;
use crate::shell::progress::BrokenBanner;
use crate::shell::tray::{Props as TrayProps, Tray};
use crate::state::atlas::AtlasFeature;
use crate::state::route::Route;
use crate::state::scan::{is_archive, is_text};
use crate::state::url::Place;
use crate::state::{Action, During, History, Phase, Remote, State};

/// Typing has paused when no key came for so long, in milliseconds.
const PAUSE: u32 = 300;

/// Draws the page into its element and begins to load. Where `index.html` shows the start page, that gives way to one that has as much.
pub fn start() {
    let Some(root) = browser::document().and_then(|document| document.get_element_by_id("app"))
    else {
        return;
    };
    spawn_local(async move {
        let beginning = if browser::shows_first_view() {
            Some(Shared::new(Beginning::fetch().await))
        } else {
            None
        };
        root.set_text_content(None);
        yew::Renderer::<App>::with_root_and_props(root, Props { beginning }).render();
    });
}

/// What the application begins with.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What the site has for its first seconds, if it is here.
    pub beginning: Option<Shared<Beginning>>,
}

/// The application.
#[component]
pub fn App(props: &Props) -> Html {
    let page = use_reducer_eq(|| {
        let mut state = State::new(Place::from_hash(&browser::hash()));
        state.single_keys = preferences::single_keys();
        let actions = props
            .beginning
            .iter()
            .flat_map(|beginning| &beginning.actions);
        Page(actions.cloned().fold(state, State::after))
    });
    let controller = use_memo((), |()| Controller::new(&page));
    let controller = (*controller).clone();
    let state = &page.0;

    use_load(&controller, &props.beginning);
    use_address(state, &controller);
    use_traces(state, &controller);
    use_feature(state, &controller);
    use_match(state, &controller);
    use_edits(state, &controller);
    use_stopped(
        state.generate.running,
        &controller,
        Controller::stop_generating,
    );
    use_stopped(state.steer.running, &controller, Controller::stop_steering);
    use_stopped(
        state.circuits.running,
        &controller,
        Controller::stop_watching,
    );
    use_stopped(
        state.circuits.links.running,
        &controller,
        Controller::stop_linking,
    );
    use_stopped(state.effects.running, &controller, Controller::stop_effects);
    use_stopped(state.dose.running, &controller, Controller::stop_sweep);
    use_stopped(state.patch.running, &controller, Controller::stop_patching);
    use_question(state, &controller);
    use_numbers(state, &controller);
    use_sample_loss(state, &controller);
    use_taps(state, &controller);
    use_atlas(state, &controller);
    use_identities(state, &controller);
    use_text_search(state, &controller);
    use_own_text(state, &controller);
    use_counterparts(state, &controller);
    use_offline(state, &controller);
    use_host(state);
    use_keys(&controller);
    use_drops(&controller);
    use_effect_with(state.word(), |word| browser::mark_body("data-state", word));

    use_title(state.place.route, state.place.page.clone());

    let route = state.place.route;
    let prompt_fails = state
        .problem
        .as_ref()
        .is_some_and(|problem| problem.during == During::Tracing);
    html! {
        <ContextProvider<Controller> context={controller.clone()}>
            <NotesProvider>
            <ContextProvider<Known> context={Statistics::of(state)}>
            if let Some(shown) = state.place.figure {
                <main id="main" tabindex="-1">{ banners(state) }{ figure(state, shown, dock(state)) }</main>
            } else {
            <>
            <Header place={state.address()} model={state.shown_model().map(|model| AttrValue::from(model.name.clone()))} saes={state.saes.clone()} expected={state.expected.clone()} info={state.info.clone()}
                milliseconds={state.trace.as_ref().filter(|_| state.recorded.is_none()).map(|trace| trace.milliseconds)} tracing={state.is_tracing()}
                job={state.job.clone()} meter={state.meter.clone()} phase={state.phase.clone()} first={is_first_trace(state)} />
            <main id="main" tabindex="-1">
                { banners(state) }
                if route == Route::Start {
                    <Start place={state.address()} ready={state.trace.is_some()} />
                }
                if !route.shows_prompt() && !Route::LAB.contains(&route) && state.model.is_some() {
                    <div class="prompt-line"><PromptField testid="prompt-line" prompt={state.prompt().to_owned()} invalid={prompt_fails} rows=1 /></div>
                }
                <div class="columns">
                    <div class="route">
                        if route.shows_prompt() && awaits_examples(state) {
                            <section class="card prompt empty" aria-busy="true"><p class="muted">{ "Reading the examples…" }</p></section>
                        } else if route.shows_prompt() {
                            <PromptRoute ..PromptProps::of(state) />
                        } else if route == Route::Features {
                            <FeaturesRoute ..FeaturesProps::of(state) />
                        } else if route == Route::Effects {
                            <EffectsRoute ..EffectsProps::of(state) />
                        } else if route == Route::Patch {
                            <PatchRoute ..PatchProps::of(state) />
                        } else if route == Route::Dose {
                            <DoseRoute ..DoseProps::of(state) />
                        } else if route == Route::Steer {
                            <SteerRoute ..SteerProps::of(state) />
                        } else if route == Route::Circuits {
                            <CircuitsRoute ..CircuitsProps::of(state) />
                        } else if route == Route::Train {
                            <TrainRoute ..TrainProps::of(state) />
                        } else if route == Route::Compare {
                            <CompareRoute ..CompareProps::of(state) />
                        } else {
                            <Library ..LibraryProps::of(state) />
                        }
                    </div>
                    // Always one child: a list that becomes shorter would make the route anew.
                    { dock(state).unwrap_or_default() }
                </div>
            </main>
            <Tray ..TrayProps::of(state) />
            </>
            }
            <NoteLine note={state.note.clone()} update={state.offline.shows_update()} />
            <FindDialog ..FindProps::of(state) />
            <KeysDialog open={state.keys_open} single_keys={state.single_keys} />
            <Definitions />
            </ContextProvider<Known>>
            </NotesProvider>
        </ContextProvider<Controller>>
    }
}

/// True until the manifest's examples and the recorded trace have come or failed: what is drawn piece by piece moves under the
/// eyes of the reader.
fn awaits_examples(state: &State) -> bool {
    state.phase == Phase::Loading && state.trace.is_none() && !state.introduced
}

/// True while the page waits for the first trace and has nothing to show.
fn is_first_trace(state: &State) -> bool {
    state.phase == Phase::Ready && state.trace.is_none() && state.problem.is_none()
}

/// The selected feature, where the trace on screen has its SAE.
fn dock(state: &State) -> Option<Html> {
    if state.place.page.is_some()
        || matches!(
            state.place.route,
            Route::Circuits | Route::Train | Route::Compare
        )
    {
        // The page is about another feature, about many, or about none.
        return None;
    }
    let trace = state.trace.clone()?;
    let sae = state.sae_trace()?.id.clone();
    let latent = state.place.feature;
    let about_match = state.about_match().map(AttrValue::from);
    if latent.is_none() && about_match.is_none() {
        return None;
    }
    let token = state.place.token.unwrap_or(0);
    let selected = state.selected();
    let pinned = selected
        .as_ref()
        .is_some_and(|feature| state.place.pins.contains(feature));
    let run = state.edited().filter(|(spec, _)| {
        let edits = &mut spec.edits.iter();
        edits.any(|edit| {
            let sae = state.edited_sae(&edit.sae).map(|sae| sae.id.as_str());
            let edited = sae.map(|sae| (sae, edit.latent));
            edited.is_some()
                && edited == (selected.as_ref()).map(|one| (one.sae.as_str(), one.latent))
        })
    });
    let page = selected.as_ref().and_then(|feature| state.page_of(feature));
    let page = page.map(|page| AttrValue::from(state.address().at(page).to_hash()));
    let label = selected.as_ref().and_then(|feature| state.label(feature));
    let label = label.map(|label| AttrValue::from(label.to_owned()));
    Some(html! {
        <Dock {page} {label} {trace} {sae} {latent} {about_match} {token} feature={state.feature.clone()} edit={state.edit.clone()} run={run.cloned()} {pinned} live={state.recorded.is_none()} />
    })
}

/// What stands above every view: what failed, what is damaged, and a question before a download.
fn banners(state: &State) -> Html {
    let weights = state.library.weights().to_owned();
    // The route of the prompt shows the failure of its trace itself.
    let shown_there = state.place.route.shows_prompt();
    let problem = state.problem.as_ref();
    let problem = problem.filter(|one| !(shown_there && one.during == During::Tracing));
    html! {
        <>
            if let Some(problem) = problem {
                <ErrorBanner problem={problem.clone()} prompt={state.prompt().to_owned()} bos={state.place.bos} />
            }
            <BrokenBanner broken={state.broken.clone()} weights={weights.clone()} />
            if let Some(request) = Request::of(state) {
                <LoadRequest {request} catalogue={state.library.catalogue.clone()} weights={weights.clone()} pace={browser::pace(state.library.rate)} loaded={state.model.is_some()} />
            }
        </>
    }
}

/// The title says where the page is.
#[hook]
fn use_title(route: Route, page: Option<AtlasFeature>) {
    use_effect_with((route, page), |(route, page)| {
        browser::set_title(&match (route, page) {
            (Route::Start, _) => "sae-explorer".to_owned(),
            (_, Some(page)) => format!("{} of {} · sae-explorer", page.latent, page.set),
            _ => format!("{} · sae-explorer", route.name()),
        });
    });
}

#[hook]
fn use_load(controller: &Controller, beginning: &Option<Shared<Beginning>>) {
    let controller = controller.clone();
    use_effect_with(beginning.clone(), move |beginning| {
        controller.begin(beginning.clone());
    });
}

/// The address follows the state, and the state the address.
#[hook]
fn use_address(state: &State, controller: &Controller) {
    // The request of a link must not be lost before it is answered.
    let here = match &state.requested {
        Some(requested) => requested.clone().standing_at(&state.place),
        None => state.address(),
    };
    let hash = here.to_hash();
    // Before the demo is there, the address has nothing to say that it does not say already, but for what needs no model.
    let settled = state.phase == Phase::Ready && state.trace.is_some();
    let later = use_mut_ref(|| None::<Timeout>);
    // The steps of a figure are none of the article's.
    let history = match state.place.figure {
        Some(_) if state.history == History::Push => History::Replace,
        _ => state.history,
    };
    // While the page is being drawn, and not afterwards: what is on screen is never ahead of its address.
    use_memo((settled, hash, history), |(settled, hash, history)| {
        // A timeout that is dropped does not fire.
        *later.borrow_mut() = None;
        let there = Place::from_hash(&browser::hash());
        if *settled || !there.stands_at(&here) {
            let (hash, history) = (hash.clone(), *history);
            if history == History::ReplaceSoon {
                let soon = Timeout::new(PAUSE, move || browser::set_hash(&hash, history));
                *later.borrow_mut() = Some(soon);
            } else {
                browser::set_hash(&hash, history);
            }
        }
    });
    let controller = controller.clone();
    use_effect_with((), move |()| {
        let restore = move |_: &Event| {
            controller.dispatch(Action::Restore(Place::from_hash(&browser::hash())))
        };
        // Back and forward, and a link pasted over the address, both fire it.
        let listener =
            web_sys::window().map(|window| EventListener::new(&window, "popstate", restore));
        move || drop(listener)
    });
}

/// A prompt that has no trace is traced: at once, or when typing pauses.
#[hook]
fn use_traces(state: &State, controller: &Controller) {
    let controller = controller.clone();
    let wanted = (
        state.is_tracing(),
        state.place.prompt.clone(),
        state.place.bos,
        state.attempt,
        state.saes.clone(),
    );
    let (at_once, only) = (state.at_once, state.only_new());
    use_effect_with(wanted, move |(wanted, prompt, bos, ..)| {
        let bos = *bos;
        let mut later = None;
        if let (true, Some(prompt)) = (wanted, prompt.clone()) {
            if at_once {
                controller.trace(prompt, bos, only);
            } else {
                later = Some(Timeout::new(PAUSE, move || {
                    controller.trace(prompt, bos, only)
                }));
            }
        }
        move || drop(later)
    });
}

/// The description of the selected feature is requested.
#[hook]
fn use_feature(state: &State, controller: &Controller) {
    let controller = controller.clone();
    let wanted = (
        state.phase == Phase::Ready && state.missing_sae().is_none(),
        state.place.sae.clone(),
        state.place.feature,
        state.attempt,
        state.forgotten,
    );
    use_effect_with(wanted, move |(ready, sae, latent, ..)| {
        if let (true, Some(sae), Some(latent)) = (ready, sae, latent) {
            controller.feature(sae.clone(), *latent);
        }
    });
}

/// The counterpart of a feature in another SAE is looked for.
#[hook]
fn use_match(state: &State, controller: &Controller) {
    let controller = controller.clone();
    use_effect_with(state.search().cloned(), move |matching| {
        if let Some(matching) = matching {
            controller.match_feature(matching.clone());
        }
    });
}

/// The edits in force are run.
#[hook]
fn use_edits(state: &State, controller: &Controller) {
    let controller = controller.clone();
    use_effect_with(state.edits_to_run(), move |spec| {
        if let Some(spec) = spec {
            controller.edit(spec.clone());
        }
    });
}

/// The model's loss on the sample text is taken when somebody looks.
#[hook]
fn use_sample_loss(state: &State, controller: &Controller) {
    let controller = controller.clone();
    use_effect_with(state.unmeasured_model(), move |model| {
        if let Some(model) = model {
            controller.measure_model(model.clone());
        }
    });
}

/// SAEs' numbers on the sample text are taken when somebody looks.
#[hook]
fn use_numbers(state: &State, controller: &Controller) {
    let controller = controller.clone();
    use_effect_with(state.unmeasured(), move |ids| {
        controller.measure(ids.clone())
    });
}

/// A question about a download names its size and its host, which the catalogue knows.
#[hook]
fn use_question(state: &State, controller: &Controller) {
    let controller = controller.clone();
    let wanted = state.requested.is_some() && state.library.catalogue == Remote::Idle;
    use_effect_with(wanted, move |&wanted| {
        if wanted {
            controller.request_catalogue();
        }
    });
}

/// A run that the page has given up is stopped.
#[hook]
fn use_stopped(running: bool, controller: &Controller, stop: fn(&Controller)) {
    let controller = controller.clone();
    use_effect_with(running, move |&running| {
        if !running {
            stop(&controller);
        }
    });
}

#[wasm_bindgen]
extern "C" {
    /// Of `drops.js`; `boot.js` puts it on the global object.
    #[wasm_bindgen(js_name = watchDrops)]
    fn watch_drops(dropped: &JsValue, over: &JsValue);
}

/// Files dropped anywhere on the page are looked at.
#[hook]
fn use_drops(controller: &Controller) {
    let controller = controller.clone();
    use_effect_with((), move |()| {
        let dropped = Closure::<dyn FnMut(JsValue)>::new(move |files: JsValue| {
            let list = js_sys::Array::from(&files).to_vec();
            let name = |given: &JsValue| get(&get(given, "file")?, "name")?.as_string();
            let route = controller.now(|state| state.place.route);
            // Texts are for a training, an evaluation or a scan, everything else for the library.
            let texts = list
                .iter()
                .all(|given| name(given).is_some_and(|name| is_text(&name)));
            let archive = match &list[..] {
                [one] if name(one).is_some_and(|name| is_archive(&name)) => get(one, "file"),
                _ => None,
            };
            if let Some(archive) = archive {
                controller.dispatch(Action::Go(Route::Features));
                controller.import_atlas(archive);
            } else if texts && !list.is_empty() && route == Route::Train {
                controller.choose_training_texts(&files);
            } else if texts && !list.is_empty() && route == Route::Compare {
                controller.choose_compared_texts(&files);
            } else if texts && !list.is_empty() {
                controller.dispatch(Action::Go(Route::Features));
                controller.choose_texts(&files);
            } else {
                controller.look_at_files(files);
            }
        });
        let over = Closure::<dyn FnMut(JsValue)>::new(|over: JsValue| {
            browser::mark_body("data-over", if over.is_truthy() { "true" } else { "false" });
        });
        // The page listens as long as it is there.
        watch_drops(&dropped.into_js_value(), &over.into_js_value());
    });
}

/// Keys pressed anywhere on the page.
#[hook]
fn use_keys(controller: &Controller) {
    let controller = controller.clone();
    use_effect_with((), move |()| {
        let listener = browser::document().map(|document| {
            let options = EventListenerOptions::enable_prevent_default();
            EventListener::new_with_options(&document, "keydown", options, move |event| {
                if let Some(event) = event.dyn_ref() {
                    let state = controller.now(State::clone);
                    keys::pressed(event, &state, &controller);
                }
            })
        });
        move || drop(listener)
    });
}
