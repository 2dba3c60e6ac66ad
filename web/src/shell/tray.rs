//! The tray at the lower edge of every route: pinned features, and a banner while an edit is on.

use yew::prelude::*;

use crate::browser;
use crate::components::edit_rows::{
    EditRow, EditRows, feature_button, said, standing_name, switch, why_not,
};
use crate::components::term::defined;
use crate::context::use_controller;
use crate::data::Edited;
use crate::definitions::{KL_EDITED, LOSS};
use crate::format::{NONE, optional, signed, small};
use crate::ranking::at_token;
use crate::state::edits::{EditAction, Standing};
use crate::state::route::Route;
use crate::state::tray::{FeatureId, TrayAction};
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

/// What the edits that are on change, all of them together.
#[derive(Clone, Debug, PartialEq)]
enum Effect {
    /// The run is under way, or waits for the trace.
    Waiting,
    /// It failed, with the reason.
    Failed(String),
    /// Mean loss of the clean and of the edited run, and KL(clean ‖ edited), in nats.
    Here {
        clean: Option<f64>,
        edited: Option<f64>,
        kl: Option<f64>,
        /// True if the next run is under way.
        passing: bool,
    },
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
    /// True while the edits can be changed here.
    open: bool,
    /// True where the page shows the edits itself.
    shown: bool,
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
        let edits = EditRow::all(state);
        let any = edits.iter().any(|row| row.standing == Standing::On);
        let here = |edited: &Edited, passing| Effect::Here {
            clean: trace.and_then(|trace| trace.loss),
            edited: edited.loss,
            kl: edited.kl,
            passing,
        };
        let effect = match state.edited().map(|(_, answer)| answer) {
            Some(Remote::Here(edited)) => here(edited, false),
            Some(Remote::Failed(why)) => Effect::Failed(why.clone()),
            _ => match state.edited_before() {
                Some(edited) => here(edited, true),
                None => Effect::Waiting,
            },
        };
        Self {
            pins: place.pins.iter().map(pin).collect(),
            edits,
            effect: any.then_some(effect),
            open: state.editing.open,
            shown: place.route == Route::Steer,
        }
    }

    /// True while the rows with their sliders are there.
    fn is_open(&self) -> bool {
        self.open && !self.shown && !self.edits.is_empty()
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
    // The styles make room for so many.
    let lines = props.is_open().then_some(props.edits.len());
    use_effect_with(lines, |lines| {
        let lines = lines.map_or_else(|| "no".to_owned(), |lines| lines.to_string());
        browser::mark_body("data-tray-open", &lines);
    });
    if rows == "none" {
        return Html::default();
    }
    html! {
        <aside class="tray" aria-label="Pinned features and edits" data-testid="tray">
            if !props.edits.is_empty() {
                <Banner edits={props.edits.clone()} effect={props.effect.clone()} open={props.is_open()} shown={props.shown} />
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
    open: bool,
    shown: bool,
}

/// The edits: which, where, with which effect, and how to change them and to take them off.
#[component]
fn Banner(props: &BannerProps) -> Html {
    let controller = use_controller();
    let switched = controller.on(|index| Action::Edit(EditAction::Switch(index)));
    let take_off = |index: usize| {
        let controller = controller.clone();
        move |_: MouseEvent| {
            // The button goes; the focus shall not go with it.
            browser::focus("#main");
            controller.dispatch(Action::Edit(EditAction::Remove(index)));
        }
    };
    let line = |(index, row): (usize, &EditRow)| {
        let EditRow { edit, name, .. } = row;
        html! {
            <li data-testid="edit-row" data-standing={standing_name(row.standing)}>
                { switch(index, row, &switched) }
                <span class="what">
                    { feature_button(&controller, row) }
                    { said(edit, row.token.as_deref()) }
                    if let Some(why) = why_not(row.standing) {
                        <b>{ format!(": {why}") }</b>
                    }
                </span>
                { " " }
                <button type="button" data-testid="take-off" aria-label={format!("Take off the edit of {name}")} onclick={take_off(index)}>{ "Take off" }</button>
            </li>
        }
    };
    let on = props
        .edits
        .iter()
        .filter(|row| row.standing == Standing::On);
    let heading = match on.count() {
        0 => "Edit not on".to_owned(),
        1 => "Edit on".to_owned(),
        several => format!("{several} edits on"),
    };
    let open = props.open;
    let change = controller.on(move |_: MouseEvent| Action::Edit(EditAction::Open(!open)));
    html! {
        <section class="banner" data-testid="edit-banner" aria-label={heading.clone()}>
            <b class="mark-on">{ &heading }</b>
            if open {
                <EditRows rows={props.edits.clone()} refuge="[data-testid=tray-change], #main" />
            } else if !props.shown {
                <ul>{ for props.edits.iter().enumerate().map(line) }</ul>
            }
            if !props.shown {
                <button type="button" data-testid="tray-change" aria-expanded={open.to_string()} title="Sliders and texts of the edits" onclick={change}>{ if open { "Close" } else { "Change" } }</button>
            }
            <p role="status" data-testid="edit-effect">
                { match &props.effect {
                    None => Html::default(),
                    Some(Effect::Waiting) => html! { "Running the model with the edit…" },
                    Some(Effect::Failed(why)) => html! { { format!("The run with the edit failed: {why}") } },
                    Some(Effect::Here { clean, edited, kl, passing }) => html! { <span class={classes!(passing.then_some("passing"))}>{ effect(*clean, *edited, *kl) }</span> },
                } }
            </p>
        </section>
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
