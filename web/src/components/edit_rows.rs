//! Rows of edits, with a switch, a slider and the text of each; and what an edit does, in words.

use web_sys::{HtmlInputElement, KeyboardEvent};
use wire::{Edit, Operation, Positions};
use yew::prelude::*;

use super::token_text::quoted_token;
use crate::browser;
use crate::context::use_controller;
use crate::controller::Controller;
use crate::data::Trace;
use crate::format::{count, fixed};
use crate::state::edits::{EditAction, Standing, slider};
use crate::state::tray::{FeatureId, TrayAction};
use crate::state::{Action, State};

/// An edit of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct EditRow {
    /// The edit.
    pub edit: Edit,
    /// Name of its feature: "feature 903 of layer 3".
    pub name: String,
    /// The feature, if its SAE is loaded.
    pub feature: Option<FeatureId>,
    /// Whether it is in force.
    pub standing: Standing,
    /// Text of its token, where it is at a single one of the prompt.
    pub token: Option<String>,
    /// Its feature's largest activation by itself, where it is known.
    pub usual: Option<f32>,
    /// What was typed in its place and cannot be read, and why.
    pub unread: Option<(String, String)>,
}

impl EditRow {
    /// All edits of the list, in its order.
    pub fn all(state: &State) -> Vec<Self> {
        let trace = state.trace.as_deref().filter(|_| state.is_current());
        let rows = state.place.edits.iter().zip(state.standings()).enumerate();
        rows.map(|(index, (edit, standing))| {
            let latent = edit.latent;
            let sae = state.edited_sae(&edit.sae).map(|sae| sae.id.clone());
            let named = sae.as_ref().unwrap_or(&edit.sae);
            let unread = state.editing.unread.clone();
            Self {
                edit: edit.clone(),
                name: format!("feature {latent} of {}", state.sae_name(named)),
                standing,
                token: trace.and_then(|trace| token_of(edit, trace)),
                usual: sae
                    .clone()
                    .and_then(|sae| state.usual_largest(&FeatureId { sae, latent })),
                feature: sae.map(|sae| FeatureId { sae, latent }),
                unread: unread
                    .filter(|one| one.0 == index)
                    .map(|(_, text, why)| (text, why)),
            }
        })
        .collect()
    }
}

/// The one position at which an edit is.
fn only(positions: &Positions) -> Option<u32> {
    let last = positions.last()?;
    let others = positions
        .0
        .iter()
        .any(|span| span.first != last || span.end.is_none());
    (!others).then_some(last)
}

/// Text of the only token at which an edit is.
fn token_of(edit: &Edit, trace: &Trace) -> Option<String> {
    let position = only(edit.positions.as_ref()?)?;
    Some(trace.tokens.get(position as usize)?.text.clone())
}

/// The words before the number of an operation.
fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Set(_) => "set to",
        Operation::Add(_) => "add",
        Operation::Scale(_) => "times",
    }
}

/// Where an edit is, in words.
fn place(edit: &Edit, token: Option<&str>) -> Html {
    let Some(positions) = &edit.positions else {
        return html! { " at all tokens" };
    };
    match (token, only(positions), positions.0.as_slice()) {
        (Some(token), Some(position), _) => {
            html! { <>{ " at " }{ quoted_token(token) }{ format!(" (position {position})") }</> }
        }
        (None, Some(position), _) => html! { { format!(" at position {position}") } },
        (.., []) => html! { " at no token" },
        (.., [one]) if one.end.is_none() => {
            html! { { format!(" from position {} on", one.first) } }
        }
        (.., spans) if spans.iter().all(|span| span.end.is_some()) => {
            let tokens = spans
                .iter()
                .filter_map(|span| Some(span.end?.saturating_sub(span.first)));
            html! { { format!(" at {}", count(tokens.sum::<u32>() as usize, "token")) } }
        }
        _ => html! { { format!(" at positions {positions}") } },
    }
}

/// What an edit does, in words, behind the name of its feature.
pub fn said(edit: &Edit, token: Option<&str>) -> Html {
    html! {
        <>
            { format!(" {} ", verb(edit.operation)) }<b>{ fixed(edit.operation.value().into(), 2) }</b>
            { place(edit, token) }
            if let Some(when) = &edit.when {
                { format!(" where {}:{} is above {}", when.sae, when.latent, fixed(when.above.into(), 2)) }
            }
        </>
    }
}

/// Why an edit is not in force; a clause behind its words.
pub fn why_not(standing: Standing) -> Option<String> {
    match standing {
        Standing::On | Standing::Off => None,
        Standing::Missing => Some("its SAE is not loaded, so this edit is not on".to_owned()),
        Standing::Beyond(tokens) => Some(format!(
            "the prompt has only {}, so this edit is not on",
            count(tokens, "token")
        )),
        Standing::Twice => Some(
            "an edit before it changes this feature at the same tokens, so this edit is not on"
                .to_owned(),
        ),
    }
}

/// The name of a standing, for styles and tests.
pub fn standing_name(standing: Standing) -> &'static str {
    match standing {
        Standing::On => "on",
        Standing::Off => "off",
        Standing::Missing => "missing",
        Standing::Beyond(_) => "beyond",
        Standing::Twice => "twice",
    }
}

/// The switch of an edit.
pub fn switch(index: usize, row: &EditRow, onchange: &Callback<usize>) -> Html {
    let onchange = onchange.reform(move |_: Event| index);
    html! { <input type="checkbox" aria-label={format!("{}: on", row.name)} title="Switches the edit on and off" checked={row.edit.on} {onchange} /> }
}

/// The name of an edit's feature, which selects it.
pub fn feature_button(controller: &Controller, row: &EditRow) -> Html {
    let EditRow { name, feature, .. } = row;
    let show = {
        let (controller, feature) = (controller.clone(), feature.clone());
        move |_: MouseEvent| {
            if let Some(feature) = feature.clone() {
                controller.dispatch(Action::Tray(TrayAction::Show(feature)));
            }
        }
    };
    html! { <button type="button" class="plain link" title={format!("Select {name} ({})", row.edit.sae)} disabled={feature.is_none()} onclick={show}>{ name }</button> }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The edits.
    pub rows: Vec<EditRow>,
    /// What takes the focus where a row is removed, as a selector.
    pub refuge: &'static str,
}

/// The rows.
#[component]
pub fn EditRows(props: &Props) -> Html {
    html! {
        <ul class="edit-rows">
            { for props.rows.iter().enumerate().map(|(index, row)| html! { <Row key={index} {index} row={row.clone()} refuge={props.refuge} /> }) }
        </ul>
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
struct RowProps {
    index: usize,
    row: EditRow,
    refuge: &'static str,
}

#[component]
fn Row(props: &RowProps) -> Html {
    let controller = use_controller();
    let RowProps { index, row, refuge } = props;
    let (index, refuge) = (*index, *refuge);
    let EditRow { edit, name, .. } = row;
    let (least, most) = slider(edit.operation, row.usual);
    let slide = controller.on(move |event: InputEvent| {
        let input = event.target_unchecked_into::<HtmlInputElement>();
        Action::Edit(EditAction::Slide(index, input.value_as_number() as f32))
    });
    let write = controller.on(move |event: Event| {
        let text = event.target_unchecked_into::<HtmlInputElement>().value();
        Action::Edit(EditAction::Write(index, text))
    });
    let onkeydown = {
        let controller = controller.clone();
        move |event: KeyboardEvent| {
            if event.key() == "Enter" {
                let text = event.target_unchecked_into::<HtmlInputElement>().value();
                controller.dispatch(Action::Edit(EditAction::Write(index, text)));
            }
        }
    };
    let remove = {
        let controller = controller.clone();
        move |_: MouseEvent| {
            // The button goes; the focus shall not go with it.
            browser::focus(refuge);
            controller.dispatch(Action::Edit(EditAction::Remove(index)));
        }
    };
    let switched = controller.on(|index| Action::Edit(EditAction::Switch(index)));
    let what = verb(edit.operation);
    let text = match &row.unread {
        Some((text, _)) => text.clone(),
        None => edit.to_string(),
    };
    html! {
        <li data-testid="edit-line" data-on={edit.on.to_string()} data-standing={standing_name(row.standing)}>
            { switch(index, row, &switched) }
            { feature_button(&controller, row) }
            <label class="slide"><span class="muted">{ what }</span>
                <input type="range" data-testid="edit-slider" aria-label={format!("{name}: {what}")} min={least.to_string()} max={most.to_string()} step="0.1" value={edit.operation.value().to_string()} oninput={slide} />
                if let Some(usual) = row.usual {
                    <span class="muted" data-testid="edit-usual" title="Largest activation over the atlas's corpus">{ format!("by itself up to {}", fixed(usual.into(), 1)) }</span>
                }
            </label>
            <input type="text" class="grammar" data-testid="edit-text" aria-label={format!("{name}: the edit as text")} value={text} onchange={write} {onkeydown} aria-invalid={row.unread.is_some().to_string()} />
            <button type="button" class="plain" data-testid="edit-remove" aria-label={format!("Remove the edit of {name}")} title="Remove" onclick={remove}>{ "×" }</button>
            if let Some((_, why)) = &row.unread {
                <pre class="error" role="alert">{ why }</pre>
            }
            if let Some(why) = why_not(row.standing) {
                <b class="not-on">{ format!("Not on: {why}.") }</b>
            }
        </li>
    }
}
