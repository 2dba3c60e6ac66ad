//! Patching of the residual stream against torch, and what makes no experiment.

use crate::common::{demo_on, read, root, token_ids, with_demo};
use explorer::StreamPatchOptions;
use kernels::Device;
use pollster::block_on;
use serde_json::Value;

#[test]
fn patches_are_the_references() {
    let reference = read(&root().join("tests/fixtures/demo-patching.json"));
    let reference: Value = serde_json::from_slice(&reference).unwrap();
    let ids = |name: &str| -> Vec<u32> {
        let ids = reference[name].as_array().unwrap().iter();
        ids.map(|id| id.as_u64().unwrap() as u32).collect()
    };
    let number = |value: &Value| value.as_f64().unwrap();
    with_demo(|device, session| {
        let options = StreamPatchOptions::default();
        let found =
            block_on(session.patch_stream(&ids("prompt"), &ids("source"), options)).unwrap();
        let near = |found: f64, expected: &Value, bound: f64, what: &str| {
            let error = (found - number(expected)).abs();
            assert!(error <= bound, "{device}, {what}: {found}, not {expected}");
        };
        // The likeliest tokens after both prompts.
        assert_eq!(
            u64::from(found.target.id),
            reference["target"].as_u64().unwrap()
        );
        assert_eq!(
            u64::from(found.distractor.id),
            reference["distractor"].as_u64().unwrap()
        );
        near(found.clean, &reference["clean"], 1e-4, "clean");
        near(
            found.source,
            &reference["source_difference"],
            1e-4,
            "source",
        );
        let hooks = reference["hooks"].as_array().unwrap();
        assert_eq!(found.hooks.len(), hooks.len());
        let tokens = found.tokens.len();
        for (row, (name, expected)) in found.hooks.iter().zip(hooks).enumerate() {
            assert_eq!(*name, expected["name"]);
            for position in 0..tokens {
                let what = format!("{name} at {position}");
                let expected_difference = &expected["logit_differences"][position];
                near(
                    found.logit_differences[row][position],
                    expected_difference,
                    1e-3,
                    &what,
                );
                let kl = number(&expected["kl"][position]);
                near(
                    found.kl[row][position],
                    &expected["kl"][position],
                    1e-3 * kl + 1e-6,
                    &what,
                );
            }
        }
        // The last stream at the last position is the source's answer, and elsewhere it decides nothing.
        let last = found.logit_differences.last().unwrap();
        assert!((last[tokens - 1] - found.source).abs() < 1e-4);
        assert!((last[tokens - 2] - found.clean).abs() < 1e-4);
    });
}

#[test]
fn prompts_of_other_lengths_and_tokens_that_cannot_be_compared_are_refused() {
    let session = demo_on(Device::cpu());
    let ids = token_ids(12);
    let patched = |source: &[u32], tokens| {
        let options = StreamPatchOptions {
            tokens,
            ..StreamPatchOptions::default()
        };
        block_on(session.patch_stream(&ids[..8], source, options))
    };
    let error = patched(&ids[..7], None).unwrap_err();
    assert_eq!(error.code(), "bad-option");
    assert!(error.to_string().contains("7 tokens"), "{error}");
    // Of a prompt with itself the likeliest tokens are the same.
    for tokens in [None, Some((5, 5)), Some((5, 1 << 20))] {
        let error = patched(&ids[..8], tokens).unwrap_err();
        assert_eq!(error.code(), "bad-option", "{tokens:?}: {error}");
    }
    let same = patched(&ids[..8], Some((5, 6))).unwrap();
    let all = same.logit_differences.iter().flatten();
    assert!(all.into_iter().all(|difference| *difference == same.clean));
    assert!(same.kl.iter().flatten().all(|kl| *kl == 0.0));
}
