//! Exploring a prompt.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::browser;
use crate::components::error_banner::ErrorBanner;
use crate::components::feature_panel::FeaturePanel;
use crate::components::features::Features;
use crate::components::generate::Generate;
use crate::components::header::Header;
use crate::components::keys_dialog::KeysDialog;
use crate::components::metrics::MetricsTable;
use crate::components::next_tokens::NextTokens;
use crate::components::note::NoteLine;
use crate::components::progress::ProgressBar;
use crate::components::prompt_box::PromptBox;
use crate::components::term::Defined;
use crate::components::tokens::Tokens;
use crate::controller::Controller;
use crate::data::Trace;
use crate::definitions::LOSS;
use crate::export;
use crate::format::{count, optional};
use crate::ranking::along;
use crate::shared::Shared;
use crate::state::{Action, During, Phase, State};

/// What to show.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The whole state.
    pub state: State,
}

/// The page.
#[component]
pub fn PromptPage(props: &Props) -> Html {
    let state = &props.state;
    let banner = |about_prompt: bool| {
        let problem = state
            .problem
            .clone()
            .filter(|problem| (problem.during == During::Tracing) == about_prompt);
        problem
            .map(|problem| html! { <ErrorBanner {problem} prompt={state.prompt().to_owned()} /> })
    };
    let progress = match &state.phase {
        Phase::Loading(progress) => Some(Some(progress.clone())),
        Phase::Ready if state.trace.is_none() && state.problem.is_none() => Some(None),
        _ => None,
    };
    let at_fault = state
        .problem
        .as_ref()
        .is_some_and(|problem| problem.during == During::Tracing);
    html! {
        <>
            <Header state={state.clone()} />
            <main>
                { banner(false) }
                if let Some(progress) = progress {
                    <ProgressBar {progress} />
                }
                <div class="columns">
                    <section class="card prompt" aria-label="Prompt and tokens">
                        <PromptBox prompt={state.prompt().to_owned()} examples={state.examples.clone()} invalid={at_fault} />
                        { banner(true) }
                        if let Some(trace) = &state.trace {
                            if state.problem.is_some() && !state.is_current() {
                                <p class="muted">{ "What is shown is still of the prompt that was traced last:" }</p>
                            }
                            { tokens(state, trace) }
                            <Summary trace={trace.clone()} n_ctx={state.model.as_ref().map_or(0, |model| model.n_ctx)} loss_shown={state.loss_shown} />
                        }
                    </section>
                    { parts(state) }
                </div>
            </main>
            <NoteLine note={state.note.clone()} />
            <KeysDialog open={state.keys_open} />
        </>
    }
}

fn tokens(state: &State, trace: &Shared<Trace>) -> Html {
    let feature = state
        .place
        .feature
        .zip(state.sae_trace())
        .map(|(latent, sae)| (latent, along(sae, trace.tokens.len(), latent)));
    html! {
        <Tokens trace={trace.clone()} selected={state.place.token} {feature} loss_shown={state.loss_shown} />
    }
}

/// What follows from a trace, in the order of a narrow page; on a wide one the feature stands beside the rest.
fn parts(state: &State) -> Html {
    let (Some(trace), Some(sae)) = (&state.trace, &state.place.sae) else {
        return Html::default();
    };
    let token = state.place.token.unwrap_or(0);
    html! {
        <>
            <div class="list">
                <Features trace={trace.clone()} sae={sae.clone()} view={state.place.view} ranking={state.place.ranking} {token} selected={state.place.feature} />
            </div>
            <aside aria-label="Selected feature">
                if let Some(latent) = state.place.feature {
                    <FeaturePanel trace={trace.clone()} sae={sae.clone()} {latent} {token} feature={state.feature.clone()} edit={state.edit.clone()} />
                }
            </aside>
            <div class="pair">
                <NextTokens trace={trace.clone()} {token} />
                <MetricsTable trace={trace.clone()} selected={sae.clone()} />
            </div>
            <div class="continue">
                <Generate generate={state.generate.clone()} prompt={state.prompt().to_owned()} ready={state.phase == Phase::Ready} />
            </div>
        </>
    }
}

/// What the line below the tokens tells.
#[derive(Clone, PartialEq, Properties)]
struct SummaryProps {
    trace: Shared<Trace>,
    n_ctx: usize,
    loss_shown: bool,
}

/// The prompt in numbers, and what can be taken away of it.
#[component]
fn Summary(props: &SummaryProps) -> Html {
    let Some(controller) = use_context::<Controller>() else {
        return Html::default();
    };
    let SummaryProps {
        trace,
        n_ctx,
        loss_shown,
    } = props;
    let json = {
        let (controller, trace) = (controller.clone(), trace.clone());
        move |_| controller.copy("the trace as JSON", export::json(&trace))
    };
    let link = {
        let controller = controller.clone();
        move |_| controller.copy("a link to this view", browser::address())
    };
    let show = controller.on(|event: Event| {
        Action::ShowLoss(event.target_unchecked_into::<HtmlInputElement>().checked())
    });
    html! {
        <div class="line">
            <span title={if trace.bos_prepended { "The BOS is counted" } else { "" }}><b>{ count(trace.tokens.len(), "token") }</b>{ format!(" of at most {n_ctx}") }</span>
            <span><Defined term={LOSS} />{ " " }<b>{ optional(trace.loss, 3) }</b>{ format!(" nats, N = {}", trace.token_losses.len()) }</span>
            <label class="check" title="Marks each token by its own loss: the more surprising, the stronger"><input type="checkbox" checked={*loss_shown} onchange={show} />{ "underline by loss" }</label>
            <span class="end">
                <button type="button" class="quiet" title="Copies the whole trace, under the names that the command line uses" onclick={json}>{ "Copy JSON" }</button>
                <button type="button" class="quiet" title="Copies the address of what you see" onclick={link}>{ "Copy link" }</button>
            </span>
        </div>
    }
}
