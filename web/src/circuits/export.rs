//! The graph of a moment as JSON.

use std::fmt::Write as _;

use super::controls::Controls;
use super::facts::Facts;
use super::graph::Graph;
use super::moment::Concept;
use super::run::Run;
use super::ties::Tie;
use crate::export::{list, number, single, string};

/// Everything that is on screen, with what it was computed from: model, sets, text, controls, nodes and edges. Numbers that are not
/// known are null.
pub fn json(run: &Run, cursor: usize, facts: &Facts, controls: &Controls, graph: &Graph) -> String {
    let mut out = String::from("{\"model\":");
    // Writing into a string does not fail.
    string(&mut out, &run.model);
    let _ = write!(out, ",\"recorded\":{},\"prompt\":", run.recorded);
    string(&mut out, &run.prompt);
    let _ = write!(out, ",\"promptTokens\":{},\n\"tokens\":", run.prompt_tokens);
    list(&mut out, run.until(cursor), |out, frame| {
        let _ = write!(out, "{{\"id\":{},\"text\":", frame.token.id);
        string(out, &frame.token.text);
        out.push('}');
    });
    out.push_str(",\n\"sets\":");
    list(&mut out, run.sets.iter(), |out, set| {
        out.push_str("{\"sae\":");
        string(out, &set.sae);
        out.push_str(",\"hook\":");
        string(out, &set.hook);
        let shown = !controls.hidden.contains(&set.sae);
        let _ = write!(out, ",\"shown\":{shown}}}");
    });
    let _ = write!(
        out,
        ",\n\"controls\":{{\"nodes\":{},\"threshold\":",
        controls.nodes
    );
    single(&mut out, controls.threshold);
    out.push_str(",\"density\":");
    number(&mut out, Some(controls.density));
    let (mode, all) = (controls.mode.key(), controls.all_ties);
    let _ = write!(
        out,
        ",\"edges\":\"{mode}\",\"insignificant\":{all}}},\n\"nodes\":"
    );
    list(&mut out, &graph.concepts, |out, concept| {
        node(out, concept, run, facts)
    });
    out.push_str(",\n\"edges\":");
    list(&mut out, &graph.ties.shown, |out, tie| {
        edge(out, tie, controls)
    });
    out.push_str("}\n");
    out
}

fn node(out: &mut String, concept: &Concept, run: &Run, facts: &Facts) {
    let feature = concept.feature;
    out.push_str("\n{\"sae\":");
    let set = run.sets.get(usize::from(feature.set));
    string(out, set.map_or("", |set| &set.sae));
    let _ = write!(out, ",\"latent\":{},\"label\":", feature.latent);
    match facts.label(feature) {
        "" => out.push_str("null"),
        label => string(out, label),
    }
    for (name, value) in [
        ("activation", Some(concept.activation)),
        ("peak", Some(concept.peak)),
        ("corpusMax", concept.max),
        ("strength", Some(concept.strength)),
    ] {
        let _ = write!(out, ",\"{name}\":");
        // What is no number becomes null.
        single(out, value.unwrap_or(f32::NAN));
    }
    out.push_str(",\"density\":");
    number(out, facts.density(feature));
    out.push('}');
}

fn edge(out: &mut String, tie: &Tie, controls: &Controls) {
    let name = if controls.mode.is_tested() {
        "pmi"
    } else {
        "cosine"
    };
    let _ = write!(
        out,
        "\n{{\"from\":{},\"to\":{},\"{name}\":",
        tie.from, tie.to
    );
    single(out, tie.value);
    if let Some(both) = tie.both {
        let _ = write!(out, ",\"together\":{both}");
    }
    if let Some(chance) = tie.chance {
        out.push_str(",\"chance\":");
        number(out, Some(chance));
    }
    out.push('}');
}
