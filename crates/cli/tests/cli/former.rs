//! Names that `--json` had before its fields were those of JavaScript: scripts read them, so each is still there, with the same value.

use serde_json::Value;

use crate::common::json;

const TEXT: &str = "Once upon a time there was a king";

/// Former places in what a command prints, and where the same is now.
type Places = &'static [(&'static str, &'static str)];

#[track_caller]
fn same(arguments: &[&str], places: Places) -> Value {
    let printed = json(arguments);
    for (before, now) in places {
        let (old, new) = (printed.pointer(before), printed.pointer(now));
        assert!(old.is_some(), "{before} is gone from {arguments:?}");
        assert_eq!(old, new, "{before} of {arguments:?} is not {now}");
    }
    printed
}

/// Fields of an SAE, which a trace and an evaluation print.
const SAE: Places = &[
    ("/saes/0/n_latents", "/saes/0/nLatents"),
    ("/saes/0/d_in", "/saes/0/dIn"),
    ("/saes/0/norm_scaling_factor", "/saes/0/normScalingFactor"),
    ("/saes/0/prepend_bos", "/saes/0/prependBos"),
    ("/saes/0/context_size", "/saes/0/contextSize"),
    ("/saes/0/model_name", "/saes/0/modelName"),
    ("/saes/0/other_model", "/saes/0/otherModel"),
];

#[test]
fn of_a_trace() {
    let printed = same(
        &["trace", "--prompt", TEXT, "--sae", "demo"],
        &[
            ("/bos_prepended", "/bosPrepended"),
            ("/bos_reason", "/bosReason"),
            ("/token_losses", "/tokenLosses"),
            ("/saes/0/l0", "/saes/0/metrics/l0"),
            ("/saes/0/fvu", "/saes/0/metrics/fvu"),
            ("/saes/0/relative_error", "/saes/0/metrics/relativeError"),
            ("/saes/0/cosine", "/saes/0/metrics/cosine"),
            ("/saes/0/spliced_loss", "/saes/0/metrics/splicedLoss"),
            ("/saes/0/delta_ce", "/saes/0/metrics/deltaCe"),
            ("/saes/0/kl", "/saes/0/metrics/kl"),
            ("/saes/0/positions", "/saes/0/metrics/positions"),
        ],
    );
    same(&["trace", "--prompt", TEXT, "--sae", "demo"], SAE);
    // Features by token are what the two columns hold, and k is the SAE's.
    let sae = &printed["saes"][0];
    assert_eq!((&sae["k"], &sae["slots"]), (&16.into(), &16.into()));
    let last = sae["features"].as_array().unwrap().len() - 1;
    let first = &sae["features"][last][0];
    assert_eq!(first["latent"], sae["latents"][last * 16]);
    assert_eq!(first["activation"], sae["activations"][last * 16]);
    for name in [
        "id",
        "hook",
        "architecture",
        "normalization",
        "weights",
        "notices",
        "skipped",
        "cautions",
    ] {
        assert!(sae.get(name).is_some(), "{name}");
    }
    for name in ["tokens", "next", "loss", "backend", "adapter"] {
        assert!(printed.get(name).is_some(), "{name}");
    }
}

#[test]
fn of_an_evaluation() {
    let arguments = ["evaluate", "--sae", "demo"];
    same(&arguments, SAE);
    let printed = same(
        &arguments,
        &[
            ("/saes/0/relative_error", "/saes/0/relativeError"),
            ("/saes/0/spliced_loss", "/saes/0/splicedLoss"),
            ("/saes/0/delta_ce", "/saes/0/deltaCe"),
            ("/saes/0/window_tokens", "/saes/0/windowTokens"),
            ("/saes/0/bos_prepended", "/saes/0/bosPrepended"),
        ],
    );
    for name in [
        "l0",
        "fvu",
        "cosine",
        "kl",
        "positions",
        "k",
        "loss",
        "tokens",
        "windows",
    ] {
        assert!(printed["saes"][0].get(name).is_some(), "{name}");
    }
}

#[test]
fn of_effects_patches_and_features() {
    let set = ["--sae", "demo", "--set", "openai.layer_3"];
    let effects = [&["effects", "--prompt", TEXT, "--positions", "3"], &set[..]].concat();
    let printed = same(
        &effects,
        &[
            ("/logit_difference", "/logitDifference"),
            ("/effects/0/logit_difference", "/effects/0/logitDifference"),
            ("/effects/0/token_losses", "/effects/0/tokenLosses"),
            ("/effects/0/token_kl", "/effects/0/klByPosition"),
        ],
    );
    assert!(printed.get("target").is_some() && printed.get("distractor").is_some());
    let source = "Once upon a time there was a queen";
    same(
        &["patch", "--prompt", TEXT, "--source", source],
        &[
            ("/source_tokens", "/sourceTokens"),
            ("/logit_differences", "/logitDifferences"),
        ],
    );
    same(
        &[&["feature", "--latent", "903"], &set[..]].concat(),
        &[
            ("/decoder_norm", "/decoderNorm"),
            ("/output_norm", "/outputNorm"),
            ("/encoder_bias", "/encoderBias"),
            ("/logit_effect", "/logitEffect"),
        ],
    );
}
