//! Edges by measured effect: what they mean, and the measuring.

use yew::prelude::*;

use super::Props;
use crate::browser;
use crate::circuits::{Graph, links};
use crate::components::term::defined;
use crate::components::token_text::quoted_token;
use crate::controller::Controller;
use crate::definitions::MEASURED_EFFECT;
use crate::format::count;

impl Props {
    /// Why effects cannot be measured in the run in view; nothing where they can.
    fn not_to_measure(&self) -> Option<String> {
        let run = self.circuits.run.as_ref()?;
        if self.circuits.running {
            return Some("Effects can be measured when the text is written.".to_owned());
        }
        if self.model.as_ref() != Some(&run.model) {
            return Some(format!(
                "This text was written by {}: effects can be measured once that model is here.",
                run.model
            ));
        }
        let lacking = run
            .sets
            .iter()
            .find(|set| !self.saes.iter().any(|sae| sae.id == set.sae));
        lacking.map(|set| format!("Effects can be measured once {} is here.", set.sae))
    }
}

/// What edges mean, and what starts and stops the measuring.
pub fn effects(graph: &Graph, props: &Props, controller: &Controller) -> Html {
    let circuits = &props.circuits;
    let (links, cursor) = (&circuits.links, circuits.cursor);
    let Some(run) = &circuits.run else {
        return Html::default();
    };
    let sources = links::sources(&graph.concepts, run, cursor);
    let why_not = props.not_to_measure().or_else(|| {
        sources.is_empty().then(|| {
            "No two of these concepts are active at this token in layers that follow each other."
                .to_owned()
        })
    });
    let here = links.cursor == cursor && links.all > 0;
    let start = {
        let (controller, run, sources) = (controller.clone(), run.clone(), sources.clone());
        move |_: MouseEvent| {
            // The button goes; the focus shall not go with it.
            browser::focus("[data-testid=edges]");
            controller.measure_links(&run, cursor, sources.clone());
        }
    };
    let stop = {
        let controller = controller.clone();
        move |_: MouseEvent| {
            browser::focus("[data-testid=edges]");
            controller.stop_linking();
        }
    };
    let token = run.frames.get(cursor).map(|frame| frame.token.text.clone());
    html! {
        <div class="meaning" data-testid="meaning" data-measured={here.then(|| links.done.to_string())} data-running={links.running.to_string()}>
            <p class="muted"><b>{ count(graph.ties.shown.len(), "edge") }</b>{ ": " }{ defined(MEASURED_EFFECT) }{ ". Shares below 10 % are not drawn." }</p>
            if links.running {
                <p class="controls" role="status">
                    <button type="button" data-testid="links-stop" onclick={stop}>{ "Stop" }</button>
                    <progress max={links.all.max(1).to_string()} value={links.done.to_string()} aria-label="Concepts that were set to 0" />
                    <span class="muted">{ format!("{} of {}…", links.done, count(links.all, "concept")) }</span>
                </p>
            } else if let Some(why) = why_not {
                <p class="muted" data-testid="links-not">{ why }</p>
            } else if !here {
                <p class="controls">
                    <button type="button" data-testid="links-start" onclick={start}>{ "Measure at " }{ for token.as_deref().map(quoted_token) }</button>
                    <span class="muted">{ format!("sets {} to 0, one after the other", count(sources.len(), "concept")) }</span>
                </p>
            }
            if let Some(ended) = links.ended.as_ref().filter(|_| here) {
                <p class="muted" role="status" data-testid="links-ended">{ ended }</p>
            }
        </div>
    }
}
