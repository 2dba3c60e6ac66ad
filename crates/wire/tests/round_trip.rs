//! Every result comes back from JSON as it was, and options that do not exist are refused by name.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wire::*;

fn back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Value {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value);
    serde_json::from_str(&text).unwrap()
}

fn token() -> NextToken {
    NextToken {
        id: 3,
        text: "é".to_owned(),
        logit: -1.5,
        prob: 0.25,
    }
}

fn metrics() -> Metrics {
    Metrics {
        l0: Some(2.0),
        fvu: None,
        delta_ce: Some(-0.5),
        positions: 7,
        ..Metrics::default()
    }
}

fn sae_info() -> SaeInfo {
    SaeInfo {
        id: "a".to_owned(),
        hook: "blocks.0.hook_resid_pre".to_owned(),
        k: Some(4),
        norm_scaling_factor: Some(0.5),
        prepend_bos: Some(true),
        model_name: Some("gpt2".to_owned()),
        notices: vec!["one".to_owned()],
        origin: Some(Origin {
            commit: Some("0".repeat(40)),
            ..Origin::default()
        }),
        ..SaeInfo::default()
    }
}

fn model_info() -> ModelInfo {
    ModelInfo {
        id: "m".to_owned(),
        eos: vec![1, 2],
        bos: Some(0),
        ..ModelInfo::default()
    }
}

fn trace() -> Trace {
    Trace {
        tokens: vec![Token::default(); 2],
        loss: Some(1.5),
        token_losses: vec![1.5],
        next: vec![token()],
        next_by_position: vec![vec![token()], Vec::new()],
        saes: vec![SaeTrace {
            id: "a".to_owned(),
            k: 2,
            latents: vec![4, -1, 5, 6],
            activations: vec![1.0, 0.0, 2.0, 1.0],
            metrics: metrics(),
            skipped: vec![0],
            cautions: vec!["one".to_owned()],
            ..SaeTrace::default()
        }],
        milliseconds: 12.5,
        ..Trace::default()
    }
}

fn feature() -> Feature {
    let value = TokenValue {
        id: 1,
        text: "a".to_owned(),
        value: 0.5,
    };
    Feature {
        latent: 9,
        decoder_norm: 1.0,
        logit_effect: LogitEffect {
            top: vec![value.clone()],
            bottom: vec![value],
        },
        nearest: vec![Neighbour {
            latent: 2,
            cosine: 0.75,
        }],
        ..Feature::default()
    }
}

#[test]
fn every_result_comes_back() {
    let json = back(&trace());
    assert_eq!(json["saes"][0]["latents"], json!([4, -1, 5, 6]));
    assert_eq!(json["saes"][0]["metrics"]["deltaCe"], -0.5);
    assert_eq!(json["saes"][0]["metrics"]["fvu"], Value::Null);
    assert_eq!(json["nextByPosition"][0][0]["prob"], 0.25);
    back(&feature());
    back(&sae_info());
    back(&model_info());
    back(&Info {
        model: Some(model_info()),
        saes: vec![sae_info()],
        device_bytes: 5,
        last_trace_milliseconds: Some(2.0),
        ..Info::default()
    });
    back(&Evaluation {
        info: sae_info(),
        metrics: metrics(),
        loss: Some(3.0),
        tokens: 9,
        windows: 2,
        window_tokens: 5,
        bos_prepended: true,
        cautions: Vec::new(),
    });
    back(&Edited {
        token_losses: vec![0.5],
        kl: Some(0.25),
        kl_by_position: vec![0.0, 0.5],
        logits: Some(Matrix::new(1, 2, vec![0.5, 1.0])),
        ..Edited::default()
    });
    back(&Taps {
        values: vec![Tapped {
            name: "a".to_owned(),
            shape: vec![1, 1, 1],
            data: vec![1.0],
        }],
        logit_lens: vec![Lens {
            layer: 3,
            token_losses: vec![1.0],
            ..Lens::default()
        }],
        ..Taps::default()
    });
    let json = back(&Generation {
        ids: vec![1],
        stop: Stop::ContextFull,
        ..Generation::default()
    });
    assert_eq!(json["stop"], "context-full");
    back(&SampleLoss::default());
    back(&Tokenization::default());
    back(&SaeConfig::default());
    back(&Recorded {
        model: model_info(),
        sae: sae_info(),
        trace: trace(),
        features: vec![feature()],
        ..Recorded::default()
    });
}

#[test]
fn options_have_defaults_and_unknown_ones_are_refused() {
    let options: TraceOptions = serde_json::from_value(json!({})).unwrap();
    assert_eq!(options, TraceOptions::default());
    let options: TraceOptions =
        serde_json::from_value(json!({"bos": true, "topLogits": 3})).unwrap();
    assert_eq!((options.bos, options.top_logits), (Bos::Yes, 3));
    let edit: Edit = serde_json::from_value(json!({"sae": "a", "latent": 1, "value": 2})).unwrap();
    assert_eq!(edit, Edit::set("a", 1, 2.0));
    let refused = |error: serde_json::Error, name: &str| {
        assert!(error.to_string().contains(name), "{error}");
    };
    for name in ["topLogit", "dump", "logits"] {
        let unknown = serde_json::from_value::<TraceOptions>(json!({name: 1}));
        refused(unknown.unwrap_err(), name);
    }
    let unknown = serde_json::from_value::<TraceOptions>(json!({"bos": "maybe"}));
    refused(unknown.unwrap_err(), "maybe");
    let missing = serde_json::from_value::<GenerateOptions>(json!({}));
    refused(missing.unwrap_err(), "maxTokens");
    let missing = serde_json::from_value::<Edit>(json!({"sae": "a", "latent": 1}));
    refused(missing.unwrap_err(), "value");
}
