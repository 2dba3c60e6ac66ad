//! Exploring a prompt.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::browser;
use crate::components::bos::bos_line;
use crate::components::error_banner::error_banner;
use crate::components::feature_panel::FeaturePanel;
use crate::components::features::Features;
use crate::components::generate::generate_panel;
use crate::components::header::header;
use crate::components::keys_dialog::KeysDialog;
use crate::components::load_request::load_request;
use crate::components::metrics::metrics_table;
use crate::components::missing::missing_sae;
use crate::components::next_tokens::next_tokens;
use crate::components::note::NoteLine;
use crate::components::notices::notices;
use crate::components::open::OpenDialog;
use crate::components::progress::{broken_banner, progress_bar};
use crate::components::prompt_box::prompt_box;
use crate::components::term::defined;
use crate::components::tokens::Tokens;
use crate::components::views::{ViewPanel, view_switch};
use crate::controller::Controller;
use crate::data::{SaeInfo, Trace};
use crate::definitions::LOSS;
use crate::export;
use crate::format::{count, optional};
use crate::ranking::along;
use crate::shared::Shared;
use crate::state::load::Section;
use crate::state::views::{PromptView, ViewsAction};
use crate::state::{Action, During, State};

/// The page.
pub fn prompt_page(controller: &Controller, state: &State) -> Html {
    let banner = |about_prompt: bool| {
        let problem = state
            .problem
            .as_ref()
            .filter(|problem| (problem.during == During::Tracing) == about_prompt);
        problem.map(|problem| error_banner(controller, problem, state.prompt(), state.place.bos))
    };
    let at_fault = state
        .problem
        .as_ref()
        .is_some_and(|problem| problem.during == During::Tracing);
    html! {
        <>
            { header(controller, state) }
            <main>
                { for banner(false) }
                if state.open.section.is_none() {
                    { progress_bar(controller, state) }
                    { broken_banner(controller, state) }
                }
                { load_request(controller, state) }
                <div class="columns">
                    <section class="card prompt" aria-label="Prompt and tokens">
                        { prompt_box(controller, state.prompt(), &state.examples, at_fault) }
                        { for banner(true) }
                        if let Some(trace) = &state.trace {
                            if state.problem.is_some() && !state.is_current() {
                                <p class="muted">{ "What is shown is still of the prompt that was traced last:" }</p>
                            }
                            { tokens(controller, state, trace) }
                            { summary(controller, trace, state) }
                        }
                    </section>
                    { parts(controller, state) }
                </div>
            </main>
            <NoteLine controller={controller.clone()} note={state.note.clone()} />
            <OpenDialog controller={controller.clone()} state={state.clone()} />
            <KeysDialog controller={controller.clone()} open={state.keys_open} />
        </>
    }
}

fn tokens(controller: &Controller, state: &State, trace: &Shared<Trace>) -> Html {
    let feature = state
        .place
        .feature
        .zip(state.sae_trace())
        .map(|(latent, sae)| (latent, along(sae, trace.tokens.len(), latent)));
    let skipped = state
        .sae_trace()
        .map_or_else(Vec::new, |sae| sae.skipped.clone());
    html! {
        <>
            <Tokens controller={controller.clone()} trace={trace.clone()} selected={state.place.token} {feature} {skipped} loss_shown={state.loss_shown} />
            { bos_line(controller, state, trace) }
        </>
    }
}

/// Results of a trace, in the order of a narrow page; on a wide one the feature stands beside the rest.
fn parts(controller: &Controller, state: &State) -> Html {
    let Some(trace) = &state.trace else {
        return Html::default();
    };
    let token = state.place.token.unwrap_or(0);
    let sae = state.place.sae.as_deref().unwrap_or_default();
    let info = state.saes.iter().find(|one| one.id == sae);
    let on_view = controller.on(Action::Views);
    html! {
        <>
            <div class="list">
                { view_switch(state.place.shown.view, &on_view) }
                if state.place.shown.view != PromptView::Features {
                    { view(state, trace, token, on_view) }
                } else if let Some(info) = info {
                    { cautions(info, trace) }
                    <Features controller={controller.clone()} trace={trace.clone()} sae={sae.to_owned()} view={state.place.view} ranking={state.place.ranking} {token} selected={state.place.feature} />
                } else if state.missing_sae().is_some() {
                    { missing_sae(controller, state) }
                } else {
                    { no_sae(controller) }
                }
            </div>
            <aside aria-label="Selected feature">
                if let (Some(latent), Some(_)) = (state.place.feature, info) {
                    <FeaturePanel controller={controller.clone()} trace={trace.clone()} sae={sae.to_owned()} {latent} {token} feature={state.feature.clone()} edit={state.edit.clone()} />
                }
            </aside>
            <div class="pair">
                { next_tokens(trace, token) }
                if !trace.saes.is_empty() {
                    { metrics_table(trace, sae) }
                }
            </div>
            <div class="continue">
                { generate_panel(controller, &state.generate, trace, state.is_current()) }
            </div>
        </>
    }
}

/// The view that is shown in place of the list of features.
fn view(state: &State, trace: &Shared<Trace>, token: usize, on: Callback<ViewsAction>) -> Html {
    let Some(model) = state.model.clone() else {
        return Html::default();
    };
    let sae = state.place.sae.clone().map(AttrValue::from);
    html! {
        <ViewPanel trace={trace.clone()} {model} shown={state.place.shown.clone()} layer={state.attention_layer()} views={state.views.clone()} {sae} {token} feature={state.place.feature} {on} />
    }
}

/// Cautions about the SAE's numbers, and what was assumed of its files.
fn cautions(info: &SaeInfo, trace: &Trace) -> Html {
    let cautions = trace
        .sae(&info.id)
        .into_iter()
        .flat_map(|sae| &sae.cautions);
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
        move |_| controller.open(Section::Catalogue)
    };
    html! {
        <section class="card" aria-labelledby="features-title">
            <h2 id="features-title">{ "Features" }</h2>
            <p class="line"><span>{ "No SAE is loaded for this model." }</span><button type="button" onclick={open}>{ "Open an SAE or neurons…" }</button></p>
        </section>
    }
}

/// The prompt in numbers, and what can be taken away of it.
fn summary(controller: &Controller, trace: &Shared<Trace>, state: &State) -> Html {
    let n_ctx = state.model.as_ref().map_or(0, |model| model.n_ctx);
    let json = {
        let (controller, trace) = (controller.clone(), trace.clone());
        move |_| controller.copy("the trace as JSON", export::json(&trace))
    };
    let link = {
        let (controller, hash) = (controller.clone(), state.address().to_hash());
        move |_| controller.copy("a link to this view", browser::address(&hash))
    };
    let show = controller.on(|event: Event| {
        Action::ShowLoss(event.target_unchecked_into::<HtmlInputElement>().checked())
    });
    html! {
        <div class="line">
            <span title={if trace.bos_prepended { "The BOS is counted" } else { "" }}><b>{ count(trace.tokens.len(), "token") }</b>{ format!(" of at most {n_ctx}") }</span>
            <span>{ defined(LOSS) }{ " " }<b>{ optional(trace.loss, 3) }</b>{ format!(" nats, N = {}", trace.token_losses.len()) }</span>
            <label class="check" title="Marks each token by its own loss: the more surprising, the stronger"><input type="checkbox" checked={state.loss_shown} onchange={show} />{ "underline by loss" }</label>
            <span class="end">
                <button type="button" class="quiet" title="Copies the whole trace, under the names that the command line uses" onclick={json}>{ "Copy JSON" }</button>
                <button type="button" class="quiet" title="Copies the address of what you see" onclick={link}>{ "Copy link" }</button>
            </span>
        </div>
    }
}
