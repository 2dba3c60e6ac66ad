//! Scratch memory full of NaN: no kernel reads what nobody wrote.

use std::ops::ControlFlow;

use crate::common::{
    Fixture, RELU, demo_on, devices_with, max_difference, relative_rms, token_ids,
};
use explorer::{
    Bos, Edit, EditOperation, GenerateOptions, Input, Session, TapOptions, TraceOptions,
};
use kernels::{Device, DeviceOptions};
use pollster::block_on;

/// Every digit of the answers to questions of every kind.
fn answers(session: &mut Session) -> Vec<(&'static str, String)> {
    session
        .load_neurons("neurons", "blocks.2.mlp.hook_post")
        .unwrap();
    let fixture = Fixture::load("gloss");
    let ids = fixture.ids("token_ids");
    let options = TraceOptions {
        saes: Some(vec!["openai.layer_3".to_owned(), RELU.to_owned()]),
        ..TraceOptions::default()
    };
    let mut answers = Vec::new();
    let mut keep = |question, answer: &dyn std::fmt::Debug| {
        let text = format!("{answer:?}");
        let mut words = text.split(|letter: char| !letter.is_alphanumeric());
        assert!(
            !words.any(|word| word == "NaN" || word == "inf"),
            "{question}"
        );
        answers.push((question, text));
    };
    keep("trace", &block_on(session.trace(&ids, &options)).unwrap());
    let others = token_ids(33);
    let prompts = [&ids[..], &others, &others[..1]].map(Input::Tokens);
    let traces = block_on(session.trace_batch(&prompts, &options)).unwrap();
    keep("trace_batch", &traces);
    let add = |sae: &str, positions| Edit {
        sae: sae.to_owned(),
        latent: 9,
        operation: EditOperation::Add(2.0),
        positions,
        when: None,
        on: true,
    };
    let lists = [
        vec![Edit::set("openai.layer_1", 40, 5.0)],
        vec![
            add("openai.layer_3", Some([4].into())),
            add("neurons", None),
        ],
        vec![add(RELU, None), Edit::set("openai.layer_5", 3, 1.0)],
        Vec::new(),
    ];
    let dump = TraceOptions {
        dump: true,
        ..TraceOptions::default()
    };
    let edited = block_on(session.edit_batch(&ids, &lists, &dump)).unwrap();
    keep("edit_batch", &edited);
    let taps = TapOptions {
        names: [
            "blocks.3.attn.hook_pattern",
            "blocks.4.ln2.hook_scale",
            "blocks.1.attn.hook_z",
            "ln_final.hook_out",
        ]
        .map(str::to_owned)
        .to_vec(),
        logit_lens: 3,
        bos: Bos::Auto,
    };
    keep("taps", &block_on(session.taps(&ids, &taps)).unwrap());
    let text = token_ids(260);
    let counted = session.latent_statistics(&text, "openai.layer_3", 2, Bos::Auto);
    keep("latent_statistics", &block_on(counted).unwrap());
    let evaluation = block_on(session.evaluate(&text, RELU, Bos::Auto)).unwrap();
    keep("evaluate", &evaluation);
    let generate = GenerateOptions {
        max_tokens: 5,
        temperature: 0.8,
        top_k: 30,
        ..GenerateOptions::default()
    };
    let going_on = |_, _: &_| ControlFlow::Continue(());
    let generated = session.generate_several(&ids, &generate, &[1, 2], going_on);
    keep("generate", &block_on(generated).unwrap());
    let all = GenerateOptions {
        top_k: 0,
        ..generate
    };
    let going_on = |_: &_| ControlFlow::Continue(());
    let generated = block_on(session.generate(&others, &all, going_on)).unwrap();
    keep("generate from all logits", &generated);
    let feature = block_on(session.feature("openai.layer_3", 12)).unwrap();
    keep("feature", &feature);
    answers
}

#[test]
fn the_reference_holds_on_poisoned_memory() {
    for (device, given) in devices_with(true) {
        let session = demo_on(given);
        let fixture = Fixture::load("gloss");
        let options = TraceOptions {
            dump: true,
            ..TraceOptions::default()
        };
        let trace = block_on(session.trace(fixture.text(), &options)).unwrap();
        let dump = trace.dump.as_ref().unwrap();
        let logits = fixture.f32("logits");
        assert!(
            max_difference(&dump.logits.data, &logits) < 2e-3,
            "{device}"
        );
        for (layer, resid) in dump.resid_post.iter().enumerate() {
            let expected = fixture.f32(&format!("resid_post.{layer}"));
            assert!(relative_rms(&resid.data, &expected) < 1e-4, "{device}");
        }
        for (sae, reconstruction) in trace.saes.iter().zip(&dump.reconstructions) {
            let expected = fixture.f32(&format!("{}.recon", sae.id));
            let error = relative_rms(&reconstruction.data, &expected);
            assert!(error < 1e-3, "{device}, {}", sae.id);
        }
        let loss = fixture.json["ce_loss"].as_f64().unwrap();
        assert!((trace.loss.unwrap() - loss).abs() < 1e-4, "{device}");
    }
}

#[test]
fn answers_do_not_depend_on_what_scratch_memory_held() {
    let plain = devices_with(false).into_iter().map(|(_, device)| device);
    for ((name, poisoned), plain) in devices_with(true).into_iter().zip(plain) {
        let expected = answers(&mut demo_on(plain));
        let mut session = demo_on(poisoned);
        // The second time memory and plans come from the pool and the caches.
        let rounds = if name == "cpu" { 2 } else { 1 };
        for round in 0..rounds {
            for ((question, found), (_, expected)) in answers(&mut session).iter().zip(&expected) {
                assert!(found == expected, "{name}, {question}, round {round}");
            }
            session.unload_sae("neurons").unwrap();
        }
    }
}

#[test]
fn poisoned_memory_is_poisoned() {
    let device = Device::cpu_with(DeviceOptions {
        poison: true,
        ..DeviceOptions::default()
    });
    let mut recorder = kernels::Recorder::new(&device);
    let scratch = recorder.scratch("scratch", 5).unwrap();
    let read = recorder.read_back(&scratch, 5).unwrap();
    let readings = block_on(recorder.finish().run()).unwrap();
    assert!(readings.f32(read).iter().all(|value| value.is_nan()));
}
