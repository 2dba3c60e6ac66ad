//! The grid of experiments: features by positions.

use yew::prelude::*;

use super::super::parts::label_of;
use crate::components::token_text::token_text;
use crate::context::use_controller;
use crate::display::hook_label;
use crate::format::{NONE, fixed, signed, small, tint};
use crate::shared::Shared;
use crate::state::Action;
use crate::state::patch::{About, Carried, Patch, PatchAction, Row};
use crate::state::tray::{FeatureId, TrayAction};

/// Features that are listed at first.
const FIRST: usize = 20;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What was patched.
    pub patch: Patch,
    /// Its grid.
    pub rows: Shared<Vec<Row>>,
    /// Labels of the features that have one.
    pub labels: Shared<Vec<(u32, String)>>,
}

/// The grid.
#[component]
pub fn Grid(props: &Props) -> Html {
    let controller = use_controller();
    let patch = &props.patch;
    let Some(about) = &patch.about else {
        return Html::default();
    };
    let rows = &props.rows;
    let features = rows
        .iter()
        .filter(|row| row.what.latent().is_some())
        .count();
    let listed = rows.len() - features
        + if patch.all {
            features
        } else {
            FIRST.min(features)
        };
    let [here, there] = &about.tokens;
    // Before the first difference there is nothing to carry.
    let first = about.cells.iter().map(|cell| cell.position).min();
    let first = first.unwrap_or(0);
    let head = here
        .iter()
        .zip(there)
        .enumerate()
        .skip(first)
        .map(|(position, (here, there))| {
            html! {
                <th scope="col" title={format!("position {position}")}>
                    { token_text(&here.text) }
                    if here.id != there.id {
                        <span class="other">{ token_text(&there.text) }</span>
                    }
                </th>
            }
        });
    let all = patch.all;
    html! {
        <>
            <div class="wide-table" tabindex="0" role="region" aria-label="Experiments, a wide table">
                <table class="patch-grid">
                    <thead><tr><th scope="col">{ if about.hooks.is_empty() { "feature" } else { "residual stream" } }</th>{ for head }</tr></thead>
                    <tbody>{ for rows.iter().take(listed).map(|row| {
                        let label = row.what.latent().and_then(|latent| label_of(&props.labels, latent));
                        line(&controller, (about, patch, first), row, label)
                    }) }</tbody>
                </table>
            </div>
            if features > FIRST {
                <button type="button" class="quiet" data-testid="patch-all" onclick={controller.on(move |_| Action::Patch(PatchAction::All(!all)))}>{ if all { format!("List the first {FIRST} only") } else { format!("List all {features}") } }</button>
            }
        </>
    }
}

fn line(
    controller: &crate::controller::Controller,
    (about, patch, first): (&About, &Patch, usize),
    row: &Row,
    label: Option<&str>,
) -> Html {
    let key = match row.what {
        Carried::All => "all".to_owned(),
        Carried::Feature(latent) => latent.to_string(),
        Carried::Stream(at) => about.hook(at).to_owned(),
    };
    let name = match row.what {
        Carried::All => html! { <b>{ "all features" }</b> },
        Carried::Stream(at) => {
            html! { <span title={about.hook(at).to_owned()}>{ hook_label(about.hook(at)) }</span> }
        }
        Carried::Feature(latent) => {
            let feature = FeatureId {
                sae: about.sae.clone(),
                latent,
            };
            let select =
                controller.on(move |_: MouseEvent| Action::Tray(TrayAction::Show(feature.clone())));
            html! { <><button type="button" class="plain" title={format!("Select feature {latent}")} onclick={select}><span class="id">{ latent }</span></button>{ label.map(|label| html! { <span class="muted label">{ label.to_owned() }</span> }).unwrap_or_default() }</> }
        }
    };
    html! {
        <tr data-testid="patch-row" data-latent={key}>
            <th scope="row">{ name }</th>
            { for row.cells.iter().skip(first).map(|cell| square(about, patch, *cell)) }
        </tr>
    }
}

/// One experiment's share, coloured by it.
fn square(about: &About, patch: &Patch, cell: Option<usize>) -> Html {
    let found = cell.and_then(|number| about.cells.get(number).zip(patch.patched.get(number)));
    let Some((cell, patched)) = found else {
        return html! { <td></td> };
    };
    let share = about.share(patched);
    let values = match cell.what {
        Carried::All => "all features as in the source".to_owned(),
        Carried::Stream(hook) => format!("{} as in the source", about.hook(hook)),
        Carried::Feature(latent) => format!(
            "feature {latent}: {} → {}",
            fixed(cell.from.into(), 2),
            fixed(cell.to.into(), 2)
        ),
    };
    let title = format!(
        "{values} at position {}: logit difference {}, KL {} nats",
        cell.position,
        patched
            .difference
            .map_or_else(|| NONE.to_owned(), |value| signed(value, 3)),
        patched.kl.map_or_else(|| NONE.to_owned(), small)
    );
    let size = share.map_or(0.0, f64::abs) as f32;
    // No share is shown as none at all.
    let step = (size >= 0.005).then(|| format!("t{}", tint(size, 1.0)));
    let side = share.map(|share| if share < 0.0 { "away" } else { "toward" });
    html! {
        <td class={classes!("number", side, step)} {title} data-testid="patch-cell" data-share={share.map(|share| share.to_string())}>{ share.map_or_else(|| NONE.to_owned(), |share| signed(share * 100.0, 0)) }{ "%" }</td>
    }
}
