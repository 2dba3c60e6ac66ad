//! The tray at the lower edge of every route: pinned features, and a banner while an edit is on.

use yew::prelude::*;

use crate::browser;
use crate::components::term::defined;
use crate::components::token_text::quoted_token;
use crate::context::use_controller;
use crate::definitions::{KL_EDITED, LOSS};
use crate::format::{NONE, count, fixed, optional, signed, small};
use crate::ranking::at_token;
use crate::state::tray::{Edit, FeatureId, Standing, TrayAction};
use crate::state::{Action, Remote, State};

/// A pinned feature.
#[derive(Clone, Debug, PartialEq)]
pub struct PinRow {
    /// The feature.
    feature: FeatureId,
    /// Name of its SAE.
    sae: String,
    /// True if its SAE is not loaded.
    missing: bool,
    /// True if it is the selected feature.
    selected: bool,
    /// Its activation on the selected token, where that is known.
    activation: Option<f32>,
}

/// An edit.
#[derive(Clone, Debug, PartialEq)]
pub struct EditRow {
    /// The edit.
    edit: Edit,
    /// Name of its SAE.
    sae: String,
    /// Text of its token, where there is one.
    token: Option<String>,
    /// True if it runs.
    standing: Standing,
}

/// What the edits that are on change, all of them together.
#[derive(Clone, Debug, PartialEq)]
enum Effect {
    /// The run is under way, or waits for the trace.
    Waiting,
    /// It failed, with the reason.
    Failed(String),
    /// Mean loss of the clean and of the edited run, and KL(clean ‖ edited), in nats.
    Here(Option<f64>, Option<f64>, Option<f64>),
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Pinned features, in the order in which they were pinned.
    pub pins: Vec<PinRow>,
    /// Edits of the address.
    pub edits: Vec<EditRow>,
    /// Their effect; nothing where none of them runs.
    effect: Option<Effect>,
}

impl Props {
    /// The part of the state that the tray shows.
    pub fn of(state: &State) -> Self {
        let place = &state.place;
        let trace = state.trace.as_deref();
        let selected = state.selected();
        let pin = |feature: &FeatureId| {
            let sae = trace.and_then(|trace| trace.sae(&feature.sae));
            let activation = place.token.zip(sae).map(|(token, sae)| {
                let active = at_token(sae, token).find(|active| active.latent == feature.latent);
                active.map_or(0.0, |active| active.activation)
            });
            PinRow {
                feature: feature.clone(),
                sae: state.sae_name(&feature.sae),
                missing: !state.saes.iter().any(|sae| sae.id == feature.sae),
                selected: selected.as_ref() == Some(feature),
                activation,
            }
        };
        let row = |edit: &Edit| {
            let standing = state.standing(edit);
            let token = match edit.positions[..] {
                [position] if standing == Standing::On => {
                    trace.and_then(|trace| trace.tokens.get(position))
                }
                _ => None,
            };
            EditRow {
                edit: edit.clone(),
                sae: state.sae_name(&edit.feature.sae),
                token: token.map(|token| token.text.clone()),
                standing,
            }
        };
        let edits: Vec<EditRow> = place.edits.iter().map(row).collect();
        let any = edits.iter().any(|row| row.standing == Standing::On);
        let effect = match state.edited().map(|(_, answer)| answer) {
            Some(Remote::Here(edited)) => {
                let clean = trace.and_then(|trace| trace.loss);
                Effect::Here(clean, edited.loss, edited.kl)
            }
            Some(Remote::Failed(why)) => Effect::Failed(why.clone()),
            _ => Effect::Waiting,
        };
        Self {
            pins: place.pins.iter().map(pin).collect(),
            edits,
            effect: any.then_some(effect),
        }
    }

    /// The kinds of rows, for the styles: what lies at the lower edge makes room for them.
    fn rows(&self) -> &'static str {
        match (self.edits.is_empty(), self.pins.is_empty()) {
            (true, true) => "none",
            (true, false) => "pins",
            (false, true) => "edits",
            (false, false) => "both",
        }
    }
}

/// The tray.
#[component]
pub fn Tray(props: &Props) -> Html {
    let rows = props.rows();
    use_effect_with(rows, |rows| browser::mark_body("data-tray", rows));
    if rows == "none" {
        return Html::default();
    }
    html! {
        <aside class="tray" aria-label="Pinned features and edits" data-testid="tray">
            if !props.edits.is_empty() {
                <Banner edits={props.edits.clone()} effect={props.effect.clone()} />
            }
            if !props.pins.is_empty() {
                <Pins pins={props.pins.clone()} />
            }
        </aside>
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
struct BannerProps {
    edits: Vec<EditRow>,
    effect: Option<Effect>,
}

/// The edits that are on: which, where, with which effect, and how to take them off.
#[component]
fn Banner(props: &BannerProps) -> Html {
    let controller = use_controller();
    let take_off = |index: usize| {
        let controller = controller.clone();
        move |_: MouseEvent| {
            // The button goes; the focus shall not go with it.
            browser::focus("#main");
            controller.dispatch(Action::Tray(TrayAction::TakeOff(index)));
        }
    };
    let row = |(index, row): (usize, &EditRow)| {
        let EditRow {
            edit,
            sae,
            token,
            standing,
        } = row;
        let feature = edit.feature.clone();
        let name = format!("feature {} of {sae}", feature.latent);
        let missing = *standing == Standing::Missing;
        let show =
            controller.on(move |_: MouseEvent| Action::Tray(TrayAction::Show(feature.clone())));
        html! {
            <li data-testid="edit-row" data-standing={standing_name(*standing)}>
                <span class="what">
                <button type="button" class="plain link" title={format!("Select {name} ({})", edit.feature.sae)} disabled={missing} onclick={show}>{ &name }</button>
                { " set to " }<b>{ fixed(edit.value, 2) }</b>
                { match (token, &edit.positions[..]) {
                    (Some(token), [position]) => html! { <>{ " at " }{ quoted_token(token) }{ format!(" (position {position})") }</> },
                    (_, [position]) => html! { { format!(" at position {position}") } },
                    (_, positions) => html! { { format!(" at {}", count(positions.len(), "token")) } },
                } }
                { match standing {
                    Standing::On => Html::default(),
                    Standing::Missing => html! { <b>{ ": its SAE is not loaded, so this edit is not on" }</b> },
                    Standing::Beyond(tokens) => html! { <b>{ format!(": the prompt has only {}, so this edit is not on", count(*tokens, "token")) }</b> },
                } }
                </span>
                { " " }
                <button type="button" data-testid="take-off" aria-label={format!("Take off the edit of {name}")} onclick={take_off(index)}>{ "Take off" }</button>
            </li>
        }
    };
    let heading = match props.effect {
        Some(_) => "Edit on",
        None => "Edit not on",
    };
    html! {
        <section class="banner" data-testid="edit-banner" aria-label={heading}>
            <b class="mark-on">{ heading }</b>
            <ul>{ for props.edits.iter().enumerate().map(row) }</ul>
            <p role="status" data-testid="edit-effect">
                { match &props.effect {
                    None => Html::default(),
                    Some(Effect::Waiting) => html! { "Running the model with the edit…" },
                    Some(Effect::Failed(why)) => html! { { format!("The run with the edit failed: {why}") } },
                    Some(Effect::Here(clean, edited, kl)) => effect(*clean, *edited, *kl),
                } }
            </p>
        </section>
    }
}

fn standing_name(standing: Standing) -> &'static str {
    match standing {
        Standing::On => "on",
        Standing::Missing => "missing",
        Standing::Beyond(_) => "beyond",
    }
}

fn effect(clean: Option<f64>, edited: Option<f64>, kl: Option<f64>) -> Html {
    let change = clean.zip(edited).map_or_else(
        || NONE.to_owned(),
        |(clean, edited)| signed(edited - clean, 4),
    );
    html! {
        <>
            <span>{ defined(LOSS) }{ " " }<span class="wide">{ format!("{} → {} nats (", optional(clean, 3), optional(edited, 3)) }</span><b>{ format!("Δ {change}") }</b><span class="wide">{ ")" }</span><span class="narrow">{ " nats" }</span></span>
            { " · " }
            <span>{ defined(KL_EDITED) }{ " " }<b>{ kl.map_or_else(|| NONE.to_owned(), small) }</b>{ " nats" }</span>
        </>
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
struct PinsProps {
    pins: Vec<PinRow>,
}

/// The pinned features.
#[component]
fn Pins(props: &PinsProps) -> Html {
    let controller = use_controller();
    let last = props.pins.len() == 1;
    let unpin = |feature: &FeatureId| {
        let (controller, feature) = (controller.clone(), feature.clone());
        move |_: MouseEvent| {
            // The button goes; the focus shall not go with it.
            browser::focus(if last { "#main" } else { "[data-testid=pins]" });
            controller.dispatch(Action::Tray(TrayAction::Pin(feature.clone())));
        }
    };
    html! {
        <div class="pins" data-testid="pins" tabindex="-1">
            <span class="muted" id="pins-title">{ "Pinned" }</span>
            <ul aria-labelledby="pins-title">
                { for props.pins.iter().map(|pin| {
                    let PinRow { feature, sae, .. } = pin;
                    let name = format!("feature {} of {sae}", feature.latent);
                    let shown = feature.clone();
                    let show = controller.on(move |_: MouseEvent| Action::Tray(TrayAction::Show(shown.clone())));
                    let title = match pin.missing {
                        true => format!("The SAE {} is not loaded", feature.sae),
                        false => format!("Select {name}; its activation on the selected token"),
                    };
                    html! {
                        <li key={feature.to_text()} data-testid="pin" data-latent={feature.latent.to_string()} data-missing={pin.missing.to_string()}>
                            <button type="button" class="plain" {title} aria-pressed={pin.selected.to_string()} disabled={pin.missing} onclick={show}>
                                <span class="id">{ feature.latent }</span><span class="muted">{ sae }</span>
                                if pin.missing {
                                    <span>{ "not loaded" }</span>
                                } else {
                                    <b class="number">{ optional(pin.activation.map(f64::from), 2) }</b>
                                }
                            </button>
                            <button type="button" class="plain" aria-label={format!("Unpin {name}")} title={format!("Unpin {name}")} onclick={unpin(feature)}>{ "×" }</button>
                        </li>
                    }
                }) }
            </ul>
        </div>
    }
}
