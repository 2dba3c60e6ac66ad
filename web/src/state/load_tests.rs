//! What happens when models and SAEs are loaded and unloaded.

use super::load::{Broken, Job, LoadAction, Section};
use super::url::{Place, Reference};
use super::*;

fn sae(id: &str) -> SaeInfo {
    SaeInfo {
        id: id.to_owned(),
        ..SaeInfo::default()
    }
}

fn model(id: &str) -> ModelInfo {
    ModelInfo {
        id: id.to_owned(),
        ..ModelInfo::default()
    }
}

fn trace(ids: &[&str]) -> Trace {
    let saes = ids.iter().map(|id| SaeTrace {
        id: (*id).to_owned(),
        n_latents: 10,
        k: 1,
        latents: vec![3, 4],
        activations: vec![1.0, 2.0],
        ..SaeTrace::default()
    });
    Trace {
        prompt: "one".to_owned(),
        tokens: vec![crate::data::Token::default(); 2],
        saes: saes.collect(),
        ..Trace::default()
    }
}

fn demo() -> State {
    let place = Place {
        prompt: Some("one".to_owned()),
        ..Place::default()
    };
    State::new(place)
        .after(Action::EngineReady(model("demo"), vec![sae("a"), sae("b")]))
        .after(Action::Traced(trace(&["a", "b"])))
}

fn load(state: State, action: LoadAction) -> State {
    state.after(Action::Load(action))
}

#[test]
fn a_new_sae_is_selected_and_traced_and_its_numbers_belong_to_it() {
    let state = load(demo(), LoadAction::Sae(sae("mine")));
    assert_eq!(state.place.sae.as_deref(), Some("mine"));
    assert_eq!(state.word(), "tracing");
    let state = state.after(Action::Traced(trace(&["a", "b"])));
    assert_eq!(state.word(), "tracing", "a trace without it is not the one");
    let state = state.after(Action::Traced(trace(&["a", "b", "mine"])));
    assert_eq!((state.word(), state.place.feature), ("ready", Some(4)));

    let numbers = Metrics {
        fvu: Some(0.1),
        ..Metrics::default()
    };
    let state = load(state, LoadAction::Measuring("mine".to_owned()));
    assert_eq!(state.numbers_of("mine"), Some(&Remote::Waiting));
    let state = load(
        state,
        LoadAction::Measured("mine".to_owned(), Ok(numbers.clone())),
    );
    assert_eq!(
        state.numbers_of("mine"),
        Some(&Remote::Here(numbers.clone()))
    );

    let state = load(state, LoadAction::Unloaded("mine".to_owned()));
    assert_eq!(state.numbers_of("mine"), None);
    assert_eq!(state.place.sae.as_deref(), Some("b"));
    assert_eq!(state.saes.len(), 2);
    // What was asked for before it went comes too late.
    let state = load(state, LoadAction::Measured("mine".to_owned(), Ok(numbers)));
    assert_eq!(state.numbers_of("mine"), None);
}

#[test]
fn another_model_takes_its_saes_along() {
    let state = load(demo(), LoadAction::Model(model("gpt2")));
    assert!(state.saes.is_empty() && state.trace.is_none());
    assert_eq!(
        (state.place.sae.as_ref(), state.place.feature),
        (None, None)
    );
    assert_eq!(state.word(), "loading");
    let state = state.after(Action::Traced(trace(&[])));
    assert_eq!(state.word(), "ready");
    assert_eq!(state.prompt(), "one");
}

#[test]
fn a_failed_load_loses_nothing() {
    let state = demo();
    let before = state.clone();
    let job = Job {
        name: "GPT-2 small".to_owned(),
        number: 1,
        of: 1,
    };
    let state = load(state, LoadAction::Started(job));
    assert!(state.job.is_some());
    let broken = Broken::new(
        "network".to_owned(),
        "The connection broke.".to_owned(),
        Vec::new(),
        None,
    );
    assert!(broken.resumes());
    let state = load(state, LoadAction::Ended(Some(broken)));
    assert!(state.job.is_none() && state.broken.is_some());
    assert_eq!(
        (&state.model, &state.saes, &state.trace),
        (&before.model, &before.saes, &before.trace)
    );
    assert_eq!(state.word(), "ready");
    assert_eq!(load(state, LoadAction::Dismiss).broken, None);
}

#[test]
fn an_address_that_names_something_else_is_asked_about() {
    let place = |model: Option<&str>, sae: &str, beside: &[&str]| Place {
        model: model.map(str::to_owned),
        sae: Some(sae.to_owned()),
        beside: beside.iter().map(|id| (*id).to_owned()).collect(),
        prompt: Some("two".to_owned()),
        ..Place::default()
    };
    let known = demo().after(Action::Restore(place(Some("demo"), "a", &[])));
    assert_eq!((known.asked.as_ref(), known.prompt()), (None, "two"));

    let asked = place(
        Some("gpt2"),
        "jb@8",
        &["owner/name:x.pt@blocks.1.hook_resid_post"],
    );
    let state = demo().after(Action::Restore(asked.clone()));
    assert_eq!(
        (state.asked.as_ref(), state.prompt()),
        (Some(&asked), "one")
    );
    let (model_asked, saes) = state.missing(&asked);
    assert_eq!(model_asked.as_deref(), Some("gpt2"));
    assert_eq!(saes, ["jb@8", "owner/name:x.pt@blocks.1.hook_resid_post"]);
    assert_eq!(load(state.clone(), LoadAction::Stay).asked, None);

    // As each of them comes, the place is still the one that was asked for.
    let state = load(state, LoadAction::Model(model("gpt2")));
    let state = load(state, LoadAction::Sae(sae("jb@8")));
    let state = load(
        state,
        LoadAction::Sae(sae("owner/name:x.pt@blocks.1.hook_resid_post")),
    );
    assert_eq!(state.missing(&asked), (None, Vec::new()));
    let state = state.after(Action::Restore(asked.clone()));
    assert_eq!(
        (state.prompt(), state.place.sae.as_deref()),
        ("two", Some("jb@8"))
    );
    assert_eq!(state.address(), asked);
}

#[test]
fn what_came_from_files_stays_out_of_the_address() {
    let state = load(demo(), LoadAction::Model(model("file:mine")));
    let state = load(state, LoadAction::Sae(sae("file:layer_3.pt")));
    let state = load(
        state,
        LoadAction::Sae(sae("neurons:blocks.0.mlp.hook_post")),
    );
    let hash = state.address().to_hash();
    assert!(
        !hash.contains("mine") && !hash.contains("layer_3"),
        "{hash}"
    );
    assert!(hash.contains("neurons%3Ablocks.0.mlp.hook_post"), "{hash}");
}

#[test]
fn ids_are_read() {
    assert_eq!(Reference::of("openai.layer_3"), Reference::Part);
    assert_eq!(Reference::of("jb@8"), Reference::Catalogue("jb", Some(8)));
    assert_eq!(Reference::of("o/n:a.pt"), Reference::Link("o/n:a.pt", None));
    assert_eq!(
        Reference::of("o/n:a.pt@blocks.1.hook_z"),
        Reference::Link("o/n:a.pt", Some("blocks.1.hook_z"))
    );
    assert_eq!(
        Reference::of("https://a@b.org/c.pt"),
        Reference::Link("https://a@b.org/c.pt", None)
    );
    assert_eq!(Reference::of("neurons:x"), Reference::Neurons("x"));
    assert_eq!(
        Reference::of_model("gpt2"),
        Reference::Catalogue("gpt2", None)
    );
    assert_eq!(Reference::of_model("demo"), Reference::Part);
}

#[test]
fn the_dialog_remembers_what_was_chosen() {
    let state = load(demo(), LoadAction::Open(Some(Section::Files)));
    let state = load(state, LoadAction::Layer("jb".to_owned(), 3));
    assert_eq!(state.open.layer("jb", &[1, 2, 3]), Some(3));
    assert_eq!(state.open.layer("other", &[1, 2, 3]), Some(2));
    assert_eq!(state.open.layer("none", &[]), None);
    let state = load(state, LoadAction::Hook(0, 1, "blocks.1.hook_z".to_owned()));
    assert_eq!(state.open.hook(0, 1), Some("blocks.1.hook_z"));
    // Other files: what was said about the ones before says nothing about these.
    let state = load(state, LoadAction::Seeking(Section::Files));
    assert_eq!(state.open.hook(0, 1), None);
}
