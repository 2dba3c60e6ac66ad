//! What edges mean, in words.

use yew::prelude::*;

use super::concepts::many;
use crate::circuits::{Controls, Graph, Mode, Ties};
use crate::components::term::{defined, described};
use crate::controller::Controller;
use crate::definitions::{CHANCE, PMI};
use crate::format::count;
use crate::state::Action;
use crate::state::circuits::{Circuits, CircuitsAction};

/// What edges mean, and what is not known of them.
pub fn meaning(
    graph: &Graph,
    Controls { mode, all_ties, .. }: &Controls,
    circuits: &Circuits,
    controller: &Controller,
) -> Html {
    let (mode, all_ties) = (*mode, *all_ties);
    let Ties {
        shown,
        insignificant,
        pairs: (within, across),
        waiting,
        unknown,
    } = &graph.ties;
    let edges = count(shown.len(), "edge");
    let what = match mode {
        Mode::Corpus => {
            "two features of one layer fire on the same tokens of the atlas's corpus, and chance would not do it"
        }
        Mode::Decoder => "the two directions that the SAEs write are near; nothing is tested",
        Mode::Text => {
            "two features fire on the same tokens of this very text, and chance would not do it"
        }
        // It has words of its own.
        Mode::Effect => return Html::default(),
    };
    let chance = many(*insignificant as u64, "pair");
    let hidden = match (mode.is_tested(), all_ties) {
        (false, _) => String::new(),
        (_, true) => format!(" Faint: {chance} that chance may have brought together."),
        (_, false) => format!(" Not shown: {chance} that chance may have brought together."),
    };
    let limits = match mode {
        Mode::Corpus => format!(
            "Of {} within a layer the atlas holds the count where one is among the other's ten strongest partners; of {} across layers it holds none, so none is drawn.",
            many(*within, "pair"),
            many(*across, "pair")
        ),
        Mode::Decoder => "The atlas holds each feature's ten nearest of its layer and the nearest of each other layer.".to_owned(),
        Mode::Text | Mode::Effect => "Of a short text little can be said: most pairs may be chance.".to_owned(),
    };
    let retry = controller.on(|_: MouseEvent| Action::Circuits(CircuitsAction::RetryShards));
    html! {
        <div class="meaning" data-testid="meaning">
            <p class="muted"><b>{ edges }</b>{ format!(": {what}.{hidden} ") }{ for mode.is_tested().then(|| html! { <>{ defined(PMI) }{ ", " }{ described(CHANCE, "chance") }{ "." }</> }) }{ format!(" {limits}") }</p>
            if mode != Mode::Text && *waiting > 0 {
                <p class="muted" role="status">{ format!("{} of the atlas still to come.", count(*waiting, "record")) }</p>
            }
            if mode != Mode::Text && *unknown > 0 {
                <p class="muted">{ format!("The atlas has nothing about {}.", count(*unknown, "of these concept")) }</p>
            }
            if let Some(why) = circuits.lacks() {
                <p class="error" role="alert">{ format!("Some records of the atlas did not come: {why} ") }<button type="button" onclick={retry}>{ "Try again" }</button></p>
            }
        </div>
    }
}
