//! The dialog that finds a feature, an SAE, a command or an example prompt.

use web_sys::{
    Element, HtmlInputElement, KeyboardEvent, ScrollIntoViewOptions, ScrollLogicalPosition,
};
use yew::prelude::*;

use super::modal::use_modal;
use crate::atlas::{counted_tokens, key_of};
use crate::browse::{Query, Search};
use crate::browser;
use crate::context::use_controller;
use crate::controller::Controller;
use crate::data::{Example, SaeInfo, Trace};
use crate::export;
use crate::find::{
    CatalogueSaes, Command, Commands, Examples, Features, FiringOn, Found, Hit, Labelled, Labels,
    LoadedSaes, Target, find, remember,
};
use crate::format::count;
use crate::notes::Notes;
use crate::notes::store::use_notes;
use crate::offers::Catalogue;
use crate::shared::Shared;
use crate::state::atlas::{Atlas, AtlasAction, AtlasFeature};
use crate::state::browse::BrowseAction;
use crate::state::route::Route;
use crate::state::{Action, Remote, State};

/// What can be found, and what commands are about.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// True if the dialog is open.
    pub open: bool,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// Id of the selected SAE.
    pub selected: Option<AttrValue>,
    /// The catalogue of the site.
    pub catalogue: Remote<Shared<Catalogue>>,
    /// Example prompts.
    pub examples: Shared<Vec<Example>>,
    /// The trace on screen.
    pub trace: Option<Shared<Trace>>,
    /// True if tokens are marked by their loss.
    pub loss_shown: bool,
    /// The page of the application.
    pub route: Route,
    /// The address of the view, from its `#` on.
    pub link: AttrValue,
    /// The atlas, for labels and tokens.
    pub atlas: Atlas,
    /// Index of the set whose features are meant by a token.
    pub set: Option<usize>,
}

impl Props {
    /// The part of the state that can be found.
    pub fn of(state: &State) -> Self {
        Self {
            open: state.find_open,
            saes: state.saes.clone(),
            selected: state.place.sae.clone().map(AttrValue::from),
            catalogue: state.library.catalogue.clone(),
            examples: state.examples.clone(),
            trace: state.trace.clone(),
            loss_shown: state.loss_shown,
            route: state.place.route,
            link: state.address().to_link().into(),
            atlas: state.atlas.clone(),
            set: state.listed_set(),
        }
    }

    /// Everything that a query finds.
    fn find(&self, query: &str, recent: &[Hit], notes: &Notes) -> Found {
        let features = Features {
            saes: &self.saes,
            selected: self.selected.as_deref(),
        };
        let saes = LoadedSaes(&self.saes);
        let commands = Commands {
            has_trace: self.trace.is_some(),
            loss_shown: self.loss_shown,
        };
        let examples = Examples(&self.examples);
        let catalogue = CatalogueSaes(match &self.catalogue {
            Remote::Here(catalogue) => Some(catalogue),
            _ => None,
        });
        let sets = self
            .atlas
            .info()
            .map_or(&[][..], |info| info.sets.as_slice());
        let labelled = sets
            .iter()
            .zip(&self.atlas.sets)
            .filter_map(|(set, parts)| {
                Some(Labelled {
                    id: &set.id,
                    hook: &set.hook,
                    rows: parts.table.get()?,
                    tokens: counted_tokens(self.atlas.info()?, set),
                    own: notes.of_set(&key_of(self.atlas.info()?, set).sha256),
                })
            });
        let labels = Labels(labelled.collect());
        let firing = FiringOn {
            set: self
                .set
                .and_then(|set| sets.get(set))
                .map(|set| (set.id.as_str(), set.hook.as_str())),
            vocabulary: self
                .atlas
                .vocabulary
                .get()
                .map(|vocabulary| vocabulary.as_slice()),
        };
        find(
            query,
            &[
                &features, &saes, &commands, &labels, &firing, &examples, &catalogue,
            ],
            recent,
        )
    }

    /// Does what was chosen.
    fn choose(&self, controller: &Controller, target: &Target) {
        let show_prompt = || {
            if !self.route.shows_prompt() {
                controller.dispatch(Action::Go(Route::Prompt));
            }
        };
        match target.clone() {
            Target::Feature { sae, latent } => {
                controller.dispatch(Action::ShowFeature { sae, latent });
            }
            Target::AtlasFeature { set, latent } => {
                let feature = AtlasFeature { set, latent };
                controller.dispatch(Action::Atlas(AtlasAction::Open(Some(feature))));
            }
            Target::Token { set, token } => {
                // Between backticks that very token is meant.
                let search = Some(Search::On(format!("`{token}`")));
                let query = Query {
                    search,
                    ..Query::default()
                };
                controller.dispatch(Action::Browse(BrowseAction::Open(set, query)));
            }
            Target::Sae(id) => {
                controller.dispatch(Action::SelectSae(id));
                show_prompt();
            }
            Target::CatalogueSae(_) => controller.dispatch(Action::Go(Route::Library)),
            Target::Example(text) => {
                controller.dispatch(Action::UsePrompt(text));
                show_prompt();
            }
            Target::Command(command) => {
                self.command(controller, command);
                if matches!(command, Command::View(_) | Command::Rank(_)) {
                    show_prompt();
                }
            }
        }
    }

    fn command(&self, controller: &Controller, command: Command) {
        match command {
            Command::Go(route) => controller.dispatch(Action::Go(route)),
            Command::TraceNow => controller.dispatch(Action::TraceNow),
            Command::View(view) => controller.dispatch(Action::SelectView(view)),
            Command::Rank(ranking) => controller.dispatch(Action::SelectRanking(ranking)),
            Command::ShowLoss(shown) => controller.dispatch(Action::ShowLoss(shown)),
            Command::CopyLink => {
                controller.copy("a link to this view", browser::address(&self.link));
            }
            Command::CopyFigure(form) => controller.copy_figure(form),
            Command::CopyJson => {
                if let Some(trace) = &self.trace {
                    controller.copy("the trace as JSON", export::json(trace));
                }
            }
            Command::Keys => controller.dispatch(Action::ShowKeys(true)),
        }
    }
}

/// The dialog. What was chosen is remembered as long as the page is there.
#[component]
pub fn FindDialog(props: &Props) -> Html {
    let controller = use_controller();
    let recent = use_state(Vec::new);
    let node = use_node_ref();
    let closed = use_modal(
        &node,
        props.open,
        controller.on(|()| Action::ShowFind(false)),
    );
    let request = props.open && props.catalogue == Remote::Idle;
    {
        let controller = controller.clone();
        use_effect_with(request, move |&request| {
            if request {
                controller.request_catalogue();
            }
        });
    }
    let onchoose = {
        let (controller, recent, props) = (controller.clone(), recent.clone(), props.clone());
        Callback::from(move |hit: Hit| {
            recent.set(remember(&recent, &hit));
            controller.dispatch(Action::ShowFind(false));
            props.choose(&controller, &hit.target);
        })
    };
    html! {
        <dialog ref={node} class="find" oncancel={&closed} onclose={&closed} data-testid="find-dialog" aria-label="Find">
            if props.open {
                <Finder scope={props.clone()} recent={(*recent).clone()} {onchoose} />
            }
        </dialog>
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
struct FinderProps {
    scope: Props,
    recent: Vec<Hit>,
    onchoose: Callback<Hit>,
}

fn option_id(at: usize) -> String {
    format!("find-{at}")
}

/// The field and the list below it: an ARIA combobox. The focus stays in the field, the arrows move the marked line.
#[component]
fn Finder(props: &FinderProps) -> Html {
    let controller = use_controller();
    let query = use_state(String::new);
    let marked = use_state(|| 0_usize);
    let field = use_node_ref();
    {
        let field = field.clone();
        use_effect_with((), move |()| {
            if let Some(field) = field.cast::<HtmlInputElement>() {
                // A field takes the focus.
                let _ = field.focus();
            }
        });
    }
    let notes = use_notes().notes;
    let Found { hits, problem } = props.scope.find(&query, &props.recent, &notes);
    let last = hits.len().saturating_sub(1);
    let at = (*marked).min(last);
    use_effect_with((at, query.clone()), |(at, _)| show(&option_id(*at)));

    let oninput = {
        let (query, marked) = (query.clone(), marked.clone());
        move |event: InputEvent| {
            query.set(event.target_unchecked_into::<HtmlInputElement>().value());
            marked.set(0);
        }
    };
    let onkeydown = {
        let (controller, query, marked) = (controller.clone(), query.clone(), marked.clone());
        let (recent, onchoose) = (props.recent.clone(), props.onchoose.clone());
        move |event: KeyboardEvent| {
            // Enter may end the writing of a character.
            if event.is_composing() || event.ctrl_key() || event.meta_key() || event.alt_key() {
                return;
            }
            // What is on screen may be of less than what was typed: the list is made anew where a key acts on it.
            let now = controller.now(Props::of);
            let hits = now.find(&query.clone(), &recent, &notes).hits;
            let last = hits.len().saturating_sub(1);
            let at = (*marked.clone()).min(last);
            match event.key().as_str() {
                "ArrowDown" => marked.set(if at == last { 0 } else { at + 1 }),
                "ArrowUp" => marked.set(at.checked_sub(1).unwrap_or(last)),
                "Enter" => {
                    if let Some(hit) = hits.get(at) {
                        onchoose.emit(hit.clone());
                    }
                }
                _ => return,
            }
            event.prevent_default();
        }
    };
    let line = |(index, hit): (usize, &Hit)| {
        let (chosen, onchoose) = (hit.clone(), props.onchoose.clone());
        let onclick = move |_| onchoose.emit(chosen.clone());
        html! {
            <li role="option" id={option_id(index)} data-testid="find-hit" data-kind={hit.target.kind()} aria-selected={(index == at).to_string()} {onclick}>
                <b>{ &hit.name }</b>{ " " }<span class="about">{ &hit.about }</span>{ " " }<span class="kind">{ hit.target.kind() }</span>
            </li>
        }
    };
    // The field keeps the focus when a line is pressed.
    let onmousedown = |event: MouseEvent| event.prevent_default();
    let some = !hits.is_empty();
    let outcome = match (&problem, some) {
        (Some(problem), _) => problem.clone(),
        (None, true) => count(hits.len(), "result"),
        (None, false) => "Nothing of this name. A feature is found by its number (903, L3/903) or, where there is an atlas, by its label; SAEs, commands and example prompts by a part of their names.".to_owned(),
    };
    html! {
        <>
            <div class="find-field">
                <input ref={field} type="text" role="combobox" aria-label="Find a feature, a label, a token, an SAE, a command, an example" placeholder="903, L3/903, a label, a token, an SAE, a command"
                    autocomplete="off" autocapitalize="off" spellcheck="false" data-testid="find-field" aria-autocomplete="list" aria-expanded={some.to_string()} aria-controls={some.then_some("find-list")}
                    aria-activedescendant={some.then(|| option_id(at))} aria-describedby="find-outcome" value={(*query).clone()} {oninput} {onkeydown} />
                <button type="button" onclick={controller.on(|_: MouseEvent| Action::ShowFind(false))}>{ "Close" }</button>
            </div>
            <p id="find-outcome" class={classes!("find-outcome", problem.is_none().then_some("muted"))} role="status" data-testid="find-outcome">{ outcome }</p>
            if some {
                <ul id="find-list" role="listbox" aria-label="Results" {onmousedown}>{ for hits.iter().enumerate().map(line) }</ul>
            }
        </>
    }
}

/// Scrolls the marked line into view.
fn show(id: &str) {
    let element: Option<Element> =
        browser::document().and_then(|document| document.get_element_by_id(id));
    if let Some(element) = element {
        let options = ScrollIntoViewOptions::new();
        options.set_block(ScrollLogicalPosition::Nearest);
        element.scroll_into_view_with_scroll_into_view_options(&options);
    }
}
