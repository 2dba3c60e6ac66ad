//! Exploring a prompt: its tokens, the features of one, what comes next, and what each SAE loses.

mod bos;
mod generate;
mod metrics;
mod missing;
mod next_tokens;
mod prompt_box;
mod summary;

use wire::figure::{Part, View as Figure};
use yew::prelude::*;

use crate::components::features::Features;
use crate::components::notices::notices;
use crate::components::tokens::Tokens;
use crate::components::views::{ViewPanel, view_switch};
use crate::context::use_controller;
use crate::controller::Controller;
use crate::data::{Edited, Example, ModelInfo, SaeInfo, Trace};
use crate::ranking::along;
use crate::shared::Shared;
use crate::shell::error_banner::ErrorBanner;
use crate::state::lists::{Ranking, View};
use crate::state::reference::readable;
use crate::state::route::Route;
use crate::state::url::Place;
use crate::state::views::{PromptView, Shown, Views, ViewsAction};
use crate::state::{Action, During, GenerateState, Problem, Remote, State};
use crate::views::layers::Counterpart;
use bos::BosLine;
use generate::generate_panel;
use metrics::metrics_table;
use missing::MissingSae;
use next_tokens::next_tokens;
use prompt_box::prompt_box;
use summary::{Liveness, Summary};

/// What this route shows of the application's state.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The prompt, as typed.
    pub prompt: AttrValue,
    /// Prompts to choose from.
    pub examples: Shared<Vec<Example>>,
    /// The failure of its trace.
    pub problem: Option<Problem>,
    /// The person's choice of a BOS before it.
    pub bos: Option<bool>,
    /// The trace on screen.
    pub trace: Option<Shared<Trace>>,
    /// True if the trace is of the prompt as it stands.
    pub current: bool,
    /// True if it was recorded when the site was built.
    pub recorded: bool,
    /// The selected SAE, if it is loaded.
    pub sae: Option<SaeInfo>,
    /// The SAE that the address names and that is not loaded.
    pub missing: Option<AttrValue>,
    /// True if the page can load what is missing once the person says so.
    pub requested: bool,
    /// The selected token.
    pub token: Option<usize>,
    /// The selected feature.
    pub feature: Option<u32>,
    /// The shown list of features.
    pub view: View,
    /// Order of the features of the whole prompt.
    pub ranking: Ranking,
    /// True if losses are marked below the tokens.
    pub loss_shown: bool,
    /// The continuation.
    pub generate: GenerateState,
    /// The answer with the edits in force, where there are such.
    pub edited: Option<Shared<Edited>>,
    /// The loaded model.
    pub model: Option<Shared<ModelInfo>>,
    /// The model's longest prompt, in tokens.
    pub n_ctx: usize,
    /// The view of the prompt, and its settings.
    pub shown: Shown,
    /// The layer whose attention is shown.
    pub attention_layer: u32,
    /// Values that the views show.
    pub views: Views,
    /// Counterparts of the selected feature, where they are shown and one is selected.
    pub counterparts: Option<Remote<Shared<Vec<Counterpart>>>>,
    /// The place of what is on screen, for links. A figure shows a part of this.
    pub place: Place,
}

impl Props {
    /// The part of the state that this route shows.
    pub fn of(state: &State) -> Self {
        let place = &state.place;
        let sae = state
            .saes
            .iter()
            .find(|one| place.sae.as_ref() == Some(&one.id));
        let about_prompt = |problem: &&Problem| problem.during == During::Tracing;
        Self {
            prompt: state.prompt().to_owned().into(),
            examples: state.examples.clone(),
            problem: state.problem.as_ref().filter(about_prompt).cloned(),
            bos: place.bos,
            trace: state.trace.clone(),
            current: state.is_current(),
            recorded: state.recorded.is_some(),
            sae: sae
                .or(state.recorded.as_ref().map(|recorded| &recorded.sae))
                .cloned(),
            missing: state.missing_sae().map(|id| id.to_owned().into()),
            requested: state.requested.is_some(),
            token: place.token,
            feature: place.feature,
            view: place.view,
            ranking: place.ranking,
            loss_shown: state.loss_shown,
            generate: state.generate.clone(),
            edited: match state.edited() {
                Some((_, Remote::Here(edited))) => Some(edited.clone()),
                _ => None,
            },
            model: state.model.clone(),
            shown: place.shown.clone(),
            attention_layer: state.attention_layer(),
            views: state.views.clone(),
            counterparts: state
                .shown_counterparts()
                .map(|wanted| state.views.counterparts(&wanted)),
            n_ctx: state.shown_model().map_or(0, |model| model.n_ctx),
            place: state.address(),
        }
    }
}

/// The route.
#[component]
pub fn PromptRoute(props: &Props) -> Html {
    let controller = use_controller();
    let Props {
        prompt,
        problem,
        trace,
        bos,
        ..
    } = props;
    let hidden = |part| props.place.hidden.contains(&part);
    html! {
        <>
            <section class="card prompt" aria-label="Prompt and tokens">
                if !hidden(Part::Text) {
                    { prompt_box(&controller, prompt, if props.place.figure.is_none() { &props.examples } else { &[] }, problem.is_some()) }
                }
                if let Some(problem) = problem {
                    <ErrorBanner problem={problem.clone()} prompt={prompt.clone()} bos={*bos} />
                }
                if let Some(trace) = trace {
                    if problem.is_some() && !props.current {
                        <p class="muted">{ "What is shown is still of the prompt that was traced last:" }</p>
                    }
                    { tokens(&controller, props, trace) }
                    if !hidden(Part::Facts) {
                    <BosLine trace={trace.clone()} chosen={*bos} />
                    <Summary trace={trace.clone()} liveness={Liveness::of(props.recorded, props.current)} n_ctx={props.n_ctx} loss_shown={props.loss_shown} link={props.place.clone().on(props.place.route).to_link()} in_figure={props.place.figure.is_some()} />
                    }
                }
            </section>
            if let Some(trace) = trace {
                { match props.place.figure {
                    Some(figure) => figure_parts(&controller, props, trace, figure),
                    None => parts(&controller, props, trace),
                } }
            }
        </>
    }
}

fn tokens(controller: &Controller, props: &Props, trace: &Shared<Trace>) -> Html {
    let sae = props.sae.as_ref().and_then(|info| trace.sae(&info.id));
    let feature = props
        .feature
        .zip(sae)
        .map(|(latent, sae)| (latent, along(sae, trace.tokens.len(), latent)));
    let skipped = sae.map_or_else(Vec::new, |sae| sae.skipped.clone());
    html! {
        <Tokens controller={controller.clone()} trace={trace.clone()} selected={props.token} {feature} {skipped} loss_shown={props.loss_shown} />
    }
}

/// Results of a trace.
fn parts(controller: &Controller, props: &Props, trace: &Shared<Trace>) -> Html {
    let token = props.token.unwrap_or(0);
    let edits = props.place.edits.iter().any(|edit| edit.on);
    let steered = edits.then(|| props.place.clone().on(Route::Steer).to_hash());
    let on_view = controller.on(Action::Views);
    html! {
        <>
            { view_switch(props.shown.view, &on_view) }
            if props.shown.view != PromptView::Features {
                { view(props, trace, token, on_view) }
            } else {
                { list(controller, props, trace, token) }
            }
            <div class="pair">
                { next_tokens(trace, token, props.edited.as_deref()) }
                if !trace.saes.is_empty() {
                    { metrics_table(trace, props.sae.as_ref().map_or("", |info| &info.id)) }
                }
            </div>
            { generate_panel(controller, &props.generate, props.current, steered) }
        </>
    }
}

/// What a figure shows below the tokens; the selected feature stands beside this route.
fn figure_parts(
    controller: &Controller,
    props: &Props,
    trace: &Shared<Trace>,
    figure: Figure,
) -> Html {
    let token = props.token.unwrap_or(0);
    match figure {
        Figure::Prompt => list(controller, props, trace, token),
        Figure::NextToken => next_tokens(trace, token, props.edited.as_deref()),
        Figure::Feature | Figure::Steer | Figure::Graph => Html::default(),
    }
}

/// The features of the prompt, or why there are none.
fn list(controller: &Controller, props: &Props, trace: &Shared<Trace>, token: usize) -> Html {
    html! {
        if let Some(info) = &props.sae {
            { cautions(info, trace) }
            <Features controller={controller.clone()} trace={trace.clone()} sae={info.id.clone()} view={props.view} ranking={props.ranking} {token} selected={props.feature} />
        } else if let Some(id) = &props.missing {
            <MissingSae {id} feature={props.feature} requested={props.requested} />
        } else {
            { no_sae(controller) }
        }
    }
}

/// The view that is shown in place of the list of features.
fn view(props: &Props, trace: &Shared<Trace>, token: usize, on: Callback<ViewsAction>) -> Html {
    let Some(model) = props.model.clone() else {
        return html! { <p class="muted">{ "The model computes this once it is here." }</p> };
    };
    let sae = props.place.sae.clone().map(AttrValue::from);
    html! {
        <ViewPanel trace={trace.clone()} {model} shown={props.shown.clone()} layer={props.attention_layer} views={props.views.clone()} counterparts={props.counterparts.clone()} {sae} {token} feature={props.feature} {on} />
    }
}

/// Cautions about the SAE's numbers, and what was assumed of its files.
fn cautions(info: &SaeInfo, trace: &Trace) -> Html {
    let cautions = trace
        .sae(&info.id)
        .into_iter()
        .flat_map(|sae| &sae.cautions)
        .map(|caution| caution.replace(&info.id, &readable(&info.id)));
    html! {
        <>
            { for cautions.map(|caution| html! { <p class="caution" data-testid="caution">{ caution }</p> }) }
            { notices(&info.notices) }
        </>
    }
}

/// Text instead of the features where no SAE is loaded.
fn no_sae(controller: &Controller) -> Html {
    let open = {
        let controller = controller.clone();
        move |_| controller.dispatch(Action::Go(Route::Library))
    };
    html! {
        <section class="card" aria-labelledby="features-title">
            <h2 id="features-title">{ "Features" }</h2>
            <p class="line"><span>{ "No SAE is loaded for this model." }</span><button type="button" onclick={open}>{ "Open an SAE or neurons…" }</button></p>
        </section>
    }
}
