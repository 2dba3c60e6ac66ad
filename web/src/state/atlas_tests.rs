use ::atlas::files::{encode, write_set, write_vocabulary};
use ::atlas::info::{
    CorpusInfo, FileInfo, Imported, ModelKey, Quantity, SetInfo, SetKind, Settings,
};
use ::atlas::{AtlasInfo, FeatureRecord};

use super::atlas::{AtlasAction, AtlasFeature, Part, PartState};
use super::tray::FeatureId;
use super::*;
use crate::atlas::{Content, PartId, Request, counted_tokens, read, stated};

const LATENTS: u32 = 200;

/// The index of an atlas of some sets.
pub(super) fn index(sets: Vec<SetInfo>, vocabulary: Option<FileInfo>) -> AtlasInfo {
    AtlasInfo {
        version: ::atlas::files::VERSION,
        model: ModelKey {
            name: "tiny".to_owned(),
            sha256: String::new(),
            tokenizer_sha256: String::new(),
            vocabulary: 2,
        },
        corpus: CorpusInfo {
            name: "tales".to_owned(),
            sources: vec!["tales".to_owned()],
            source_tokens: vec![1000],
            documents: 1,
            windows: 16,
            tokens: 1000,
        },
        settings: Settings::default(),
        sets,
        documents: Vec::new(),
        vocabulary,
        tables: Vec::new(),
        imported: None,
    }
}

/// An atlas of one set, of an SAE of that identity, and its files by their names.
fn atlas(sha256: &str) -> (AtlasInfo, Vec<(String, Vec<u8>)>) {
    let mut set = SetInfo {
        id: "layer-3".to_owned(),
        kind: SetKind::Sae,
        hook: "blocks.3.hook_resid_post".to_owned(),
        n_latents: LATENTS,
        sha256: sha256.to_owned(),
        tokens: 1000,
        source_tokens: vec![1000],
        shard_size: 0,
        shards: Vec::new(),
        table: None,
        map: None,
        token_index: None,
        coactivation_error: 0,
    };
    let record = |latent| FeatureRecord {
        latent,
        label: format!("label {latent}"),
        ..FeatureRecord::default()
    };
    let records: Vec<_> = (0..LATENTS).map(record).collect();
    let vocabulary = write_vocabulary(&vec![b"a".to_vec(), b" b".to_vec()]).unwrap();
    let mut files = write_set(&mut set, &records, None, None).unwrap();
    files.push(vocabulary.clone());
    let info = index(vec![set], Some(vocabulary.info));
    let files = files.into_iter().map(|file| (file.info.path, file.bytes));
    (info, files.collect())
}

pub(super) fn named(hash: &str) -> State {
    let address = Ok(Some("demo/atlas/atlas.json".to_owned()));
    State::new(Place::from_hash(hash)).after(Action::Atlas(AtlasAction::Named(address)))
}

/// Answers every request of the state until it has none, as the site would, and gives what was requested.
pub(super) fn served(state: State, broken: &[&str]) -> (State, Vec<String>) {
    served_of("", state, broken)
}

/// The same with an atlas of an SAE of that identity.
pub(super) fn served_of(sha256: &str, mut state: State, broken: &[&str]) -> (State, Vec<String>) {
    let (info, files) = atlas(sha256);
    let index = ::atlas::files::encode_info(&info).unwrap();
    let mut log = Vec::new();
    loop {
        let wanted = state.wanted_parts();
        if wanted.is_empty() {
            return (state, log);
        }
        for request in wanted {
            log.push(request.address.clone());
            state = state.after(Action::Atlas(AtlasAction::Requested(request.part)));
            let path = request.address.strip_prefix("demo/atlas/").unwrap();
            let mut bytes = match files.iter().find(|(name, _)| name == path) {
                Some((_, bytes)) => bytes.clone(),
                None => index.clone(),
            };
            if broken.contains(&path) {
                *bytes.last_mut().unwrap() ^= 1;
            }
            let content = read(&request, state.atlas.info().map(|info| &**info), &bytes);
            let content = content.map_err(|error| error.to_string());
            state = state.after(Action::Atlas(AtlasAction::Received(request, content)));
        }
    }
}

#[test]
fn nothing_is_requested_until_the_features_are_shown() {
    for hash in ["", "#/prompt?prompt=a", "#/library"] {
        assert_eq!(named(hash).wanted_parts(), [], "{hash}");
    }
    let state = State::new(Place::from_hash("#/features"));
    assert_eq!(state.wanted_parts(), [], "before the manifest is there");
    let without = state.after(Action::Atlas(AtlasAction::Named(Ok(None))));
    assert_eq!(without.wanted_parts(), [], "on a site without an atlas");
    assert!(matches!(without.atlas.address, Part::Missing));
}

#[test]
fn the_page_of_a_feature_fetches_the_index_then_its_shard_then_labels() {
    let (state, log) = served(named("#/features/layer-3/130"), &[]);
    let names = [
        "atlas.json",
        "vocabulary.bin",
        "layer-3/features-0002.bin",
        "layer-3/table.bin",
    ];
    assert_eq!(log, names.map(|name| format!("demo/atlas/{name}")));
    let (records, at) = state.page_record().unwrap();
    assert_eq!(records[at].label, "label 130");
    // Another feature of the shard costs nothing, one of another shard that one.
    let open = |latent| {
        let set = "layer-3".to_owned();
        Action::Atlas(AtlasAction::Open(Some(AtlasFeature { set, latent })))
    };
    let state = state.after(open(131));
    assert_eq!(state.wanted_parts(), []);
    assert_eq!(
        state.place.to_hash().split('?').next(),
        Some("#/features/layer-3/131")
    );
    let (state, log) = served(state.after(open(199)), &[]);
    assert_eq!(log, ["demo/atlas/layer-3/features-0003.bin"]);
    assert_eq!(state.page_record().unwrap().1, 7);
    // There is no such feature, and nothing to be requested for it.
    let state = state.after(open(LATENTS));
    assert!(state.page_record().is_none() && state.wanted_parts().is_empty());
}

#[test]
fn a_damaged_shard_costs_that_shard_alone() {
    let damaged = "layer-3/features-0000.bin";
    let (state, log) = served(named("#/features/layer-3/3"), &[damaged]);
    assert_eq!(log.len(), 4, "it is not requested again by itself");
    let id = PartId::Shard(0, 0);
    let PartState::Failed(why) = state.atlas.part(id) else {
        panic!("{:?}", state.atlas.part(id));
    };
    assert!(why.contains(damaged) && why.contains("SHA-256"), "{why}");
    let other = Place::from_hash("#/features/layer-3/64");
    let (state, log) = served(state.after(Action::Restore(other)), &[]);
    assert_eq!(log, ["demo/atlas/layer-3/features-0001.bin"]);
    assert!(state.page_record().is_some());
    let back = Action::Restore(Place::from_hash("#/features/layer-3/3"));
    let state = state.after(back);
    assert!(state.page_record().is_none());
    let (state, log) = served(state.after(Action::Atlas(AtlasAction::Retry(id))), &[]);
    assert_eq!(log, ["demo/atlas/layer-3/features-0000.bin"]);
    assert_eq!(state.page_record().unwrap().0[3].latent, 3);
}

#[test]
fn what_does_not_belong_into_a_part_is_refused() {
    let (info, _) = atlas("");
    let why = |part, bytes: &[u8]| {
        let request = Request {
            address: "demo/atlas/x.bin".to_owned(),
            ..request(part)
        };
        read(&request, Some(&info), bytes).unwrap_err().to_string()
    };
    let short = encode(&vec![FeatureRecord::default()]).unwrap();
    let text = why(PartId::Shard(0, 0), &short);
    assert!(text.contains("1 entries, and 64 belong there"), "{text}");
    let shifted = (1..65).map(|latent| FeatureRecord {
        latent,
        ..FeatureRecord::default()
    });
    let text = why(
        PartId::Shard(0, 0),
        &encode(&shifted.collect::<Vec<_>>()).unwrap(),
    );
    assert!(text.contains("feature 1 stands in a shard"), "{text}");
    let text = why(PartId::Vocabulary, &encode(&vec![b"a".to_vec()]).unwrap());
    assert!(text.contains("1 entries, and 2"), "{text}");
    let text = why(PartId::Index, b"<html>");
    assert!(text.contains("not JSON"), "{text}");
}

/// A request for a part of the site's atlas.
fn request(part: PartId) -> Request {
    Request {
        part,
        index: "demo/atlas/atlas.json".to_owned(),
        address: String::new(),
        file: None,
    }
}

#[test]
fn shards_that_were_used_last_are_kept() {
    let (mut state, _) = served(named("#/features/layer-3/0"), &[]);
    let records = || Content::Shard(vec![FeatureRecord::default(); 64]);
    for shard in 1..60 {
        let id = PartId::Shard(0, shard);
        state = state.after(Action::Atlas(AtlasAction::Requested(id)));
        state = state.after(Action::Atlas(AtlasAction::Received(
            request(id),
            Ok(records()),
        )));
    }
    assert!(state.atlas.part(PartId::Shard(0, 0)) == PartState::Idle);
    assert!(state.atlas.part(PartId::Shard(0, 59)) == PartState::Ready);
    assert_eq!(
        state.wanted_parts().len(),
        1,
        "the page's own is fetched again"
    );
    // What comes for one that was given up meanwhile changes nothing.
    let late = AtlasAction::Received(request(PartId::Shard(0, 1)), Ok(records()));
    let state = state.after(Action::Atlas(late));
    assert!(state.atlas.part(PartId::Shard(0, 1)) == PartState::Idle);
}

#[test]
fn what_the_files_of_an_imported_atlas_do_not_state_is_a_dash() {
    let (mut info, _) = atlas("");
    let set = info.sets[0].clone();
    assert_eq!(counted_tokens(&info, &set), set.tokens);
    let zero = || "0.00".to_owned();
    assert_eq!(stated(&info, Quantity::Max, zero), "0.00");
    for quantity in [Quantity::Fired, Quantity::CorpusTokens] {
        info.imported = Some(Imported {
            unknown: vec![quantity],
            ..Imported::default()
        });
        assert_eq!(counted_tokens(&info, &set), 0);
        assert_eq!(stated(&info, quantity, zero), crate::format::NONE);
        assert_eq!(stated(&info, Quantity::Max, zero), "0.00");
    }
}

#[test]
fn what_comes_late_of_another_atlas_is_not_used() {
    let own = State::new(Place::from_hash("#/features/layer-3/0?atlas=0123"));
    let (state, _) = served(named("#/features/layer-3/0"), &[]);
    let mut state = state.after(Action::Restore(own.place));
    assert_eq!(state.atlas.info().map(|_| ()), None);
    let asked = state.wanted_parts();
    let addresses: Vec<_> = asked
        .iter()
        .map(|request| request.address.as_str())
        .collect();
    assert_eq!(addresses, ["own-atlas/0123/atlas.json"]);
    state = state.after(Action::Atlas(AtlasAction::Requested(PartId::Index)));
    let index = || Ok(Content::Index(Box::new(atlas("").0)));
    let late = AtlasAction::Received(request(PartId::Index), index());
    state = state.after(Action::Atlas(late));
    assert!(state.atlas.part(PartId::Index) == PartState::Loading);
    let own = AtlasAction::Received(asked[0].clone(), index());
    state = state.after(Action::Atlas(own));
    assert!(state.atlas.part(PartId::Index) == PartState::Ready);
    // And back to the site's, whose address is still known.
    let back = state.after(Action::Restore(Place::from_hash("#/features/layer-3/0")));
    assert_eq!(back.wanted_parts()[0].address, "demo/atlas/atlas.json");
}

#[test]
fn an_atlas_is_used_for_its_own_model_alone() {
    let (state, _) = served(named("#/features/layer-3/130"), &[]);
    let model = |name: &str, vocab| ModelInfo {
        id: "demo".to_owned(),
        name: name.to_owned(),
        vocab,
        ..ModelInfo::default()
    };
    let sae = |id: &str| SaeInfo {
        id: id.to_owned(),
        hook: "blocks.3.hook_resid_post".to_owned(),
        n_latents: LATENTS as usize,
        ..SaeInfo::default()
    };
    let loaded = |name, vocab| {
        let saes = vec![sae("openai.layer_3")];
        state
            .clone()
            .after(Action::EngineReady(model(name, vocab), saes))
    };
    let feature = |sae: &str, latent| FeatureId {
        sae: sae.to_owned(),
        latent,
    };
    let fits = loaded("tiny", 2);
    assert_eq!(fits.atlas_misfit(), None);
    assert_eq!(fits.label(&feature("openai.layer_3", 7)), Some("label 7"));
    assert_eq!(fits.label(&feature("openai.layer_3", 4000)), None);
    assert_eq!(fits.label(&feature("another", 7)), None);
    for other in [loaded("large", 2), loaded("tiny", 3)] {
        let why = other.atlas_misfit().unwrap();
        assert!(why.contains("This atlas is of tiny"), "{why}");
        assert_eq!(other.label(&feature("openai.layer_3", 7)), None);
        assert!(other.page_record().is_some(), "it can be read all the same");
    }
}

#[test]
fn steps_go_round_and_random_features_are_those_that_fire() {
    let (state, _) = served(named("#/features/layer-3/199"), &[]);
    let act = |state: State, action| state.after(Action::Atlas(action));
    let at = |state: &State| state.place.page.as_ref().map(|page| page.latent);
    let state = act(state, AtlasAction::Step(1));
    assert_eq!(at(&state), Some(0));
    assert_eq!(state.history, History::Replace);
    let state = act(state, AtlasAction::Step(-1));
    assert_eq!(at(&state), Some(199));
    // By this table none fires.
    assert_eq!(at(&act(state.clone(), AtlasAction::Random(0.5))), Some(199));
    // Without a table any may come.
    let state = named("#/features/layer-3/7");
    let (mut state, _) = served(state, &["layer-3/table.bin"]);
    for (share, latent) in [(0.0, 0), (0.5, 100), (0.9999, 199), (1.0, 199)] {
        state = act(state, AtlasAction::Random(share));
        assert_eq!(at(&state), Some(latent));
        assert_eq!(state.history, History::Push);
    }
}

#[test]
fn a_page_is_named_by_its_hook_until_the_index_is_there() {
    let demo = crate::data::DemoSae {
        id: "openai.layer_3".to_owned(),
        hook: "blocks.3.hook_resid_post".to_owned(),
        ..crate::data::DemoSae::default()
    };
    let state = named("").after(Action::Examples(Vec::new(), vec![demo]));
    let feature = FeatureId {
        sae: "openai.layer_3".to_owned(),
        latent: 130,
    };
    let page = state.page_of(&feature).unwrap();
    let hash = state.place.clone().at(page).to_hash();
    assert!(
        hash.starts_with("#/features/blocks.3.hook_resid_post/130?"),
        "{hash}"
    );
    let (state, _) = served(state.after(Action::Restore(Place::from_hash(&hash))), &[]);
    assert_eq!(state.page_record().unwrap().0[2].latent, 130);
    let other = FeatureId {
        sae: "mine".to_owned(),
        latent: 1,
    };
    assert_eq!(state.page_of(&other), None);
}
