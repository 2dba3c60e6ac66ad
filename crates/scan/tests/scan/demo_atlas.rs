//! The atlas that is shipped with the demo belongs to its weights, and its examples can be run again.

use std::collections::BTreeMap;

use crate::common::{model, read, session, tokenizer};
use atlas::files::{decode, decode_info};
use atlas::info::FileInfo;
use atlas::record::Example;
use atlas::record::FeatureRow;
use atlas::{AtlasInfo, FeatureRecord, SetInfo, SetKind};
use explorer::{Bos, Input, Session, TraceOptions};
use formats::sae::saelens;
use formats::tensors::TensorFile;
use pollster::block_on;
use scan::identity;

const FOLDER: &str = "web/demo/atlas";

fn index() -> AtlasInfo {
    let path = format!("{FOLDER}/atlas.json");
    decode_info(&path, &read(&path)).unwrap()
}

fn checked(file: &FileInfo) -> Vec<u8> {
    let bytes = read(&format!("{FOLDER}/{}", file.path));
    file.check(&bytes).unwrap();
    bytes
}

#[test]
fn it_was_made_from_these_weights() {
    let info = index();
    let model = block_on(identity::model(&model())).unwrap();
    assert_eq!(
        info.model.sha256, model,
        "make it again: cargo xtask demo-atlas"
    );
    let tokens = identity::tokenizer(&tokenizer());
    assert_eq!(info.model.tokenizer_sha256, tokens);
    let mut saes = 0;
    for set in &info.sets {
        let expected = match set.kind {
            SetKind::Neurons => model.clone(),
            SetKind::Sae => {
                saes += 1;
                let folder = set.id.replace("openai.", "web/demo/sae/");
                let weights = read(&format!("{folder}/sae_weights.safetensors"));
                let weights = TensorFile::from_safetensors("w", weights).unwrap();
                let cfg = read(&format!("{folder}/cfg.json"));
                let file = block_on(saelens::open_folder(&cfg, weights)).unwrap();
                block_on(identity::sae(&file)).unwrap()
            }
        };
        assert_eq!(set.sha256, expected, "{}: make it again", set.id);
    }
    assert_eq!((info.sets.len(), saes), (9, 3));
}

#[test]
fn every_file_is_whole_and_every_feature_is_there() {
    let info = index();
    let vocabulary: Vec<Vec<u8>> =
        decode("vocabulary", &checked(info.vocabulary.as_ref().unwrap())).unwrap();
    assert_eq!(vocabulary.len(), info.model.vocabulary as usize);
    let mut total = 0;
    for set in &info.sets {
        let records = records(set);
        let numbers: Vec<u32> = records.iter().map(|record| record.latent).collect();
        assert_eq!(
            numbers,
            (0..set.n_latents).collect::<Vec<_>>(),
            "{}",
            set.id
        );
        let table: Vec<FeatureRow> =
            decode("table", &checked(set.table.as_ref().unwrap())).unwrap();
        assert_eq!(table, atlas::table::rows(&records), "{}", set.id);
        for file in &set.shards {
            assert!(
                file.bytes <= 300_000,
                "{} has {} bytes",
                file.path,
                file.bytes
            );
            total += file.bytes;
        }
        let others = [&set.table, &set.map, &set.token_index];
        let others = others.into_iter().flatten();
        for file in others {
            checked(file);
            total += file.bytes;
        }
        // Density, histogram and moments are about the same tokens.
        for record in &records {
            let moments = &record.moments;
            let density = moments.fired as f64 / set.tokens as f64;
            assert!((moments.density - density).abs() < 1e-12);
            let octaves: u64 = record.octaves.counts.iter().sum();
            assert_eq!(octaves, moments.fired);
            let counted: u64 = record.histogram.counts.iter().sum();
            let expected = match set.kind {
                SetKind::Sae => moments.fired,
                SetKind::Neurons => set.tokens,
            };
            assert_eq!(counted, expected, "{} {}", set.id, record.latent);
        }
    }
    assert!(total <= 30_000_000, "{total} bytes");
}

#[test]
fn its_examples_give_the_same_activations_again() {
    let (info, session) = (index(), session());
    let bos = session.info().model.unwrap().bos.unwrap();
    assert!(info.settings.bos);
    let mut compared = 0;
    for id in ["openai.layer_3", "openai.layer_5"] {
        let set = info.sets.iter().find(|set| set.id == id).unwrap();
        let records = records(set);
        for record in records.iter().step_by(97) {
            let intervals = record
                .intervals
                .iter()
                .flat_map(|interval| &interval.examples);
            for example in record
                .top
                .iter()
                .take(2)
                .chain(intervals)
                .chain(&record.random)
            {
                compare(&session, (id, bos), record.latent, example);
                compared += example.positions.len();
            }
        }
    }
    assert!(compared > 300, "{compared}");
}

/// Runs an example by itself: what comes after it in its window cannot matter.
fn compare(session: &Session, (set, bos): (&str, u32), latent: u32, example: &Example) {
    let ids: Vec<u32> = std::iter::once(bos)
        .chain(example.tokens.iter().copied())
        .collect();
    let options = TraceOptions {
        saes: Some(vec![set.to_owned()]),
        bos: Bos::No,
        ..TraceOptions::default()
    };
    let trace = block_on(session.trace(Input::Tokens(&ids), &options)).unwrap();
    let sae = &trace.saes[0];
    let rows = sae.latents.chunks(sae.k).zip(sae.activations.chunks(sae.k));
    // The BOS is no token of the example.
    let found: BTreeMap<u16, f32> = (0u16..)
        .zip(rows.skip(1))
        .filter_map(|(position, (latents, activations))| {
            let slot = latents.iter().position(|found| *found == latent as i32)?;
            Some((position, activations[slot])).filter(|(_, activation)| *activation > 0.0)
        })
        .collect();
    for (position, expected) in example.positions.iter().zip(&example.activations.0) {
        let found = found.get(position).copied().unwrap_or(0.0);
        let close = (found - expected).abs() <= 1e-3 * expected.abs();
        assert!(
            close,
            "{set} {latent} at {position}: {found}, and {expected} in the atlas"
        );
    }
}

fn records(set: &SetInfo) -> Vec<FeatureRecord> {
    let shards = set.shards.iter();
    shards
        .flat_map(|file| decode::<Vec<FeatureRecord>>(&file.path, &checked(file)).unwrap())
        .collect()
}
