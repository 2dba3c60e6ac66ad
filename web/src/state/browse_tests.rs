use ::atlas::AtlasInfo;
use ::atlas::files::file_info;
use ::atlas::info::{SetInfo, SetKind};
use ::atlas::record::FeatureRow;

use super::atlas::AtlasAction;
use super::atlas_tests::index;
use super::browse::{BrowseAction, TextRequest};
use super::*;
use crate::atlas::{Content, PartId, Request};
use crate::browse::{Query, Search};
use crate::data::{ModelInfo, SaeInfo};

fn info() -> AtlasInfo {
    let file = |name: &str| Some(file_info(name.to_owned(), &[]));
    let set = |layer: u32| SetInfo {
        id: format!("layer-{layer}"),
        kind: SetKind::Sae,
        hook: format!("blocks.{layer}.hook_resid_post"),
        n_latents: 2,
        // As of an imported atlas: any SAE of the hook and the width is taken for the one that was meant.
        sha256: String::new(),
        tokens: 1000,
        source_tokens: vec![1000],
        shard_size: 64,
        shards: vec![file_info(format!("layer-{layer}/features-0000.bin"), &[])],
        table: file(&format!("layer-{layer}/table.bin")),
        map: file(&format!("layer-{layer}/map.bin")),
        token_index: file(&format!("layer-{layer}/tokens.bin")),
        coactivation_error: 0,
    };
    index(vec![set(1), set(3)], file("vocabulary.bin"))
}

fn atlas(state: State, action: AtlasAction) -> State {
    state.after(Action::Atlas(action))
}

/// A page at an address, with the index there.
fn with_index(hash: &str) -> State {
    let state = State::new(Place::from_hash(hash));
    let state = atlas(
        state,
        AtlasAction::Named(Ok(Some("a/atlas.json".to_owned()))),
    );
    let state = atlas(state, AtlasAction::Requested(PartId::Index));
    received(state, PartId::Index, Content::Index(Box::new(info())))
}

fn received(state: State, part: PartId, content: Content) -> State {
    let index = "a/atlas.json".to_owned();
    let request = Request {
        part,
        address: index.clone(),
        index,
        file: None,
    };
    atlas(state, AtlasAction::Received(request, Ok(content)))
}

fn wanted(state: &State) -> Vec<PartId> {
    state
        .wanted_parts()
        .iter()
        .map(|request| request.part)
        .collect()
}

fn with_engine(state: State) -> State {
    let sae = |layer: u32| SaeInfo {
        id: format!("sae-{layer}"),
        hook: format!("blocks.{layer}.hook_resid_post"),
        n_latents: 2,
        architecture: "topk".to_owned(),
        ..SaeInfo::default()
    };
    let model = ModelInfo {
        name: "tiny".to_owned(),
        vocab: 2,
        ..ModelInfo::default()
    };
    state.after(Action::EngineReady(model, vec![sae(1), sae(3)]))
}

fn browse(state: State, action: BrowseAction) -> State {
    state.after(Action::Browse(action))
}

#[test]
fn a_list_fetches_what_it_shows_and_no_more() {
    let parts = |hash: &str| wanted(&with_index(hash));
    let (vocabulary, table) = (PartId::Vocabulary, PartId::Table(1));
    assert_eq!(parts("#/features/layer-3"), [vocabulary, table]);
    assert_eq!(parts("#/features"), [vocabulary, PartId::Table(0)]);
    assert_eq!(
        parts("#/features/layer-3?on=+king"),
        [vocabulary, table, PartId::TokenIndex(1)]
    );
    assert_eq!(parts("#/features/layer-3?up=+king"), [vocabulary, table]);
    assert_eq!(
        parts("#/features/layer-3?map=yes"),
        [vocabulary, table, PartId::Map(1)]
    );
    // No set of this name: nothing of another one in its place.
    let state = with_index("#/features/layer-9");
    assert_eq!(
        (state.listed_set(), wanted(&state)),
        (None, vec![vocabulary])
    );
    assert_eq!(parts("#/prompt"), []);
}

#[test]
fn what_finds_things_needs_the_tables() {
    let state = with_index("#/prompt").after(Action::ShowFind(true));
    assert_eq!(
        wanted(&state),
        [PartId::Vocabulary, PartId::Table(0), PartId::Table(1)]
    );
}

#[test]
fn the_list_begins_with_the_selected_sae() {
    let mut state = with_engine(with_index("#/features"));
    state.place.sae = Some("sae-3".to_owned());
    assert_eq!(
        (state.listed_set(), state.set_of_selected()),
        (Some(1), Some(1))
    );
    let state = browse(state, BrowseAction::List("layer-1".to_owned()));
    assert_eq!(state.listed_set(), Some(0));
    assert_eq!(state.history, History::Push);
    assert!(state.address().to_hash().starts_with("#/features/layer-1?"));
}

#[test]
fn an_area_belongs_to_its_map() {
    let state = with_index("#/features/layer-1?area=0.0~9.0~9.9&sort=-density");
    assert_eq!(state.place.browse.area.len(), 3);
    let state = browse(state, BrowseAction::List("layer-3".to_owned()));
    assert!(state.place.browse.area.is_empty());
    assert!(state.place.browse.sort.is_some());
}

#[test]
fn a_text_is_traced_once_for_the_set_that_is_listed() {
    let mut state = with_engine(with_index("#/features/layer-3?prompt=a"));
    assert_eq!(state.text_to_trace(), None);
    let query = Query {
        search: Some(Search::Text("a king".to_owned())),
        ..Query::default()
    };
    state = browse(state, BrowseAction::Ask(query, History::Push));
    assert!(state.is_tracing());
    assert_eq!(state.text_to_trace(), None, "the prompt comes first");
    let mut trace = Trace {
        prompt: state.prompt().to_owned(),
        ..Trace::default()
    };
    for id in ["sae-1", "sae-3"] {
        trace.saes.push(SaeTrace {
            id: id.to_owned(),
            ..SaeTrace::default()
        });
    }
    state = state.after(Action::Traced(trace.clone()));
    let request = TextRequest {
        sae: "sae-3".to_owned(),
        text: "a king".to_owned(),
    };
    assert_eq!(state.text_to_trace(), Some(request.clone()));
    state = browse(state, BrowseAction::TextRequested(request.clone()));
    assert_eq!(state.text_to_trace(), None);
    // The answer to another text is not shown for this one.
    let other = TextRequest {
        text: "a queen".to_owned(),
        ..request.clone()
    };
    let shared = Shared::new(trace);
    state = browse(state, BrowseAction::TextReceived(other, Ok(shared.clone())));
    assert_eq!(state.browse.text, Some((request.clone(), Remote::Waiting)));
    state = browse(
        state,
        BrowseAction::TextReceived(request.clone(), Err("no".to_owned())),
    );
    assert_eq!(state.text_to_trace(), None);
    state = browse(state, BrowseAction::TextRetry);
    assert_eq!(state.text_to_trace(), Some(request.clone()));
    state = browse(state, BrowseAction::TextRequested(request.clone()));
    state = browse(
        state,
        BrowseAction::TextReceived(request.clone(), Ok(shared.clone())),
    );
    assert_eq!(state.browse.text, Some((request, Remote::Here(shared))));
}

#[test]
fn lists_of_a_live_prompt_ask_for_the_statistics_of_their_sae() {
    let mut state = with_engine(with_index("#/prompt?prompt=a"));
    assert_eq!(wanted(&state), []);
    let saes = ["sae-1", "sae-3"].map(|id| SaeTrace {
        id: id.to_owned(),
        ..SaeTrace::default()
    });
    let prompt = state.prompt().to_owned();
    state = state.after(Action::Traced(Trace {
        prompt,
        saes: saes.to_vec(),
        ..Trace::default()
    }));
    state = state.after(Action::SelectSae("sae-3".to_owned()));
    assert_eq!(wanted(&state), [PartId::Table(1)]);
    let rows = vec![
        FeatureRow::default(),
        FeatureRow {
            latent: 1,
            ..FeatureRow::default()
        },
    ];
    state = atlas(state, AtlasAction::Requested(PartId::Table(1)));
    state = received(state, PartId::Table(1), Content::Table(rows));
    assert_eq!(wanted(&state), []);
}
