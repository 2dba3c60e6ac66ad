//! The numbers of a sweep.

use yew::prelude::*;

use crate::components::term::described;
use crate::components::token_text::token_text;
use crate::context::use_controller;
use crate::definitions::{EFFECT_KL, LOSS, WRITTEN_LOSS};
use crate::export::sweep_table;
use crate::format::{NONE, fixed, optional, percent, small};
use crate::state::Action;
use crate::state::dose::{About, Dose, Point};
use crate::state::edits::EditAction;
use crate::state::route::Route;

/// The table of a sweep.
pub fn table(dose: &Dose, about: &About) -> Html {
    html! { <Table dose={dose.clone()} about={about.clone()} /> }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
struct Props {
    dose: Dose,
    about: About,
}

#[component]
fn Table(props: &Props) -> Html {
    let controller = use_controller();
    let Props { dose, about } = props;
    let copy = {
        let (controller, text) = (
            controller.clone(),
            sweep_table(about, &dose.clean, &dose.points),
        );
        move |_: MouseEvent| controller.copy("the sweep as a table", text.clone())
    };
    let writes = about.plan.written > 0;
    let cells = |point: &Point| {
        let written = point.written.as_ref();
        html! {
            <>
                <td class="number" data-testid="dose-loss">{ optional(point.dosed.loss, 4) }</td>
                <td class="number" data-testid="dose-kl">{ point.dosed.kl.map_or_else(|| NONE.to_owned(), small) }</td>
                { for point.dosed.tracked.iter().map(|next| html! { <td class="number" data-testid="dose-prob">{ percent(next.prob.into()) }</td> }) }
                <td class="words">{ point.dosed.next.first().map(|next| token_text(&next.text)).unwrap_or_default() }</td>
                if writes {
                    <td class="number" data-testid="dose-written-loss">{ optional(written.and_then(|(_, loss)| *loss), 3) }</td>
                    <td class="written" dir="auto">{ written.map(|(text, _)| text.clone()).unwrap_or_default() }</td>
                }
            </>
        }
    };
    let steer = |value: f32| {
        let (controller, edit) = (controller.clone(), about.plan.edit(value));
        move |_: MouseEvent| {
            controller.dispatch(Action::Edit(EditAction::Put(edit.clone())));
            controller.dispatch(Action::Go(Route::Steer));
        }
    };
    html! {
        <>
            <div class="wide-table" tabindex="0" role="region" aria-label="Numbers of the sweep, a wide table">
                <table class="dose-table">
                    <thead><tr>
                        <th scope="col" class="number">{ "value" }</th>
                        <th scope="col" class="number">{ described(LOSS, "loss") }</th>
                        <th scope="col" class="number">{ described(EFFECT_KL, "KL") }</th>
                        { for about.watched.iter().map(|token| html! { <th scope="col" class="number">{ token_text(&token.text) }</th> }) }
                        <th scope="col">{ "likeliest" }</th>
                        if writes {
                            <th scope="col" class="number">{ described(WRITTEN_LOSS, "clean loss") }</th>
                            <th scope="col">{ "text" }</th>
                        }
                    </tr></thead>
                    <tbody>
                        <tr data-testid="dose-clean"><th scope="row" class="number">{ "clean" }</th>{ cells(&dose.clean) }</tr>
                        { for about.plan.values.iter().zip(&dose.points).map(|(value, point)| html! {
                            <tr data-testid="dose-row">
                                <th scope="row" class="number"><button type="button" class="plain" title="Steer with this value" onclick={steer(*value)}>{ fixed((*value).into(), 2) }</button></th>
                                { cells(point) }
                            </tr>
                        }) }
                    </tbody>
                </table>
            </div>
            <button type="button" class="quiet" data-testid="dose-copy" onclick={copy}>{ "Copy as table" }</button>
        </>
    }
}
