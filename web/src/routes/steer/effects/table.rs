//! The table of effects.

use std::rc::Rc;

use wire::{Edit, Operation};
use yew::prelude::*;

use super::super::parts::label_of;
use super::along::along;
use crate::components::term::described;
use crate::components::token_text::{quoted_token, token_text};
use crate::context::use_controller;
use crate::data::{Effect, TokenChange};
use crate::definitions::{DIRECT_ESTIMATE, EFFECT_KL, EFFECT_LOSS, LOGIT_DIFFERENCE};
use crate::format::{NONE, fixed, signed, small};
use crate::shared::Shared;
use crate::state::Action;
use crate::state::edits::EditAction;
use crate::state::effects::{About, Effects, EffectsAction};
use crate::state::route::Route;
use crate::state::tray::{FeatureId, TrayAction};

/// Features that are listed at first.
const FIRST: usize = 30;

/// Tokens that are listed per feature and direction.
const TOKENS: usize = 3;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What was measured.
    pub effects: Effects,
    /// Labels of the features that have one.
    pub labels: Shared<Vec<(u32, String)>>,
}

/// The table.
#[component]
pub fn Table(props: &Props) -> Html {
    let controller = use_controller();
    let effects = &props.effects;
    let Some(about) = &effects.about else {
        return Html::default();
    };
    let compared = about.compared.is_some();
    let ranked = effects.ranked();
    let shown = match effects.all {
        true => ranked.len(),
        false => FIRST.min(ranked.len()),
    };
    let label = |latent: u32| {
        let label = label_of(&props.labels, latent);
        label.map(|label| AttrValue::from(label.to_owned()))
    };
    let about = Rc::new(about.clone());
    let all = effects.all;
    html! {
        <>
            <div class="wide-table" tabindex="0" role="region" aria-label="Effects, a wide table">
                <table class="effects-table">
                    <thead><tr>
                        <th scope="col">{ "feature" }</th>
                        <th scope="col">{ "strongest at" }</th>
                        <th scope="col" class="number" title="Number of the chosen positions at which it is active">{ "active at" }</th>
                        <th scope="col" class="number">{ described(EFFECT_KL, "KL") }</th>
                        <th scope="col" class="number">{ described(EFFECT_LOSS, "Δ loss") }</th>
                        if compared {
                            <th scope="col" class="number">{ described(LOGIT_DIFFERENCE, "Δ logits") }</th>
                            <th scope="col" class="number">{ described(DIRECT_ESTIMATE, "direct") }</th>
                            <th scope="col" class="number" title="Measured minus direct path: what later layers make of the feature">{ "later layers" }</th>
                        }
                        <th scope="col">{ "up without it" }</th>
                        <th scope="col">{ "down without it" }</th>
                    </tr></thead>
                    { for ranked.into_iter().take(shown).map(|effect| html! {
                        <Row key={effect.latent} effect={effect.clone()} about={about.clone()} label={label(effect.latent)} probabilities={effects.probabilities} open={effects.open == Some(effect.latent)} />
                    }) }
                </table>
            </div>
            if effects.effects.len() > FIRST {
                <button type="button" class="quiet" data-testid="effects-all" onclick={controller.on(move |_| Action::Effects(EffectsAction::All(!all)))}>{ if all { format!("List the first {FIRST} only") } else { format!("List all {}", effects.effects.len()) } }</button>
            }
        </>
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
struct RowProps {
    effect: Effect,
    about: Rc<About>,
    label: Option<AttrValue>,
    probabilities: bool,
    open: bool,
}

#[component]
fn Row(props: &RowProps) -> Html {
    let controller = use_controller();
    let RowProps {
        effect,
        about,
        label,
        probabilities,
        open,
    } = props;
    let latent = effect.latent;
    let feature = FeatureId {
        sae: about.sae.clone(),
        latent,
    };
    let select =
        controller.on(move |_: MouseEvent| Action::Tray(TrayAction::Show(feature.clone())));
    let show = controller.on(move |_: MouseEvent| Action::Effects(EffectsAction::Open(latent)));
    let steer = {
        let (controller, edit) = (
            controller.clone(),
            Edit::new(&about.sae, latent, Operation::Set(0.0)),
        );
        move |_: MouseEvent| {
            controller.dispatch(Action::Edit(EditAction::Put(edit.clone())));
            controller.dispatch(Action::Go(Route::Steer));
        }
    };
    let nats = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |value| signed(value, 4));
    let rest = effect
        .logit_difference
        .zip(effect.direct)
        .map(|(all, direct)| all - direct);
    let compared = about.compared.is_some();
    let columns = if compared { 10 } else { 7 };
    html! {
        <tbody data-testid="effect" data-latent={latent.to_string()}>
            <tr>
                <th scope="row">
                    <button type="button" class="plain twist" data-testid="effect-open" aria-expanded={open.to_string()} aria-label={format!("Effect of feature {latent} along the prompt")} onclick={show}>{ if *open { "▾" } else { "▸" } }</button>
                    <button type="button" class="plain" title={format!("Select feature {latent}")} onclick={select}><span class="id">{ latent }</span></button>
                    { label.as_ref().map(|label| html! { <span class="muted label">{ label }</span> }).unwrap_or_default() }
                </th>
                <td class="words">{ about.tokens.get(effect.position).map(|token| quoted_token(&token.text)).unwrap_or_default() }<span class="muted number">{ fixed(effect.activation.into(), 2) }</span></td>
                <td class="number">{ effect.active }</td>
                <td class="number"><span data-testid="effect-kl">{ effect.kl.map_or_else(|| NONE.to_owned(), small) }</span>{ within(effect.within) }</td>
                <td class="number" data-testid="effect-loss">{ nats(effect.loss) }</td>
                if compared {
                    <td class="number" data-testid="effect-target">{ nats(effect.logit_difference) }</td>
                    <td class="number">{ nats(effect.direct) }</td>
                    <td class="number">{ nats(rest) }</td>
                }
                <td class="words">{ changes(&effect.up, *probabilities) }</td>
                <td class="words">{ changes(&effect.down, *probabilities) }</td>
            </tr>
            if *open {
                <tr class="detail" data-testid="effect-along"><td colspan={columns.to_string()}>
                    { along(about, effect) }
                    <button type="button" class="quiet" data-testid="effect-steer" onclick={steer}>{ "Ablate it while the model writes" }</button>
                </td></tr>
            }
        </tbody>
    }
}

/// The most that a number is off, where it is not measured.
fn within(error: f64) -> Html {
    match error > 0.0 {
        true => {
            html! { <span class="muted" data-testid="effect-within">{ format!(" ± {}", small(error)) }</span> }
        }
        false => Html::default(),
    }
}

/// The first tokens of a list, with their changes.
fn changes(tokens: &[TokenChange], probabilities: bool) -> Html {
    let change = |token: &TokenChange| match probabilities {
        true => format!("{}%", signed(f64::from(token.prob) * 100.0, 2)),
        false => signed(token.logit.into(), 2),
    };
    html! {
        <>{ for tokens.iter().take(TOKENS).map(|token| html! { <span class="change">{ token_text(&token.text) }<span class="muted number">{ change(token) }</span></span> }) }</>
    }
}
