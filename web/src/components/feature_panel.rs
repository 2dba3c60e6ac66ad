//! Everything about the selected feature.

use std::rc::Rc;

use yew::prelude::*;

use super::activation_chart::ActivationChart;
use super::bars::{Bar, bars};
use super::edit::{EditControl, Run, run_result};
use super::term::{defined, described};
use super::token_text::token_text;
use crate::controller::Controller;
use crate::data::{Feature, TokenValue, Trace};
use crate::definitions::{
    DECODER_NORM, ENCODER_BIAS, FEATURE, LOGIT_EFFECT, MAXIMUM, NEAREST, OUTPUT_NORM,
};
use crate::display::{hook_label, quoted};
use crate::format::{count, fixed, share, signed};
use crate::ranking::{along, peak, strongest};
use crate::shared::Shared;
use crate::state::tray::{FeatureId, TrayAction};
use crate::state::{Action, EditState, History, Remote};

/// Strongest tokens that are listed.
const STRONGEST: usize = 6;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Receiver of the actions.
    pub controller: Controller,
    /// The trace.
    pub trace: Shared<Trace>,
    /// Id of the SAE.
    pub sae: AttrValue,
    /// The feature.
    pub latent: u32,
    /// The selected token.
    pub token: usize,
    /// The engine's description of the feature.
    pub feature: Remote<Shared<Feature>>,
    /// The edit control.
    pub edit: EditState,
    /// True if the model is there to run with edits.
    pub live: bool,
    /// The run with the edits in force, if it is of this feature.
    pub run: Option<Run>,
    /// True if the feature is pinned.
    pub pinned: bool,
}

/// The panel.
#[component]
pub fn FeaturePanel(props: &Props) -> Html {
    let Props {
        controller,
        trace,
        latent,
        token,
        ..
    } = props;
    let Some(sae) = trace.sae(&props.sae) else {
        return Html::default();
    };
    let along = along(sae, trace.tokens.len(), *latent);
    let first = trace.first_own();
    let active = along
        .iter()
        .skip(first)
        .filter(|&&value| value > 0.0)
        .count();
    let described_by = match &props.feature {
        Remote::Here(feature) => Some(feature),
        _ => None,
    };
    let feature = FeatureId {
        sae: sae.id.clone(),
        latent: *latent,
    };
    let pin = {
        let feature = feature.clone();
        controller.on(move |_: MouseEvent| Action::Tray(TrayAction::Pin(feature.clone())))
    };
    html! {
        <section class="card panel" data-testid="feature-panel" data-latent={latent.to_string()} aria-labelledby="panel-title">
            <div class="card-head">
                <h2 id="panel-title" title={format!("Latent {latent} of {} at {}", sae.id, sae.hook)}>
                    { described(FEATURE, "Feature") }{ " " }<span class="id">{ latent }</span>{ format!(" · {}", hook_label(&sae.hook)) }
                </h2>
                <button type="button" class="pin" data-testid="pin-button" aria-pressed={props.pinned.to_string()}
                    title="Keeps this feature at the lower edge of every page (p)" onclick={pin}>{ if props.pinned { "Pinned" } else { "Pin" } }</button>
            </div>
            <p class="line">
                <span>{ defined(MAXIMUM) }{ " " }<b>{ fixed(peak(&along, first).into(), 3) }</b></span>
                <span>{ "active on " }<b>{ active }</b>{ format!(" of {}", count(along.len() - first.min(along.len()), "token")) }</span>
                if let Some(feature) = described_by {
                    <span>{ defined(DECODER_NORM) }{ " " }<b>{ fixed(f64::from(feature.decoder_norm), 3) }</b></span>
                    if !feature.writes_its_direction() {
                        <span>{ defined(OUTPUT_NORM) }{ " " }<b>{ fixed(f64::from(feature.output_norm), 3) }</b></span>
                    }
                    <span>{ defined(ENCODER_BIAS) }{ " " }<b>{ signed(f64::from(feature.encoder_bias), 3) }</b></span>
                }
            </p>
            <ActivationChart controller={controller.clone()} trace={trace.clone()} latent={*latent} along={along.clone()} selected={*token} />
            { where_strongest(controller, trace, &along) }
            { match &props.feature {
                Remote::Here(feature) => effects(controller, feature),
                Remote::Failed(message) => html! { <p class="error" role="alert">{ message }</p> },
                Remote::Idle | Remote::Waiting => html! { <p class="muted">{ "Asking the engine…" }</p> },
            } }
            <EditControl {feature} along={Rc::new(along)} {first} token={*token} edit={props.edit.clone()} live={props.live} />
            if let Some(run) = &props.run {
                { run_result(trace, run, *token) }
            }
        </section>
    }
}

fn where_strongest(controller: &Controller, trace: &Trace, along: &[f32]) -> Html {
    let tokens = strongest(along, trace.first_own(), STRONGEST);
    if tokens.is_empty() {
        return html! { <p class="muted">{ "Not active on any of the prompt's own tokens." }</p> };
    }
    html! {
        <>
            <h3>{ "Strongest in this prompt" }</h3>
            <ul class="jumps">
                { for tokens.into_iter().map(|token| html! {
                    <li><button type="button" title={format!("Go to position {token}")} onclick={controller.on(move |_| Action::Jump(token))}>
                        { token_text(&trace.tokens[token].text) }<span class="number">{ fixed(along[token].into(), 2) }</span>
                    </button></li>
                }) }
            </ul>
        </>
    }
}

fn effects(controller: &Controller, feature: &Feature) -> Html {
    let effect = &feature.logit_effect;
    let largest = effect
        .top
        .iter()
        .chain(&effect.bottom)
        .map(|one| one.value.abs())
        .fold(0.0, f32::max);
    let side = |label: &'static str, kind: &'static str, tokens: &[TokenValue]| {
        let lines = tokens.iter().map(|TokenValue { text, value, .. }| Bar {
            text: token_text(text),
            value: signed(f64::from(*value), 3),
            share: share(value.abs(), largest),
            title: format!("{} · {}", quoted(text), signed(f64::from(*value), 4)),
            marked: false,
        });
        bars(label, kind, lines)
    };
    html! {
        <>
            <h3>{ defined(LOGIT_EFFECT) }</h3>
            <div class="two">
                { side("Tokens it pushes up", "up", &effect.top) }
                { side("Tokens it pushes down", "down", &effect.bottom) }
            </div>
            if !feature.nearest.is_empty() {
                <h3>{ defined(NEAREST) }</h3>
                <ul class="jumps">
                    { for feature.nearest.iter().map(|near| {
                        let latent = near.latent;
                        html! {
                            <li><button type="button" title={format!("Go to feature {latent}")} onclick={controller.on(move |_| Action::SelectFeature(latent, History::Push))}>
                                <span class="id">{ latent }</span><span class="number">{ fixed(near.cosine.into(), 2) }</span>
                            </button></li>
                        }
                    }) }
                </ul>
            }
        </>
    }
}
