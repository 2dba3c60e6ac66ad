//! Descriptions of all features by weights alone, against NumPy's float64 numbers and against the descriptions of single
//! features.

use std::cell::Cell;
use std::rc::Rc;

use crate::common::compare::close;
use crate::common::{
    RELU, at_layer_3, demo_on, identity_sae, layer_3, read, root, with_demo, with_demo_model,
};
use atlas::FeatureRecord;
use atlas::record::{LogitEffect, TokenValue};
use explorer::{Directions, DirectionsOptions, Error, SaeOptions, Session, SetDirections};
use kernels::Device;
use pollster::block_on;
use serde_json::Value;

const NEURONS: &str = "neurons";

/// Runs a check on the CPU device with the demo model and its autoencoders.
fn on_cpu(check: impl Fn(&str, &mut Session)) {
    check("cpu", &mut demo_on(Device::cpu()));
}

/// Nearest features in these sets, or in all; without a map.
fn only(others: Option<&[&str]>) -> DirectionsOptions {
    DirectionsOptions {
        others: others.map(|others| others.iter().map(|id| (*id).to_owned()).collect()),
        map: false,
    }
}

fn references() -> Value {
    serde_json::from_slice(&read(&root().join("tests/fixtures/demo-directions.json"))).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// Compares a list with a reference's `[index, value]` or `[layer, index, value]`, as far as its order is clear.
#[track_caller]
fn same_list(found: Vec<(Vec<u64>, f32)>, expected: &Value, bound: f64, what: &str) {
    let expected = expected.as_array().unwrap();
    assert!(found.len() >= expected.len(), "{what}: {found:?}");
    for ((indices, value), expected) in found.iter().zip(expected) {
        let (last, first) = expected.as_array().unwrap().split_last().unwrap();
        let first: Vec<u64> = first.iter().map(|index| index.as_u64().unwrap()).collect();
        assert_eq!(*indices, first, "{what}");
        close(f64::from(*value), number(last), bound, what);
    }
}

fn tokens(values: &[TokenValue]) -> Vec<(Vec<u64>, f32)> {
    values
        .iter()
        .map(|token| (vec![u64::from(token.token)], token.value))
        .collect()
}

#[track_caller]
fn same_logits(found: &LogitEffect, expected: &Value, what: &str) {
    assert_eq!((found.up.len(), found.down.len()), (10, 10), "{what}");
    same_list(tokens(&found.up), &expected["up"], 2e-6, what);
    same_list(tokens(&found.down), &expected["down"], 2e-6, what);
    let (histogram, expected) = (&found.histogram, &expected["histogram"]);
    assert_eq!(
        f64::from(histogram.width),
        number(&expected["width"]),
        "{what}"
    );
    assert_eq!(
        i64::from(histogram.first),
        expected["first"].as_i64().unwrap(),
        "{what}"
    );
    let counts: Vec<u64> = expected["counts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|count| count.as_u64().unwrap())
        .collect();
    assert_eq!(histogram.counts.len(), counts.len(), "{what}");
    assert_eq!(
        histogram.counts.iter().sum::<u64>(),
        counts.iter().sum::<u64>(),
        "{what}"
    );
    // In f32 a value may cross the edge of its bin.
    let moved: u64 = histogram
        .counts
        .iter()
        .zip(&counts)
        .map(|(found, count)| found.abs_diff(*count))
        .sum();
    assert!(moved <= 4, "{what}: {:?}, not {counts:?}", histogram.counts);
}

#[track_caller]
fn same_directions(found: &Directions, expected: &Value, what: &str) {
    same_logits(found.logits.as_ref().unwrap(), &expected["logits"], what);
    let similar = found
        .similar
        .iter()
        .map(|near| (vec![u64::from(near.latent)], near.cosine));
    same_list(
        similar.collect(),
        &expected["similar"],
        2e-6,
        &format!("similar to {what}"),
    );
    let elsewhere = expected["elsewhere"].as_object().unwrap();
    assert_eq!(found.elsewhere.len(), elsewhere.len(), "{what}");
    for near in &found.elsewhere {
        let what = format!("{what} in {}", near.set);
        let expected = Value::Array(vec![elsewhere[&near.set].clone()]);
        same_list(
            vec![(vec![u64::from(near.latent)], near.cosine)],
            &expected,
            2e-6,
            &what,
        );
    }
    let neurons = found.neurons.iter().map(|near| {
        (
            vec![u64::from(near.layer), u64::from(near.neuron)],
            near.cosine,
        )
    });
    let neurons: Vec<_> = neurons.collect();
    assert_eq!(
        neurons.is_empty(),
        expected["neurons"].as_array().unwrap().is_empty(),
        "{what}"
    );
    same_list(
        neurons,
        &expected["neurons"],
        2e-6,
        &format!("neurons of {what}"),
    );
    let heads = found.heads.iter().map(|near| {
        (
            vec![u64::from(near.layer), u64::from(near.head)],
            near.share,
        )
    });
    let heads: Vec<_> = heads.collect();
    assert_eq!(heads.len(), 3, "{what}");
    same_list(heads, &expected["heads"], 1e-5, &format!("heads of {what}"));
}

#[test]
fn weights_say_what_the_formulas_say() {
    let references = references();
    with_demo(|device, session| {
        let hook = references["neurons"].as_str().unwrap();
        session.load_neurons(NEURONS, hook).unwrap();
        for map in references["maps"].as_array().unwrap() {
            let set = map["set"].as_str().unwrap();
            // An adapter in software takes a minute for each of the larger ones.
            if device != "cpu" && set != NEURONS {
                continue;
            }
            let with_map = device == "cpu" && [NEURONS, RELU].contains(&set);
            let options = DirectionsOptions {
                map: with_map,
                ..DirectionsOptions::default()
            };
            let found = block_on(session.directions(set, &options)).unwrap();
            let features = references["features"].as_array().unwrap();
            for expected in features.iter().filter(|feature| feature["set"] == set) {
                let latent = expected["latent"].as_u64().unwrap();
                let what = format!("{device}: {latent} of {set}");
                same_directions(&found.latents[latent as usize], expected, &what);
            }
            assert_eq!(found.map.is_some(), with_map);
            if with_map {
                let points = found.map.as_ref().unwrap();
                assert!(points.iter().flatten().all(|x| x.abs() <= 1.0), "{set}");
                // Of the two principal axes' plane the reference says how many neighbours it keeps.
                let least = 2.0 * number(&map["kept_on_principal_axes"]);
                let kept = kept_neighbours(&found);
                assert!(kept > least, "{set}: {kept}, not {least}");
            }
        }
    });
}

/// Share of the ten nearest directions that are among the ten nearest points of the map, mean over all latents.
fn kept_neighbours(found: &SetDirections) -> f64 {
    let points = found.map.as_ref().unwrap();
    let squared =
        |one: [f32; 2], other: [f32; 2]| (one[0] - other[0]).powi(2) + (one[1] - other[1]).powi(2);
    let kept =
        points
            .iter()
            .zip(&found.latents)
            .enumerate()
            .map(|(latent, (point, directions))| {
                let others = points
                    .iter()
                    .enumerate()
                    .filter(|(other, _)| *other != latent);
                let mut others: Vec<(f32, usize)> = others
                    .map(|(other, at)| (squared(*point, *at), other))
                    .collect();
                others.select_nth_unstable_by(9, |a, b| a.0.total_cmp(&b.0));
                let near = &others[..10];
                let is_kept = |latent: u32| near.iter().any(|(_, other)| *other == latent as usize);
                directions
                    .similar
                    .iter()
                    .filter(|similar| is_kept(similar.latent))
                    .count()
            });
    kept.sum::<usize>() as f64 / (10 * points.len()) as f64
}

#[test]
fn all_features_at_once_are_what_each_is_by_itself() {
    on_cpu(|device, session| {
        let set = "openai.layer_3";
        let found = block_on(session.directions(set, &only(Some(&[])))).unwrap();
        for latent in [0, 1, 63, 64, 1023, 1024, 2500, 4095] {
            let what = format!("{device}: {latent}");
            let single = block_on(session.feature(set, latent)).unwrap();
            let all = &found.latents[latent as usize];
            assert_eq!(all.elsewhere, [], "{what}");
            let effect = all.logits.as_ref().unwrap();
            for (listed, single) in [
                (&effect.up, &single.logit_effect.top),
                (&effect.down, &single.logit_effect.bottom),
            ] {
                assert_eq!(listed.len(), single.len(), "{what}");
                for (token, single) in listed.iter().zip(single) {
                    close(f64::from(token.value), f64::from(single.value), 2e-6, &what);
                }
            }
            for (near, single) in all.similar.iter().zip(&single.nearest) {
                close(
                    f64::from(near.cosine),
                    f64::from(single.cosine),
                    2e-6,
                    &what,
                );
            }
            assert_eq!(all.similar.len(), 10, "{what}");
        }
    });
}

/// Without the map, which is about the set as a whole.
fn latents(found: SetDirections) -> Vec<Directions> {
    found.latents
}

#[test]
fn an_autoencoder_of_neurons_writes_what_the_neurons_write() {
    with_demo_model(|device, session| {
        for (hook, width) in [
            ("blocks.2.mlp.hook_post", 1024),
            ("blocks.2.attn.hook_z", 256),
        ] {
            session.load_neurons(NEURONS, hook).unwrap();
            let file = identity_sae(width, hook);
            block_on(session.load_sae("identity", &file, &SaeOptions::default())).unwrap();
            let neurons = latents(block_on(session.directions(NEURONS, &only(None))).unwrap());
            let latents = latents(block_on(session.directions("identity", &only(None))).unwrap());
            for (index, (neuron, latent)) in neurons.iter().zip(&latents).enumerate() {
                let what = format!("{device}: {index} at {hook}");
                let value =
                    |found: &Directions| f64::from(found.logits.as_ref().unwrap().up[0].value);
                close(value(latent), value(neuron), 1e-6, &what);
                assert_eq!(latent.heads.len(), 3, "{what}");
                close(
                    f64::from(latent.heads[0].share),
                    f64::from(neuron.heads[0].share),
                    1e-5,
                    &what,
                );
                // In the neurons' own basis, which no other set has, and at right angles there.
                assert!(
                    latent.similar.iter().all(|near| near.cosine == 0.0),
                    "{what}"
                );
                assert_eq!(latent.elsewhere, [], "{what}");
                assert!(neuron.similar[0].cosine > 0.0, "{what}");
            }
            if width == 1024 {
                // The latent is exactly the neuron of its block.
                let nearest = latents[700].neurons[0];
                assert_eq!((nearest.layer, nearest.neuron), (2, 700));
                close(f64::from(nearest.cosine), 1.0, 1e-6, device);
                assert_eq!(neurons[700].neurons, []);
            }
        }
    });
}

#[test]
fn dimensions_of_the_stream_are_described_without_neighbours() {
    with_demo_model(|device, session| {
        session
            .load_neurons("stream", "blocks.1.hook_resid_pre")
            .unwrap();
        session
            .load_neurons("later", "blocks.4.hook_resid_post")
            .unwrap();
        let found = block_on(session.directions("stream", &only(None))).unwrap();
        let dimension = &found.latents[17];
        assert_eq!(dimension.similar, []);
        assert_eq!(
            (dimension.elsewhere[0].latent, dimension.elsewhere[0].cosine),
            (17, 1.0),
            "{device}"
        );
        // What comes behind the hook writes nothing to it.
        assert!(
            dimension.neurons.iter().all(|near| near.layer == 0),
            "{device}"
        );
        assert!(
            dimension.heads.iter().all(|near| near.layer == 0),
            "{device}"
        );
        let first = block_on(session.directions("later", &only(Some(&[])))).unwrap();
        assert!(
            first
                .latents
                .iter()
                .any(|found| found.heads.iter().any(|near| near.layer == 4))
        );
    });
}

#[test]
fn an_autoencoder_in_its_file_is_described_as_the_same_one_on_the_device() {
    on_cpu(|device, session| {
        block_on(session.load_streamed_sae("filed", layer_3(), &at_layer_3(), None)).unwrap();
        let others = only(Some(&["openai.layer_1"]));
        let filed = block_on(session.directions("filed", &others)).unwrap();
        let whole = block_on(session.directions("openai.layer_3", &others)).unwrap();
        for (filed, whole) in filed.latents.iter().zip(&whole.latents) {
            assert_eq!(filed.similar, []);
            let without = Directions {
                similar: Vec::new(),
                ..whole.clone()
            };
            assert_eq!(*filed, without, "{device}");
        }
        session
            .load_neurons(NEURONS, "blocks.0.mlp.hook_post")
            .unwrap();
        // It is not looked at as a place to find others in.
        let found = block_on(session.directions(NEURONS, &only(Some(&["filed"])))).unwrap();
        assert!(
            found
                .latents
                .iter()
                .all(|latent| latent.elsewhere.is_empty())
        );
    });
}

#[test]
fn progress_comes_and_a_call_can_be_cancelled() {
    on_cpu(|_, session| {
        session
            .load_neurons(NEURONS, "blocks.3.mlp.hook_post")
            .unwrap();
        let (calls, last) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let cancel = session.cancel();
        let seen = (calls.clone(), last.clone());
        session.set_on_progress(Rc::new(move |progress| {
            assert!(progress.done >= seen.1.get() && progress.done <= progress.total);
            seen.0.set(seen.0.get() + 1);
            seen.1.set(progress.done);
        }));
        block_on(session.directions(NEURONS, &only(None))).unwrap();
        assert!(calls.get() > 10, "{}", calls.get());
        let total = last.get();
        last.set(0);
        let half = last.clone();
        session.set_on_progress(Rc::new(move |progress| {
            half.set(progress.done);
            if progress.done > total / 2 {
                cancel.cancel();
            }
        }));
        let stopped = block_on(session.directions(NEURONS, &only(None))).unwrap_err();
        assert!(matches!(stopped, Error::Cancelled), "{stopped}");
        assert!(last.get() < total, "{} of {total}", last.get());
        let missing = block_on(session.directions("nothing", &only(None))).unwrap_err();
        assert!(matches!(missing, Error::UnknownSae { .. }), "{missing}");
    });
}

#[test]
fn a_map_of_directions_is_always_the_same() {
    on_cpu(|_, session| {
        block_on(session.load_streamed_sae("filed", layer_3(), &at_layer_3(), None)).unwrap();
        session
            .load_neurons("stream", "blocks.1.hook_resid_pre")
            .unwrap();
        session
            .load_neurons(NEURONS, "blocks.3.mlp.hook_post")
            .unwrap();
        let map = |set: &str| {
            let options = DirectionsOptions {
                others: Some(Vec::new()),
                map: true,
            };
            block_on(session.directions(set, &options)).unwrap().map
        };
        let points = map(NEURONS).unwrap();
        assert_eq!(points.len(), 1024);
        assert_eq!(map(NEURONS), Some(points));
        assert_eq!(map("stream"), None);
        assert_eq!(map("filed"), None);
    });
}

#[test]
fn a_record_takes_all_of_it() {
    with_demo_model(|_, session| {
        session
            .load_neurons(NEURONS, "blocks.5.mlp.hook_post")
            .unwrap();
        let found = block_on(session.directions(NEURONS, &only(None))).unwrap();
        let mut record = FeatureRecord {
            latent: 3,
            ..FeatureRecord::default()
        };
        let directions = found.latents[3].clone();
        directions.clone().fill(&mut record);
        assert_eq!(
            (record.logits, record.similar),
            (directions.logits, directions.similar)
        );
        assert_eq!(
            (record.neurons, record.heads),
            (directions.neurons, directions.heads)
        );
        assert_eq!(record.elsewhere, directions.elsewhere);
    });
}
