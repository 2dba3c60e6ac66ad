//! Trainings: what can begin, and how far one is.

use super::scan::Text;
use super::texts::Source;
use super::train::{Finished, Report, Stage, TrainAction, rate};
use super::train_choice::{Field, Processor, Rule};
use super::{Action, Place, State};
use crate::shared::Shared;
use wire::{TrainEstimate, TrainRecord, TrainingInfo};

fn after(state: State, actions: impl IntoIterator<Item = TrainAction>) -> State {
    let actions = actions.into_iter().map(Action::Train);
    actions.fold(state, State::after)
}

fn with_model() -> State {
    let model = crate::data::ModelInfo {
        n_layers: 6,
        ..Default::default()
    };
    State::new(Place::default()).after(Action::EngineReady(model, Vec::new()))
}

fn text() -> TrainAction {
    TrainAction::Choose(vec![Text {
        name: "a.txt".to_owned(),
        bytes: 5,
    }])
}

fn typed(field: Field, text: &str) -> TrainAction {
    TrainAction::Type(field, text.to_owned())
}

fn record(step: u64) -> TrainRecord {
    TrainRecord {
        step,
        tokens: step * 100,
        lr: 1e-3,
        fvu: 0.5,
        loss: 0.5,
        aux_loss: None,
        l0: 8.0,
        dead: 0.0,
        tokens_per_second: 50.0,
        step_tokens_per_second: 100.0,
    }
}

fn info() -> TrainingInfo {
    TrainingInfo {
        id: "a".to_owned(),
        name: "a.txt".to_owned(),
        model: "demo".to_owned(),
        hook: "blocks.2.hook_resid_post".to_owned(),
        latents: 64,
        k: 4,
        activation: "topk".to_owned(),
        step: 10,
        steps: 10,
        tokens: 1000,
        fvu: Some(0.5),
        saved_at: 0.0,
        bytes: 1,
    }
}

#[test]
fn a_training_says_what_it_lacks_and_what_is_wrong() {
    let why = |state: &State| state.wanted_training().unwrap_err();
    assert!(why(&State::new(Place::default())).contains("model"));
    let state = with_model();
    assert_eq!(state.wanted_training().unwrap().source, Source::Sample);
    let state = after(state, [TrainAction::Source(Source::Files)]);
    assert!(why(&state).contains("text"));
    let state = after(state, [text()]);
    let wanted = state.wanted_training().unwrap();
    assert_eq!(wanted.hook, "blocks.2.hook_resid_post");
    assert_eq!(
        (wanted.latents, wanted.k, wanted.tokens, wanted.lr),
        (1024, 16, None, None)
    );
    for (field, wrong, says) in [
        (Field::Latents, "many", "Latents"),
        (Field::Latents, "0", "Latents"),
        (Field::K, "2000", "at most the number of latents"),
        (Field::K, "0", "k"),
        (Field::Matryoshka, "64, 32", "prefixes"),
        (Field::Matryoshka, "64, 1024", "prefixes"),
        (Field::Matryoshka, "a", "prefixes"),
        (Field::Tokens, "5", "At least one batch"),
        (Field::Batch, "1", "Tokens per step"),
        (Field::Lr, "0", "Learning rate"),
        (Field::Lr, "NaN", "Learning rate"),
        (Field::Seed, "-1", "Seed"),
    ] {
        let state = after(state.clone(), [typed(field, wrong)]);
        assert!(why(&state).contains(says), "{wrong}: {}", why(&state));
        assert!(state.train.choice.wrong(field).is_some());
    }
    let state = after(
        state,
        [
            typed(Field::Latents, "2,048"),
            typed(Field::Matryoshka, "64, 512"),
            typed(Field::Tokens, "1 000 000"),
            typed(Field::Lr, "1e-3"),
            TrainAction::Rule(Rule::BatchTopk),
            TrainAction::Hook("blocks.5.hook_mlp_out".to_owned()),
        ],
    );
    let wanted = state.wanted_training().unwrap();
    assert_eq!(
        (wanted.latents, wanted.tokens, wanted.lr),
        (2048, Some(1_000_000), Some(1e-3))
    );
    assert_eq!(
        (&wanted.matryoshka[..], wanted.rule.key()),
        (&[64, 512][..], "batch_topk")
    );
    assert_eq!(wanted.hook, "blocks.5.hook_mlp_out");
    // What has no prefixes is trained without them, and they are there again.
    let state = after(state, [TrainAction::Rule(Rule::JumpRelu)]);
    let wanted = state.wanted_training().unwrap();
    assert_eq!(
        (&wanted.matryoshka[..], wanted.rule.key()),
        (&[][..], "jump_relu")
    );
    let state = after(state, [TrainAction::Rule(Rule::BatchTopk)]);
    assert_eq!(state.wanted_training().unwrap().matryoshka, [64, 512]);
    // A hook that another model lacks is none.
    let state = after(
        state,
        [TrainAction::Hook("blocks.9.hook_mlp_out".to_owned())],
    );
    assert_eq!(
        state.wanted_training().unwrap().hook,
        "blocks.2.hook_resid_post"
    );
}

#[test]
fn a_gpu_trains_topk_where_there_is_one() {
    let chosen = after(
        with_model(),
        [text(), TrainAction::Processor(Processor::Gpu)],
    );
    assert_eq!(chosen.wanted_training().unwrap().processor, Processor::Cpu);
    let mut on_gpu = chosen;
    on_gpu.info = Some(Shared::new(wire::Info {
        backend: "gpu".to_owned(),
        ..Default::default()
    }));
    assert_eq!(on_gpu.wanted_training().unwrap().processor, Processor::Gpu);
    let state = after(on_gpu, [TrainAction::Rule(Rule::JumpRelu)]);
    let why = state.wanted_training().unwrap_err();
    assert!(why.contains("train JumpReLU on the CPU"), "{why}");
}

#[test]
fn a_training_is_paused_goes_on_and_ends() {
    let report = |report| TrainAction::Report(report);
    let state = after(with_model(), [TrainAction::Started]);
    let estimate = TrainEstimate {
        corpus_tokens: 1000,
        tokens: 1000,
        steps: 10,
        width: 4,
        memory_bytes: 1,
        corpus_bytes: 1,
        model_bytes: 1,
        checkpoint_bytes: 1,
        seconds: 20.0,
        tokens_per_second: 50.0,
        mean_over_spread: 2.0,
        normalised_mean_over_spread: 0.5,
        advice: None,
        device: "CPU".to_owned(),
        processor: "one core of the CPU".to_owned(),
    };
    let state = after(state, [report(Report::Estimate(estimate))]);
    let running = state.train.running.as_ref().unwrap();
    assert_eq!((running.stage, running.share()), (Stage::Confirm, None));
    let state = after(
        state,
        [TrainAction::Going, report(Report::Step(record(2), 10))],
    );
    let running = state.train.running.as_ref().unwrap();
    assert_eq!((running.share(), running.left()), (Some(0.2), Some(16.0)));
    let state = after(state, [TrainAction::Pausing, report(Report::Saved(2))]);
    assert!(state.train.running.as_ref().unwrap().pausing);
    let state = after(state, [report(Report::Stage(Stage::Paused))]);
    let running = state.train.running.as_ref().unwrap();
    assert_eq!(
        (running.pausing, running.saved, running.left()),
        (false, Some(2), None)
    );
    let full = Report::Unsaved("no room".to_owned());
    let state = after(state, [TrainAction::Going, report(full)]);
    let running = state.train.running.as_ref().unwrap();
    assert_eq!((running.stage, running.saved), (Stage::Train, Some(2)));
    assert!(running.unsaved.is_some());
    let finished = Finished {
        info: info(),
        complete: true,
        stored: true,
        records: vec![record(10)],
    };
    let state = after(
        state,
        [
            TrainAction::Ended(Ok(Some(finished))),
            TrainAction::Listed(vec![info()]),
        ],
    );
    assert!(state.train.running.is_none());
    let state = after(state, [TrainAction::Removed("a".to_owned())]);
    assert!(state.train.stored.is_empty());
    // What is on screen can still be opened and kept.
    assert!(!state.train.finished.as_ref().unwrap().stored);
    let state = after(
        state,
        [
            TrainAction::Started,
            TrainAction::Ended(Err("why".to_owned())),
        ],
    );
    assert_eq!(state.train.failed.as_deref(), Some("why"));
    // Late words of a training that is over.
    let state = after(state, [report(Report::Saved(3)), TrainAction::Pausing]);
    assert!(state.train.running.is_none());
}

#[test]
fn the_rate_is_that_of_the_last_reports_together() {
    let at = |step: u64, tokens_per_second: f64| TrainRecord {
        tokens_per_second,
        ..record(step)
    };
    assert_eq!(rate(&[]), None);
    assert_eq!(rate(&[at(1, 0.0)]), None);
    // A second for the first hundred tokens, a tenth for the next.
    let records = [at(1, 100.0), at(2, 1000.0)];
    assert!((rate(&records).unwrap() - 200.0 / 1.1).abs() < 1e-9);
    // A slow beginning is forgotten.
    let mut records = vec![at(1, 1.0)];
    records.extend((2..=17).map(|step| at(step, 50.0)));
    assert!((rate(&records).unwrap() - 50.0).abs() < 1e-9);
}
