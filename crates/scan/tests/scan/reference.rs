//! A scan of the demo against statistics that NumPy computes from dense activations (tests/reference/demo_scan.py).

use crate::common::{NEURONS, info, read, session};
use corpus::Document;
use pollster::block_on;
use scan::Error;
use scan_folder::{Scan, Shard};
use serde_json::Value;

#[test]
fn every_statistic_is_that_of_the_reference() {
    let reference: Value = serde_json::from_slice(&read("tests/fixtures/demo-scan.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let documents = (0..).zip(reference["documents"].as_array().unwrap());
    let documents = documents.map(|(number, document)| {
        Ok(Document {
            number,
            name: text(&document["name"]),
            source: "fixtures".to_owned(),
            text: text(&document["text"]),
        })
    });
    let session = session();
    let mut described = info(&session, Shard::default(), None);
    described.settings.context = reference["context"].as_u64().unwrap() as u32;
    let mut scan = Scan::new(described);
    let run = scan::scan(&session, &mut scan, documents, None, |_| Ok::<_, Error>(()));
    block_on(run).unwrap();
    scan.end();
    assert_eq!(
        scan.info.progress.tokens,
        reference["tokens"].as_u64().unwrap()
    );
    assert_eq!(
        scan.info.progress.windows,
        reference["windows"].as_u64().unwrap()
    );
    let mut compared = 0;
    for (set, latents) in reference["sets"].as_object().unwrap() {
        let id = if set.contains("mlp") { NEURONS } else { set };
        let tally = scan
            .tallies
            .iter()
            .find(|tally| tally.set().id == id)
            .unwrap();
        let records = tally.records();
        let tokens = tally.tokens() as f64;
        assert_eq!(tally.tokens(), scan.info.progress.tokens);
        for (latent, expected) in latents.as_object().unwrap() {
            let record = &records[latent.parse::<usize>().unwrap()];
            let moments = &record.moments;
            let what = format!("{set}, latent {latent}");
            assert_eq!(moments.fired, expected["fired"].as_u64().unwrap(), "{what}");
            assert_eq!(
                moments.windows,
                expected["windows"].as_u64().unwrap(),
                "{what}"
            );
            let near = |found: f64, expected: &Value, scale: f64| {
                let expected = expected.as_f64().unwrap();
                let difference = (found - expected).abs();
                assert!(
                    difference <= 1e-4 * scale.max(1e-3),
                    "{what}: {found}, not {expected}"
                );
            };
            let largest = f64::from(moments.max);
            near(largest, &expected["max"], largest);
            near(
                moments.mean * tokens,
                &expected["sum"],
                largest * tokens.sqrt(),
            );
            let squares = moments.mean_square * tokens;
            near(squares, &expected["squares"], squares);
            // The records name the 20 most frequent.
            let all = expected["tokens"].as_array().unwrap();
            assert_eq!(record.distinct_tokens as usize, all.len(), "{what}");
            for count in &record.tokens {
                let pair = [u64::from(count.token), count.fired];
                assert!(
                    all.contains(&Value::from(pair.to_vec())),
                    "{what}: {pair:?}"
                );
            }
            let place = &expected["where"];
            let top = record
                .top
                .first()
                .map(|example| (example.document, example.start));
            let expected = place.as_array().map(|place| {
                (
                    place[0].as_u64().unwrap(),
                    place[1].as_u64().unwrap() as u32,
                )
            });
            assert_eq!(top, expected, "{what}");
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared} latents");
}
