use ::atlas::association::pairs;
use ::atlas::record::{Elsewhere, FeatureRow, Neighbour, Partner};

use super::controls::Mode;
use super::facts::{Across, Facts, Known, Relations, SetFacts};
use super::feature::Feature;
use super::links::{links, sources};
use super::moment::Moment;
use super::run::{Frame, Run, RunSet};
use super::{Controls, Graph, export, timeline};
use crate::data::Token;
use crate::shared::Shared;

const A: Feature = Feature { set: 0, latent: 1 };
const B: Feature = Feature { set: 0, latent: 2 };
const C: Feature = Feature { set: 1, latent: 0 };

fn frame(counts: bool, sets: [&[(u32, f32)]; 2]) -> Shared<Frame> {
    Shared::new(Frame {
        token: Token::default(),
        counts,
        active: sets.map(<[_]>::to_vec).to_vec(),
    })
}

fn run() -> Run {
    let set = |layer: u32| RunSet {
        sae: format!("openai.layer_{layer}"),
        hook: format!("blocks.{layer}.hook_resid_post"),
        n_latents: 4,
        relations: None,
    };
    Run {
        sets: Shared::new(vec![set(1), set(3)]),
        frames: vec![
            frame(false, [&[(1, 90.0)], &[(0, 90.0)]]),
            frame(true, [&[(1, 4.0), (2, 1.0)], &[]]),
            frame(true, [&[], &[(0, 2.0)]]),
            frame(true, [&[(2, 2.0)], &[]]),
        ],
        prompt_tokens: 2,
        ..Run::default()
    }
}

fn everything() -> Controls {
    Controls {
        density: 1.0,
        threshold: 0.0,
        all_ties: true,
        ..Controls::default()
    }
}

/// Two sets of four features; feature 1 of the first fires with 2, and has its nearest direction in the second set.
fn facts() -> Facts {
    let rows = |fired: [u64; 4]| {
        let row = |(latent, fired): (u32, u64)| FeatureRow {
            latent,
            fired,
            max: 8.0,
            label: format!("label {latent}"),
            ..FeatureRow::default()
        };
        Shared::new((0..).zip(fired).map(row).collect::<Vec<_>>())
    };
    let set = |index: usize, fired, known: Vec<Known>| {
        Some(SetFacts {
            id: format!("set-{index}"),
            index,
            rows: rows(fired),
            tokens: 1000,
            knows_max: true,
            error: 0,
            shard_size: 4,
            recorded: None,
            shards: [(0, Shared::new(known))].into(),
        })
    };
    let of_1 = Known {
        partners: vec![
            Partner {
                latent: 2,
                count: 20,
                pmi: 3.0,
            },
            Partner {
                latent: 3,
                count: 10,
                pmi: 9.0,
            },
        ],
        similar: vec![Neighbour {
            latent: 2,
            cosine: 0.5,
        }],
        elsewhere: vec![Elsewhere {
            set: "set-1".to_owned(),
            latent: 0,
            cosine: 0.7,
        }],
        across: Vec::new(),
    };
    let none = Known::default;
    Facts {
        sets: vec![
            set(0, [500, 30, 40, 10], vec![none(), of_1, none(), none()]),
            set(1, [600, 1, 1, 1], vec![none(), none(), none(), none()]),
        ],
    }
}

#[test]
fn features_fade_when_they_fall_silent() {
    let run = run();
    let moment = Moment::at(&run, 3, &Facts::default());
    let concepts = moment.concepts(&run, &Facts::default(), &everything(), &[]);
    let by = |feature| {
        *concepts
            .iter()
            .find(|concept| concept.feature == feature)
            .unwrap()
    };
    // Without an atlas the largest activation of the text counts; a BOS does not.
    assert_eq!(
        (by(A).strength, by(A).silent, by(A).activation, by(A).peak),
        (0.5625, 2, 0.0, 4.0)
    );
    assert_eq!(
        (by(B).strength, by(B).silent, by(B).activation),
        (1.0, 0, 2.0)
    );
    assert_eq!((by(C).strength, by(C).silent), (0.75, 1));
    let order: Vec<Feature> = concepts.iter().map(|concept| concept.feature).collect();
    assert_eq!(order, [B, C, A]);
    // With one it is a part of the corpus's largest.
    let known = Moment::at(&run, 3, &facts()).concepts(&run, &facts(), &everything(), &[]);
    assert_eq!(
        (known[0].feature, known[0].strength, known[0].max),
        (A, 0.28125, Some(8.0))
    );
    let first = Moment::at(&run, 1, &Facts::default());
    assert_eq!(first.tokens, 1);
    assert!(
        !first.seen.contains_key(&C),
        "later tokens are not known yet"
    );
    assert!(Moment::at(&run, 0, &Facts::default()).seen.is_empty());
    assert!(
        Moment::at(&Run::default(), 7, &Facts::default())
            .seen
            .is_empty()
    );
}

#[test]
fn controls_choose_what_is_shown_and_pins_stay() {
    let (run, facts) = (run(), facts());
    let shown = |controls: Controls, pins: &[Feature]| -> Vec<Feature> {
        let graph = Graph::at(&run, 3, &facts, &controls, pins);
        graph
            .concepts
            .iter()
            .map(|concept| concept.feature)
            .collect()
    };
    assert_eq!(shown(everything(), &[]), [A, B, C]);
    assert_eq!(
        shown(
            Controls {
                nodes: 1,
                ..everything()
            },
            &[]
        ),
        [A]
    );
    assert_eq!(
        shown(
            Controls {
                threshold: 0.2,
                ..everything()
            },
            &[]
        ),
        [A, B]
    );
    assert_eq!(
        shown(
            Controls {
                density: 0.5,
                ..everything()
            },
            &[]
        ),
        [A, B],
        "C fires on 600 of 1,000"
    );
    let hidden = vec!["openai.layer_1".to_owned()];
    assert_eq!(
        shown(
            Controls {
                hidden: hidden.clone(),
                ..everything()
            },
            &[]
        ),
        [C]
    );
    let silent = Feature { set: 0, latent: 3 };
    assert_eq!(
        shown(
            Controls {
                hidden,
                ..everything()
            },
            &[A, silent]
        ),
        [A, C, silent]
    );
    // Without an atlas a text says how specific a feature is: B is active on 2 of 3 tokens.
    let graph = Graph::at(
        &run,
        3,
        &Facts::default(),
        &Controls {
            density: 0.5,
            ..everything()
        },
        &[],
    );
    assert!(graph.index_of(B).is_none() && graph.index_of(A).is_some());
}

#[test]
fn edges_of_the_corpus_are_those_that_the_atlas_has_counted() {
    let (run, facts) = (run(), facts());
    let graph = Graph::at(&run, 3, &facts, &everything(), &[]);
    assert_eq!(graph.ties.pairs, (1, 2));
    assert_eq!(graph.ties.shown.len(), 1);
    let tie = graph.ties.shown[0];
    let (a, b) = (graph.index_of(A).unwrap(), graph.index_of(B).unwrap());
    assert_eq!((tie.from, tie.to, tie.both), (a.min(b), a.max(b), Some(20)));
    assert!((f64::from(tie.value) - (20.0f64 * 1000.0 / (30.0 * 40.0)).ln()).abs() < 1e-6);
    assert!(tie.chance.unwrap() < 1e-15 && tie.is_significant());
    assert_eq!(graph.partners(a), [(b, &tie)]);
    // As many as independent features would have: not shown unless wanted.
    let mut few = facts.clone();
    let set = few.sets[0].as_mut().unwrap();
    let mut known: Vec<Known> = set.shards[&0].to_vec();
    known[1].partners[0].count = 2;
    set.shards.insert(0, Shared::new(known));
    let hiding = Controls {
        all_ties: false,
        ..everything()
    };
    let hidden = Graph::at(&run, 3, &few, &hiding, &[]);
    assert_eq!((hidden.ties.shown.len(), hidden.ties.insignificant), (0, 1));
    assert_eq!(
        Graph::at(&run, 3, &few, &everything(), &[])
            .ties
            .shown
            .len(),
        1
    );
    // A count that may be too large counts for the least that it may be.
    let mut rough = facts.clone();
    rough.sets[0].as_mut().unwrap().error = 19;
    assert_eq!(Graph::at(&run, 3, &rough, &hiding, &[]).ties.shown.len(), 0);
    // Before a record is there, nothing is said of it.
    let mut bare = facts.clone();
    bare.sets[0].as_mut().unwrap().shards.clear();
    bare.sets[1] = None;
    let waiting = Graph::at(&run, 3, &bare, &everything(), &[]).ties;
    assert_eq!(
        (waiting.shown.len(), waiting.waiting, waiting.unknown),
        (0, 2, 1)
    );
}

#[test]
fn edges_by_directions_cross_layers() {
    let (run, facts) = (run(), facts());
    let controls = Controls {
        mode: Mode::Decoder,
        all_ties: false,
        ..everything()
    };
    let graph = Graph::at(&run, 3, &facts, &controls, &[]);
    let found: Vec<(f32, Option<f64>)> = graph
        .ties
        .shown
        .iter()
        .map(|tie| (tie.value, tie.chance))
        .collect();
    assert_eq!(found, [(0.7, None), (0.5, None)]);
}

#[test]
fn relations_that_came_with_a_run_need_no_record() {
    let (run, mut facts) = (run(), facts());
    let of_1 = Known {
        partners: vec![Partner {
            latent: 2,
            count: 20,
            pmi: 0.0,
        }],
        across: vec![Across {
            set: 1,
            latent: 0,
            cosine: 0.7,
        }],
        ..Known::default()
    };
    let recorded = |known: Vec<(u32, Known)>| {
        Some(Shared::new(Relations {
            table: String::new(),
            known: known.into_iter().collect(),
        }))
    };
    let sets = facts.sets.iter_mut().flatten();
    for (set, known) in sets.zip([
        vec![(1, of_1), (2, Known::default())],
        vec![(0, Known::default())],
    ]) {
        set.shards.clear();
        set.recorded = recorded(known);
    }
    let graph = Graph::at(&run, 3, &facts, &everything(), &[]);
    assert_eq!((graph.ties.waiting, graph.ties.shown.len()), (0, 1));
    assert!(
        (f64::from(graph.ties.shown[0].value) - (20.0f64 * 1000.0 / (30.0 * 40.0)).ln()).abs()
            < 1e-6
    );
    let controls = Controls {
        mode: Mode::Decoder,
        ..everything()
    };
    let graph = Graph::at(&run, 3, &facts, &controls, &[]);
    assert_eq!((graph.ties.waiting, graph.ties.shown[0].value), (0, 0.7));
}

#[test]
fn edges_of_a_text_are_tested_by_its_own_tokens() {
    let mut run = run();
    // A and C together on 12 of 24 tokens, and never apart.
    run.frames = (0..24)
        .map(|at| {
            if at % 2 == 0 {
                frame(true, [&[(1, 1.0)], &[(0, 1.0)]])
            } else {
                frame(true, [&[(2, 1.0)], &[]])
            }
        })
        .collect();
    let controls = Controls {
        mode: Mode::Text,
        all_ties: false,
        ..everything()
    };
    let graph = Graph::at(&run, 23, &Facts::default(), &controls, &[]);
    assert_eq!(graph.ties.shown.len(), 1);
    let tie = graph.ties.shown[0];
    assert_eq!(tie.both, Some(12));
    assert!((f64::from(tie.value) - 2f64.ln()).abs() < 1e-6 && (tie.weight - 1.0).abs() < 1e-6);
    // One of C(24, 12) orders does it, and there are three pairs of features.
    let expected = 3.0 / 2_704_156.0;
    assert!((tie.chance.unwrap() / expected - 1.0).abs() < 1e-9);
    let early = Graph::at(&run, 4, &Facts::default(), &controls, &[]);
    assert_eq!(
        (early.ties.shown.len(), early.ties.insignificant),
        (0, 1),
        "5 tokens say nothing"
    );
}

#[test]
fn a_timeline_has_the_strongest_features_as_they_appear() {
    let run = run();
    let rows = timeline::rows(&run, &Facts::default(), &everything(), &[]);
    let shown: Vec<(Feature, Vec<(usize, f32)>)> = rows
        .into_iter()
        .map(|row| (row.feature, row.cells))
        .collect();
    assert_eq!(
        shown,
        [
            (A, vec![(1, 1.0)]),
            (B, vec![(1, 0.5), (3, 1.0)]),
            (C, vec![(2, 1.0)])
        ]
    );
}

#[test]
fn json_has_what_is_on_screen() {
    let (run, facts, controls) = (run(), facts(), everything());
    let graph = Graph::at(&run, 3, &facts, &controls, &[]);
    let text = export::json(&run, 3, &facts, &controls, &graph);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(json["nodes"][0]["label"], "label 1");
    assert_eq!(json["nodes"][0]["strength"], 0.28125);
    assert_eq!(json["edges"][0]["together"], 20);
    assert!(json["edges"][0]["pmi"].as_f64().unwrap() > 2.8);
    assert_eq!(json["tokens"].as_array().unwrap().len(), 4);
    assert_eq!(json["controls"]["edges"], "corpus");
    assert_eq!(json["sets"][1]["sae"], "openai.layer_3");
}

#[test]
fn features_have_numbers_and_names() {
    for feature in [
        A,
        B,
        C,
        Feature {
            set: 200,
            latent: (1 << 24) - 1,
        },
    ] {
        assert_eq!(Feature::of_id(feature.id()), feature);
    }
    assert_eq!(run().name(C), "L3/0");
    assert_eq!(pairs(3), 3);
}

#[test]
fn what_is_set_to_0_stands_before_others_and_its_links_are_shares() {
    let mut run = run();
    run.frames
        .push(frame(true, [&[(1, 4.0), (2, 1.0)], &[(0, 2.0), (3, 5.0)]]));
    let graph = Graph::at(&run, 4, &facts(), &everything(), &[]);
    // Those of the last layer act on none of the others; at a token where only one layer is active nothing does.
    let mut found = sources(&graph.concepts, &run, 4);
    found.sort_unstable();
    assert_eq!(found, [A, B]);
    assert!(sources(&graph.concepts, &run, 1).is_empty());
    let ablated = frame(true, [&[(2, 1.0)], &[(0, 0.5), (3, 5.2)]]);
    let found = links(&run, A, &run.frames[4], &ablated);
    let other = Feature { set: 1, latent: 3 };
    let shares: Vec<_> = found.iter().map(|link| (link.to, link.share())).collect();
    assert_eq!(shares.len(), 2);
    assert_eq!(shares[0], (C, 0.75));
    assert_eq!(shares[1].0, other);
    assert!((shares[1].1 + 0.04).abs() < 1e-6);
    // What is gone altogether is gone by the whole share; what is small is no edge.
    let silent = links(&run, A, &run.frames[4], &frame(true, [&[], &[]]));
    assert!(silent.iter().all(|link| link.share() == 1.0));
    let ties = graph.linked(&found).ties;
    assert_eq!(ties.shown.len(), 1);
    assert_eq!((ties.shown[0].value, ties.shown[0].chance), (0.75, None));
    assert!(
        links(&run, C, &run.frames[4], &ablated).is_empty(),
        "nothing is behind the last layer"
    );
}
