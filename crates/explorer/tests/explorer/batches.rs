//! Many prompts at once: each is answered as it would be alone.

use crate::common::compare::{same_bits, same_trace};
use crate::common::{RELU, token_ids, with_demo};
use explorer::{Bos, Edit, EditOperation, Error, Input, Session, Trace, TraceOptions};
use pollster::block_on;

fn options(saes: &[&str]) -> TraceOptions {
    TraceOptions {
        saes: Some(saes.iter().map(|id| (*id).to_owned()).collect()),
        top_logits: 5,
        ..TraceOptions::default()
    }
}

fn batch(session: &Session, prompts: &[Vec<u32>], options: &TraceOptions) -> Vec<Trace> {
    let inputs: Vec<Input<'_>> = prompts.iter().map(|ids| Input::Tokens(ids)).collect();
    block_on(session.trace_batch(&inputs, options)).unwrap()
}

/// Prompts of these lengths, each from another place of the text; only some begin with the BOS.
fn prompts(lengths: &[usize]) -> Vec<Vec<u32>> {
    let ids = token_ids(600);
    let starts = (0..).step_by(37);
    let prompt = |(length, start): (&usize, usize)| ids[start..start + length].to_vec();
    lengths.iter().zip(starts).map(prompt).collect()
}

#[test]
fn every_prompt_of_a_batch_is_traced_as_if_alone() {
    with_demo(|device, session| {
        // More than 1,024 rows, so that the last one comes in a batch of its own.
        let mut prompts = prompts(&[3, 2, 256, 17, 40, 255, 5, 256, 130]);
        prompts.push(prompts[3].clone());
        prompts.push(prompts[7].clone());
        assert!(prompts.iter().map(Vec::len).sum::<usize>() > 1024);
        let options = options(&["openai.layer_5"]);
        let traces = batch(session, &prompts, &options);
        assert_eq!(traces.len(), prompts.len());
        // On a GPU a batch takes other tiles, whose sums round otherwise; six blocks and an encoder make a little more of it.
        let bound = if device == "cpu" { 0.0 } else { 2e-4 };
        // All on the CPU; on a GPU some of either batch, since adapters in software are slow.
        let step = if device == "cpu" { 1 } else { 4 };
        let asked = prompts.iter().zip(&traces).enumerate().rev().step_by(step);
        for (number, (prompt, found)) in asked {
            let alone = block_on(session.trace(prompt, &options)).unwrap();
            let what = format!("{device}, prompt {number}");
            same_trace(found, &alone, bound, &what);
        }
        // The same prompt twice in a batch is the same trace.
        same_trace(&traces[9], &traces[3], bound, device);
    });
}

#[test]
fn a_token_alone_is_traced_in_a_batch_as_well() {
    with_demo(|device, session| {
        let prompts = prompts(&[1, 1, 30, 1]);
        let options = options(&["openai.layer_3", RELU]);
        let traces = batch(session, &prompts, &options);
        for (prompt, found) in prompts.iter().zip(&traces) {
            let alone = block_on(session.trace(prompt, &options)).unwrap();
            let what = format!("{device}, {} tokens", prompt.len());
            same_trace(found, &alone, 2e-4, &what);
            assert_eq!(found.loss.is_none(), prompt.len() == 1, "{what}");
        }
        assert_ne!(traces[0].tokens, traces[1].tokens);
    });
}

#[test]
fn a_batch_reads_back_what_a_trace_reads_back() {
    with_demo(|device, session| {
        let prompts = prompts(&[9, 24]);
        let options = TraceOptions {
            dump: true,
            ..options(&["openai.layer_3"])
        };
        let bound = if device == "cpu" { 0.0 } else { 1e-4 };
        let traces = batch(session, &prompts, &options);
        for (prompt, found) in prompts.iter().zip(&traces) {
            let alone = block_on(session.trace(prompt, &options)).unwrap();
            let dump = found.dump.as_ref().unwrap();
            assert_eq!(dump.logits.rows, prompt.len(), "{device}");
            assert_eq!(dump.resid_post.len(), 6, "{device}");
            same_trace(found, &alone, bound, device);
        }
        assert!(batch(session, &[], &options).is_empty());
    });
}

/// A question with a known answer, asked after every refusal.
struct Probe {
    ids: Vec<u32>,
    logits: Vec<f32>,
    edit: Edit,
    kl: Vec<f32>,
}

impl Probe {
    fn new(session: &Session) -> Self {
        let ids = token_ids(6);
        let edit = Edit::set("openai.layer_3", 7, 5.0);
        let edited = ask(session, &ids, std::slice::from_ref(&edit)).unwrap();
        Self {
            logits: block_on(session.logits(&ids, Bos::Auto)).unwrap().data,
            ids,
            edit,
            kl: edited.into_iter().next().unwrap().kl_by_position,
        }
    }

    #[track_caller]
    fn check(&self, session: &Session, what: &str) {
        let logits = block_on(session.logits(&self.ids, Bos::Auto)).unwrap();
        same_bits(&logits.data, &self.logits, what);
        let edited = ask(session, &self.ids, std::slice::from_ref(&self.edit)).unwrap();
        same_bits(&edited[0].kl_by_position, &self.kl, what);
    }
}

/// Beside a list that is in order, so that one bad list is no reason to answer the other.
fn ask(session: &Session, ids: &[u32], edits: &[Edit]) -> Result<Vec<explorer::Edited>, Error> {
    let good = vec![Edit::set("openai.layer_1", 1, 2.0)];
    let lists = [edits.to_vec(), good];
    block_on(session.edit_batch(ids, &lists, &TraceOptions::default()))
}

#[test]
fn bad_edits_are_refused_with_their_value_and_leave_nothing_behind() {
    with_demo(|device, session| {
        session
            .load_neurons("neurons", "blocks.2.mlp.hook_post")
            .unwrap();
        let probe = Probe::new(session);
        let ids = token_ids(8);
        let edit = |sae: &str, latent, operation, positions: Option<&[usize]>| Edit {
            sae: sae.to_owned(),
            latent,
            operation,
            positions: positions.map(|all| all.iter().map(|at| *at as u32).collect()),
            when: None,
            on: true,
        };
        let set = EditOperation::Set(1.0);
        let (l3, l5) = ("openai.layer_3", "openai.layer_5");
        let twice =
            |second: Option<&[usize]>| vec![edit(l3, 5, set, Some(&[2])), edit(l3, 5, set, second)];
        let cases = [
            (vec![edit(l3, 4096, set, None)], "bad-option", "4096"),
            (vec![edit("neurons", 1024, set, None)], "bad-option", "1024"),
            (
                vec![edit(l3, u32::MAX, set, None)],
                "bad-option",
                "4294967295",
            ),
            (vec![edit(l5, 1, set, Some(&[0, 8]))], "bad-option", "8"),
            (
                vec![edit(l5, 1, EditOperation::Set(f32::NAN), None)],
                "bad-option",
                "NaN",
            ),
            (
                vec![edit(l5, 1, EditOperation::Add(f32::INFINITY), None)],
                "bad-option",
                "inf",
            ),
            (
                vec![edit(l5, 1, EditOperation::Scale(f32::NEG_INFINITY), None)],
                "bad-option",
                "-inf",
            ),
            (twice(Some(&[1, 2])), "bad-option", "2"),
            (twice(None), "bad-option", "2"),
            (vec![edit("nobody", 1, set, None)], "unknown-sae", "nobody"),
        ];
        for (edits, code, value) in cases {
            let what = format!("{device}, {edits:?}");
            let error = ask(session, &ids, &edits).unwrap_err();
            assert_eq!(error.code(), code, "{what}: {error}");
            assert!(error.to_string().contains(value), "{what}: {error}");
            if code == "bad-option" {
                assert_eq!(error.details()["value"], value, "{what}");
            }
            probe.check(session, &what);
        }
        // One position named twice in one edit is one position.
        let once = ask(session, &ids, &[edit(l3, 5, set, Some(&[2]))]).unwrap();
        let again = ask(session, &ids, &[edit(l3, 5, set, Some(&[2, 2]))]).unwrap();
        same_bits(&again[0].kl_by_position, &once[0].kl_by_position, device);
    });
}

#[test]
fn a_value_beyond_the_bound_is_refused_and_at_it_all_numbers_are_numbers() {
    with_demo(|device, session| {
        let probe = Probe::new(session);
        for value in [3e38, -1.5e6, 1_000_001.0] {
            let edit = Edit::set("openai.layer_3", 7, value);
            let error = ask(session, &token_ids(8), &[edit]).unwrap_err();
            assert_eq!(error.code(), "bad-option", "{device}: {error}");
            let message = error.to_string();
            assert!(message.contains("at most 1000000"), "{device}: {message}");
        }
        for operation in [EditOperation::Set, EditOperation::Add, EditOperation::Scale] {
            let edit = Edit::new("openai.layer_1", 7, operation(-1e6));
            let found = ask(session, &token_ids(8), &[edit]).unwrap();
            let losses = &found[0].token_losses;
            assert!(
                losses.iter().all(|loss| loss.is_finite()),
                "{device}: {losses:?}"
            );
        }
        probe.check(session, device);
    });
}

#[test]
fn bad_prompts_are_refused_with_their_value_and_leave_nothing_behind() {
    with_demo(|device, session| {
        let probe = Probe::new(session);
        let (good, long) = (token_ids(5), token_ids(257));
        let unknown = [1, 2, 8192];
        let cases: [(&[u32], &str, &str); 3] = [
            (&[], "empty-prompt", "empty"),
            (&long, "prompt-too-long", "257"),
            (&unknown, "bad-option", "8192"),
        ];
        let options = options(&["openai.layer_3"]);
        for (bad, code, value) in cases {
            let inputs = [Input::Tokens(&good), Input::Tokens(bad)];
            let traced = block_on(session.trace_batch(&inputs, &options)).unwrap_err();
            let edits = [vec![Edit::set("openai.layer_3", 1, 1.0)]];
            let edited = block_on(session.edit_batch(bad, &edits, &options)).unwrap_err();
            for error in [traced, edited] {
                assert_eq!(error.code(), code, "{device}: {error}");
                assert!(error.to_string().contains(value), "{device}: {error}");
            }
            probe.check(session, device);
        }
        let no_lists = block_on(session.edit_batch(&good, &[], &options)).unwrap();
        assert!(no_lists.is_empty(), "{device}");
        for (top, value) in [(0, "0"), (513, "513")] {
            let options = TraceOptions {
                top_logits: top,
                ..TraceOptions::default()
            };
            let inputs = [Input::Tokens(&good)];
            let error = block_on(session.trace_batch(&inputs, &options)).unwrap_err();
            assert_eq!(error.details()["value"], value, "{device}: {error}");
        }
        let unknown = TraceOptions {
            saes: Some(vec!["nobody".to_owned()]),
            ..TraceOptions::default()
        };
        let inputs = [Input::Tokens(&good)];
        let error = block_on(session.trace_batch(&inputs, &unknown)).unwrap_err();
        assert_eq!(error.code(), "unknown-sae", "{device}");
        assert!(error.to_string().contains("nobody"), "{device}: {error}");
        probe.check(session, device);
    });
}
