//! The graph of a moment as JSON.

use serde_json::{Value, json};

use super::facts::Facts;
use super::moment::Concept;
use super::run::Run;
use super::ties::Tie;
use super::{Controls, Graph};
use crate::format::{exact_single, read};

/// Everything that is on screen, with what it was computed from: model, sets, text, controls, nodes and edges. Numbers that are not
/// known are null.
pub fn json(run: &Run, cursor: usize, facts: &Facts, controls: &Controls, graph: &Graph) -> String {
    let node = |concept: &Concept| {
        let feature = concept.feature;
        let label = Some(facts.label(feature)).filter(|label| !label.is_empty());
        json!({
            "sae": run.sets.get(usize::from(feature.set)).map(|set| &set.sae),
            "latent": feature.latent,
            "label": label,
            "activation": number(concept.activation),
            "peak": number(concept.peak),
            "corpusMax": concept.max.map(number),
            "density": facts.density(feature),
            "strength": number(concept.strength),
        })
    };
    let edge = |tie: &Tie| {
        json!({
            "from": tie.from,
            "to": tie.to,
            controls.mode.value().to_lowercase(): number(tie.value),
            "together": tie.both,
            "chance": tie.chance,
        })
    };
    let sets = run.sets.iter().map(|set| {
        json!({ "sae": set.sae, "hook": set.hook, "shown": !controls.hidden.contains(&set.sae) })
    });
    let tokens = run
        .until(cursor)
        .iter()
        .map(|frame| json!({ "id": frame.token.id, "text": frame.token.text }));
    let whole = json!({
        "model": run.model,
        "recorded": run.recorded,
        "prompt": run.prompt,
        "promptTokens": run.prompt_tokens,
        "tokens": tokens.collect::<Vec<_>>(),
        "sets": sets.collect::<Vec<_>>(),
        "controls": {
            "nodes": controls.nodes,
            "threshold": number(controls.threshold),
            "density": controls.density,
            "edges": controls.mode.key(),
            "insignificant": controls.all_ties,
        },
        "nodes": graph.concepts.iter().map(node).collect::<Vec<_>>(),
        "edges": graph.ties.shown.iter().map(edge).collect::<Vec<_>>(),
    });
    format!("{whole:#}\n")
}

/// A number in as few digits as give it back; what is none is null.
fn number(value: f32) -> Value {
    // By way of its shortest text: 0.1 is not to become 0.10000000149011612.
    let read = value
        .is_finite()
        .then(|| read(&exact_single(value)))
        .flatten();
    read.and_then(serde_json::Number::from_f64)
        .map_or(Value::Null, Value::Number)
}
