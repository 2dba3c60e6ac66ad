//! Tests of the state while models and SAEs are loaded and unloaded.

use super::job::Job;
use super::load::{Broken, Deletion, LoadAction, Section};
use super::own_file::Wanted;
use super::reference::{OwnFile, Reference, public, repository};
use super::removed::{Row, rows};
use super::route::Route;
use super::task::{Kind, Task};
use super::url::Place;
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

fn task(kind: Kind, id: &str) -> Task {
    Task {
        kind,
        name: id.to_owned(),
        id: id.to_owned(),
        source: Default::default(),
        hook: None,
        bytes: None,
        wanted: None,
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
    // The counterpart of the feature that was selected is looked for; there is none.
    let request = state.selection.matching.clone().unwrap();
    assert_eq!((request.to.as_str(), state.place.feature), ("mine", None));
    let state = state.after(Action::Matched(request, Ok(Vec::new())));
    assert_eq!((state.word(), state.place.feature), ("ready", Some(4)));

    let numbers = Sample {
        metrics: Metrics {
            fvu: Some(0.1),
            ..Metrics::default()
        },
        bos: true,
        ..Sample::default()
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
fn an_sae_that_nobody_chose_takes_its_place_beside_the_one_in_view() {
    let before = demo();
    let (view, feature) = (before.place.sae.clone(), before.place.feature);
    let state = load(before, LoadAction::Beside(sae("c"), vec!["b".to_owned()]));
    let ids: Vec<_> = state.saes.iter().map(|sae| sae.id.as_str()).collect();
    assert_eq!(ids, ["a", "c", "b"]);
    assert_eq!((&state.place.sae, state.place.feature), (&view, feature));
    assert_eq!(state.word(), "tracing", "its features come with a trace");
    let state = state.after(Action::Traced(trace(&["a", "b", "c"])));
    let traced = state.trace.as_ref().unwrap().saes.iter();
    let traced: Vec<_> = traced.map(|sae| sae.id.as_str()).collect();
    assert_eq!(traced, ["a", "c", "b"], "as the SAEs are shown");
    // Where none was there, it is the one in view.
    let place = Place {
        prompt: Some("one".to_owned()),
        ..Place::default()
    };
    let state = State::new(place).after(Action::EngineReady(model("demo"), Vec::new()));
    let state = load(state, LoadAction::Beside(sae("c"), Vec::new()));
    assert_eq!(state.place.sae.as_deref(), Some("c"));
}

#[test]
fn an_sae_that_comes_later_is_traced_alone_and_completes_the_trace() {
    let before = demo();
    assert_eq!(before.only_new(), None);
    let state = load(before, LoadAction::Beside(sae("c"), vec!["b".to_owned()]));
    assert_eq!(state.only_new(), Some(vec!["c".to_owned()]));
    let completed = state.clone().after(Action::Traced(trace(&["c"])));
    assert!(completed.is_current());
    assert_eq!(
        (completed.only_new(), completed.attempt),
        (None, state.attempt)
    );
    let traced = |state: &State| {
        let saes = state.trace.as_ref().unwrap().saes.iter();
        saes.map(|sae| sae.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(traced(&completed), ["a", "c", "b"]);
    // Of other tokens, as with a BOS more: it stands alone, and the others are traced once more.
    let mut other = trace(&["c"]);
    other.tokens.push(crate::data::Token::default());
    let alone = state.clone().after(Action::Traced(other));
    assert_eq!(traced(&alone), ["c"]);
    assert_eq!(alone.only_new(), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_ne!(alone.attempt, state.attempt);
    // Another prompt is traced with all of them.
    let typed = state.after(Action::Type("another".to_owned()));
    assert_eq!(typed.only_new(), None);
}

#[test]
fn numbers_on_the_sample_are_taken_when_somebody_looks_and_all_on_the_same_tokens() {
    let state = demo();
    assert!(state.unmeasured().is_empty());
    let state = state.after(Action::Go(Route::Library));
    assert_eq!(state.unmeasured(), ["a", "b"]);
    let result = |bos| {
        Ok(Sample {
            bos,
            ..Sample::default()
        })
    };
    let state = load(state, LoadAction::Measured("a".to_owned(), result(false)));
    assert_eq!(state.unmeasured(), ["b"]);
    // An SAE that was loaded since has changed whether a BOS goes first: what was taken before is of other tokens.
    let state = load(state, LoadAction::Measured("b".to_owned(), result(true)));
    assert_eq!(state.unmeasured(), ["a"]);
    let state = load(state, LoadAction::Measured("a".to_owned(), result(true)));
    assert!(state.unmeasured().is_empty());
    let state = load(state, LoadAction::Sae(sae("b")));
    assert_eq!(state.unmeasured(), ["b"], "other weights, perhaps");
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
    let job = Job::of(&[task(Kind::Model, "gpt2")]);
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
    assert_eq!((known.requested.as_ref(), known.prompt()), (None, "two"));

    let asked = place(
        Some("gpt2"),
        "jb@8",
        &["owner/name:x.pt@blocks.1.hook_resid_post"],
    );
    let state = demo().after(Action::Restore(asked.clone()));
    assert_eq!(
        (state.requested.as_ref(), state.prompt()),
        (Some(&asked), "one")
    );
    let (model_asked, saes) = state.missing(&asked);
    assert_eq!(model_asked.as_deref(), Some("gpt2"));
    assert_eq!(saes, ["jb@8", "owner/name:x.pt@blocks.1.hook_resid_post"]);
    assert_eq!(load(state.clone(), LoadAction::Stay).requested, None);

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
fn what_came_from_files_is_named_in_the_address() {
    let state = load(demo(), LoadAction::Model(model("file:mine")));
    let state = load(state, LoadAction::Sae(sae("file:one@blocks.1.hook_z")));
    let state = load(
        state,
        LoadAction::Sae(sae("neurons:blocks.0.mlp.hook_post")),
    );
    let state = load(state, LoadAction::Sae(sae("file:two@blocks.2.hook_z")));
    let place = state.address();
    assert_eq!(place.model.as_deref(), Some("file:mine"));
    assert_eq!(place.sae.as_deref(), Some("file:two@blocks.2.hook_z"));
    // Beside it only what the page can load by itself.
    assert_eq!(place.beside, ["neurons:blocks.0.mlp.hook_post"]);
}

#[test]
fn a_model_from_files_is_waited_for_and_then_the_place_is_restored() {
    let place = Place {
        model: Some("file:mine".to_owned()),
        sae: Some("file:one@blocks.1.hook_z".to_owned()),
        token: Some(1),
        feature: Some(3),
        prompt: Some("one".to_owned()),
        ..Place::default()
    };
    let asking = load(
        State::new(place.clone()),
        LoadAction::Request(place.clone()),
    );
    let wanted = Wanted {
        model: Some("file:mine".to_owned()),
        sae: Some("file:one@blocks.1.hook_z".to_owned()),
    };
    assert_eq!(asking.wanted_files(), wanted);
    // Before its contents are known it may be that one.
    let opened = Task {
        wanted: wanted.model.clone(),
        ..task(Kind::Model, "file:another")
    };
    let state = load(asking.clone(), LoadAction::Chosen(vec![opened]));
    let state = load(state, LoadAction::Model(model("file:mine")));
    let state = load(state, LoadAction::Ended(None));
    assert_eq!(state.requested, None);
    assert_eq!(state.missing_sae(), Some("file:one@blocks.1.hook_z"));
    let sae_alone = Wanted {
        model: None,
        ..wanted
    };
    assert_eq!(state.wanted_files(), sae_alone);
    assert_eq!((state.place.token, state.place.feature), (Some(1), Some(3)));
    let state = load(state, LoadAction::Sae(sae("file:one@blocks.1.hook_z")));
    assert_eq!((state.missing_sae(), state.place.feature), (None, Some(3)));
    // Something else was chosen: its place is not the one of the link.
    let state = load(asking, LoadAction::Chosen(vec![task(Kind::Model, "gpt2")]));
    let state = load(state, LoadAction::Model(model("gpt2")));
    let state = load(state, LoadAction::Ended(None));
    assert_eq!((state.requested, state.place.feature), (None, None));
}

#[test]
fn a_file_in_the_place_of_another_takes_its_feature_pins_and_edits() {
    let place = Place::from_hash(
        "#/prompt?sae=file%3Aone%40blocks.1.hook_z&feature=3&prompt=one&pin=file%3Aone@blocks.1.hook_z/7",
    );
    let state = demo().after(Action::Restore(place));
    let (wanted, found) = ("file:one@blocks.1.hook_z", "file:two@blocks.1.hook_z");
    assert_eq!(state.missing_sae(), Some(wanted));
    let instead = LoadAction::Instead(wanted.to_owned(), found.to_owned());
    let state = load(load(state, instead), LoadAction::Sae(sae(found)));
    assert_eq!(state.missing_sae(), None);
    assert_eq!(state.place.sae.as_deref(), Some(found));
    assert_eq!(state.place.feature, Some(3));
    assert_eq!(state.place.pins[0].sae, found);
}

#[test]
fn the_demo_in_the_place_of_a_link_shows_nothing_of_the_link() {
    let place = Place {
        model: Some("file:mine".to_owned()),
        sae: Some("file:one@blocks.1.hook_z".to_owned()),
        feature: Some(3),
        prompt: Some("one".to_owned()),
        ..Place::default()
    };
    let state = load(State::new(place.clone()), LoadAction::Request(place));
    let state = load(state, LoadAction::Stay);
    let state = state
        .after(Action::EngineReady(model("demo"), vec![sae("a"), sae("b")]))
        .after(Action::Traced(trace(&["a", "b"])));
    assert_eq!(state.missing_sae(), None);
    assert_eq!(state.place.sae.as_deref(), Some("b"));
    assert_eq!(state.place.feature, Some(4));
}

fn informed(state: State, model: Option<ModelInfo>, saes: &[&str], changed: bool) -> State {
    let info = Info {
        model,
        saes: saes.iter().map(|id| sae(id)).collect(),
        ..Info::default()
    };
    state.after(Action::Informed(info, changed))
}

#[test]
fn what_a_script_loads_is_taken_over() {
    let state = informed(demo(), Some(model("demo")), &["a", "b"], false);
    assert_eq!(state.word(), "ready", "nothing changed");
    let state = informed(state, Some(model("demo")), &["a", "b", "c"], true);
    assert_eq!(state.place.sae.as_deref(), Some("c"));
    assert_eq!(state.word(), "tracing");
    let state = state.after(Action::Traced(trace(&["a", "b", "c"])));
    assert_eq!(state.word(), "ready");
    let state = informed(state, Some(model("demo")), &["a"], true);
    assert_eq!(state.place.sae.as_deref(), Some("a"));
    let state = state.after(Action::Traced(trace(&["a"])));
    assert_eq!(state.word(), "ready");
    // The same id may stand for other weights now.
    let state = informed(state, Some(model("demo")), &["a"], true);
    assert_eq!(state.word(), "tracing");
    let state = informed(state, Some(model("other")), &[], true);
    assert!(state.saes.is_empty() && state.trace.is_none());
    // What the page loads itself, it hears of by itself.
    let job = Job::of(&[task(Kind::Model, "x")]);
    let state = load(state, LoadAction::Started(job));
    let state = informed(state, Some(model("third")), &["d"], false);
    assert_eq!(state.place.model.as_deref(), Some("other"));
}

#[test]
fn an_sae_that_is_loaded_again_under_its_id_is_traced_again() {
    let state = load(demo(), LoadAction::Sae(sae("b")));
    assert_eq!(state.word(), "tracing");
    let state = state.after(Action::Traced(trace(&["a", "b"])));
    assert_eq!(state.word(), "ready");
}

#[test]
fn ids_are_read() {
    assert_eq!(Reference::of("openai.layer_3"), Reference::Part);
    assert_eq!(
        Reference::of("jb@8"),
        Reference::Catalogue("jb", Some(8), None)
    );
    assert_eq!(Reference::of("o/n:a.pt"), Reference::Link("o/n:a.pt", None));
    assert_eq!(
        Reference::of("o/n:a.pt@blocks.1.hook_z"),
        Reference::Link("o/n:a.pt", Some("blocks.1.hook_z"))
    );
    // A revision is no hook point, with one behind it or without.
    for link in ["o/n@v2", "o/n@refs/pr/1:a.pt", "o/n@v2:a.pt"] {
        assert_eq!(Reference::of(link), Reference::Link(link, None));
        assert_eq!(Reference::of_model(link), Reference::Link(link, None));
        assert_eq!(
            Reference::of(&format!("{link}@blocks.1.hook_z")),
            Reference::Link(link, Some("blocks.1.hook_z"))
        );
    }
    assert_eq!(
        Reference::of("https://a@b.org/c.pt"),
        Reference::Link("https://a@b.org/c.pt", None)
    );
    assert_eq!(Reference::of("neurons:x"), Reference::Neurons("x"));
    let file = OwnFile {
        name: "my@sae",
        sha256: None,
        hook: Some("blocks.1.hook_z"),
    };
    assert_eq!(
        Reference::of("file:my@sae@blocks.1.hook_z"),
        Reference::File(file)
    );
    let file = OwnFile {
        name: "x",
        hook: None,
        ..file
    };
    assert_eq!(Reference::of_model("file:x"), Reference::File(file));
    assert_eq!(
        Reference::of_model("gpt2"),
        Reference::Catalogue("gpt2", None, None)
    );
    assert_eq!(Reference::of_model("demo"), Reference::Part);
}

#[test]
fn an_address_names_the_commit_that_was_loaded_and_means_what_is_here() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let origin = |path: &str| {
        Some(crate::data::Origin {
            repository: Some("o/n".to_owned()),
            commit: Some(commit.to_owned()),
            path: path.to_owned(),
            ..Default::default()
        })
    };
    let state = load(
        demo(),
        LoadAction::Model(ModelInfo {
            origin: origin(""),
            ..model("gpt2")
        }),
    );
    let state = load(
        state,
        LoadAction::Sae(SaeInfo {
            origin: origin("x.pt"),
            ..sae("o/n:x.pt@blocks.1.hook_z")
        }),
    );
    let state = load(
        state,
        LoadAction::Sae(SaeInfo {
            origin: origin("8/y.pt"),
            ..sae("jb@8")
        }),
    );
    let address = state.address();
    assert_eq!(address.model, Some(format!("gpt2@{commit}")));
    assert_eq!(address.sae, Some(format!("jb@8@{commit}")));
    assert_eq!(
        address.beside,
        [format!("o/n@{commit}:x.pt@blocks.1.hook_z")]
    );
    assert_eq!(Place::from_hash(&address.to_hash()), address);
    // Here it is loaded already; elsewhere it is to be loaded, at that commit.
    assert_eq!(state.missing(&address), (None, Vec::new()));
    let back = state.clone().after(Action::Restore(address.clone()));
    assert_eq!((back.requested.as_ref(), back.missing_sae()), (None, None));
    assert_eq!(back.place.sae.as_deref(), Some("jb@8"));
    assert_eq!(back.address(), address);
    let elsewhere = demo().missing(&address);
    assert_eq!(elsewhere.0, address.model);
    assert_eq!(elsewhere.1.len(), 2);
    let id = format!("gpt2@{commit}");
    assert_eq!(
        Reference::of_model(&id),
        Reference::Catalogue("gpt2", None, Some(commit))
    );
    let id = format!("jb@8@{commit}");
    assert_eq!(
        Reference::of(&id),
        Reference::Catalogue("jb", Some(8), Some(commit))
    );
}

#[test]
fn ids_keep_a_revision_and_leave_secrets_out() {
    let id = |revision: &str, path: &str| {
        repository("o/n", Some(revision.to_owned()), Some(path.to_owned()))
    };
    assert_eq!(id("main", ""), "o/n");
    assert_eq!(id("main", "a/b.pt"), "o/n:a/b.pt");
    assert_eq!(id("v2", "a.pt"), "o/n@v2:a.pt");
    assert_eq!(id("v2", ""), "o/n@v2");
    assert_eq!(repository("o/n", None, None), "o/n");
    for secret in ["?token=s", "#s", "?a=https://s/@"] {
        assert_eq!(
            public(&format!("https://h.org:1/x.pt{secret}")),
            "https://h.org:1/x.pt"
        );
    }
    assert_eq!(
        public("https://me:secret@h.org/x@y.pt"),
        "https://h.org/x@y.pt"
    );
}

#[test]
fn the_library_remembers_what_was_chosen() {
    let state = load(demo(), LoadAction::Layer("jb".to_owned(), 3));
    let state = load(state, LoadAction::Layer("jb".to_owned(), 8));
    let choice = state.library.choice.clone().unwrap_or_default();
    assert_eq!((choice.entry.as_str(), choice.layers), ("jb", vec![3, 8]));
    // The question is answered by a load that the person chose, not by one of the page's own.
    let state = load(state, LoadAction::Started(Job::default()));
    assert!(state.library.choice.is_some());
    let state = load(state, LoadAction::Chosen(Vec::new()));
    assert_eq!(state.library.choice, None);
    let state = load(state, LoadAction::Hook(0, 1, "blocks.1.hook_z".to_owned()));
    assert_eq!(state.library.hook(0, 1), Some("blocks.1.hook_z"));
    // Other files: what was said about the ones before says nothing about these.
    let state = load(state, LoadAction::Seeking(Section::Files));
    assert_eq!(state.library.hook(0, 1), None);
}

#[test]
fn deleting_is_asked_about_until_it_is_done() {
    let state = load(demo(), LoadAction::Delete(Some(Deletion::All)));
    assert_eq!(state.library.deletion, Some(Deletion::All));
    let state = load(state, LoadAction::Storage(Ok(Default::default())));
    assert_eq!(state.library.deletion, None);
}

/// The list of SAEs: each id, with a cross before those that were removed.
fn listed(state: &State) -> Vec<String> {
    let row = |row: &Row| match row {
        Row::Loaded(sae) => sae.id.clone(),
        Row::Removed(removed) => format!("×{}", removed.sae.id),
    };
    rows(&state.saes, &state.library.removed)
        .iter()
        .map(row)
        .collect()
}

#[test]
fn a_removed_sae_stays_in_the_list_and_comes_back_in_its_place() {
    let ids = ["a", "b", "c", "d"];
    let mut state = demo();
    for id in &ids[2..] {
        state = load(state, LoadAction::Sae(sae(id)));
    }
    state = load(
        state,
        LoadAction::Known(ids.map(|id| task(Kind::Sae, id)).to_vec()),
    );
    for id in ["b", "d", "a"] {
        state = load(state, LoadAction::Unloaded(id.to_owned()));
    }
    assert_eq!(listed(&state), ["×a", "×b", "c", "×d"]);
    let back = state.library.removed.iter().find(|one| one.sae.id == "b");
    let task = back.and_then(|one| one.task.as_ref()).map(|task| &task.id);
    assert_eq!(task.map(String::as_str), Some("b"));
    state = load(state, LoadAction::Sae(sae("b")));
    assert_eq!(listed(&state), ["×a", "b", "c", "×d"]);
    state = load(state, LoadAction::Sae(sae("d")));
    state = load(state, LoadAction::Sae(sae("a")));
    assert_eq!(listed(&state), ids);
    // One that the page cannot find again says so; and with another model they are all gone.
    state = load(state, LoadAction::Sae(sae("by-a-script")));
    state = load(state, LoadAction::Unloaded("by-a-script".to_owned()));
    assert!(state.library.removed.iter().all(|one| !one.comes_back()));
    state = load(state, LoadAction::Model(model("gpt2")));
    assert!(state.library.removed.is_empty());
}

#[test]
fn the_model_before_can_be_had_back_with_its_saes() {
    let mut state = load(
        demo(),
        LoadAction::Known(vec![task(Kind::Demo, "demo"), task(Kind::Sae, "a")]),
    );
    let chosen = vec![task(Kind::Model, "gpt2"), task(Kind::Sae, "jb@8")];
    state = load(state, LoadAction::Chosen(chosen));
    state = load(state, LoadAction::Model(model("gpt2")));
    state = load(state, LoadAction::Sae(sae("jb@8")));
    let earlier = |state: &State| {
        let earlier = state.library.earlier.as_ref();
        earlier.map(|one| {
            one.tasks
                .iter()
                .map(|task| task.id.clone())
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(
        earlier(&state),
        Some(vec!["demo".to_owned()]),
        "the demo brings its SAEs"
    );
    let state = state.after(Action::EngineReady(model("demo"), vec![sae("a")]));
    assert_eq!(
        earlier(&state),
        Some(vec!["gpt2".to_owned(), "jb@8".to_owned()])
    );
    // The same model again is nothing to go back to.
    let same = load(state.clone(), LoadAction::Model(model("demo")));
    assert_eq!(earlier(&same), earlier(&state));
}

#[test]
fn a_job_has_one_total_and_its_rate_is_remembered() {
    let mut parts = [task(Kind::Model, "gpt2"), task(Kind::Sae, "jb@8")];
    parts[0].bytes = Some(900.0);
    parts[1].bytes = Some(100.0);
    let mut state = load(demo(), LoadAction::Started(Job::of(&parts)));
    let progress = |loaded, source: &str| crate::data::Progress {
        stage: "model".to_owned(),
        loaded,
        total: 900.0,
        source: source.to_owned(),
        ..Default::default()
    };
    for (loaded, now) in [(0.0, 0.0), (450.0, 1000.0)] {
        state = load(
            state,
            LoadAction::Progress(progress(loaded, "network"), now),
        );
    }
    let told = |state: &State| {
        let job = state.job.as_ref();
        job.map(|job| (job.loaded(&state.meter), job.total(&state.meter)))
    };
    assert_eq!(told(&state), Some((450.0, Some(1000.0))));
    state = load(state, LoadAction::NextPart(1));
    assert_eq!(told(&state), Some((900.0, Some(1000.0))));
    assert_eq!(state.library.rate, Some(450.0));
    // What comes from the browser's store says nothing about the network.
    for (loaded, now) in [(0.0, 0.0), (90.0, 1000.0)] {
        state = load(state, LoadAction::Progress(progress(loaded, "cache"), now));
    }
    assert_eq!(state.library.rate, Some(450.0));
    assert_eq!(load(state, LoadAction::Ended(None)).job, None);
}

#[test]
fn the_models_loss_on_the_sample_is_taken_once_and_belongs_to_its_model() {
    let mut state = demo();
    assert_eq!(state.unmeasured_model(), None, "nobody looks");
    state = state.after(Action::Go(Route::Library));
    let of = state.unmeasured_model().unwrap_or_default();
    state = load(state, LoadAction::MeasuringModel);
    assert_eq!(state.unmeasured_model(), None);
    let found = Some(SampleLoss {
        loss: 8.9,
        caution: Some("untrained".to_owned()),
        ..SampleLoss::default()
    });
    let other = LoadAction::MeasuredModel("another".to_owned(), Ok(found.clone()));
    state = load(state, other);
    assert_eq!(state.sample_loss, Remote::Waiting);
    state = load(state, LoadAction::MeasuredModel(of, Ok(found.clone())));
    assert_eq!(state.sample_loss, Remote::Here(found));
    state = load(state, LoadAction::Model(model("next")));
    assert_eq!(state.unmeasured_model().as_deref(), Some("next"));
}
