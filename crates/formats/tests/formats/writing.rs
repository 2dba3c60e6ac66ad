//! Autoencoders that are written come back as they were.

use crate::common::{entries, file, read_folder, read_pt, tensors};
use formats::Error;
use formats::sae::openai::write_pt;
use formats::sae::saelens::{Folder, Precision, write_folder, write_folder_in};
use formats::sae::{
    Architecture, CountedPositions, FileKind, Gate, Normalization, Sae, SaeConfig, SeqposSlice,
    SpecialTokens, sniff,
};
use formats::tensors::TensorFile;
use proptest::prelude::*;

fn from_folder(folder: &Folder) -> Sae {
    let weights =
        TensorFile::from_safetensors("sae_weights.safetensors", folder.weights.clone()).unwrap();
    read_folder(&folder.cfg_json, weights).unwrap()
}

/// What a SAELens folder has no place for.
fn without_frequency(mut sae: Sae) -> Sae {
    sae.firing_frequency = None;
    sae
}

/// What a `.pt` file has no place for.
fn without_origin(mut sae: Sae) -> Sae {
    sae.config.hook_name = None;
    sae.config.model_name = None;
    sae.config.prepend_bos = None;
    sae.config.context_size = None;
    sae.config.center_writing_weights = None;
    sae.config.counted = CountedPositions::default();
    sae
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>, code: &str, culprit: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(
        error.to_string().contains(culprit),
        "`{error}` should name {culprit}"
    );
}

/// 3 latents of 2 inputs.
fn small() -> Sae {
    Sae {
        config: SaeConfig::new(Architecture::Standard, (2, 3), Normalization::None),
        w_enc: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        b_enc: vec![1.0, 2.0, 3.0],
        gate: Gate::None,
        w_dec: vec![6.0, 5.0, 4.0, 3.0, 2.0, 1.0],
        b_dec: vec![0.5, -0.5],
        firing_frequency: None,
    }
}

#[test]
fn the_demos_files_come_back() {
    let sae = read_pt("layer_3.pt", file("tests/fixtures/openai/layer_3.pt")).unwrap();
    let written = write_pt(&sae).unwrap();
    assert_eq!(sniff(&written), FileKind::TorchZip);
    let again = read_pt("again.pt", written.clone()).unwrap();
    assert_eq!(again, sae);
    assert!(write_pt(&again).unwrap() == written);

    let folder = write_folder(&sae).unwrap();
    assert_eq!(from_folder(&folder), without_frequency(sae));
}

#[test]
fn f16_is_written_where_it_is_exact_and_refused_where_it_is_not() {
    let exact = small();
    let folder = write_folder_in(&exact, Precision::F16).unwrap();
    assert_eq!(from_folder(&folder), exact);
    let whole = write_folder(&exact).unwrap();
    assert_eq!(folder.cfg_json, whole.cfg_json);
    assert!(folder.weights.len() < whole.weights.len());
    // 2⁻²⁵ is half of the smallest number that f16 has, 2¹⁶ is above the largest, and 1 + 2⁻¹¹ lies between two.
    for value in [2f32.powi(-25), 65_536.0, 1.0 + 2f32.powi(-11)] {
        let mut sae = small();
        sae.b_dec[1] = value;
        let refusal = write_folder_in(&sae, Precision::F16);
        let named = format!("`b_dec` exactly: element 1 is {value}");
        refused(refusal, "bad-file", &named);
        assert_eq!(from_folder(&write_folder(&sae).unwrap()), sae);
    }
}

#[test]
fn the_folders_of_the_fixtures_come_back() {
    for name in ["blocks.3.hook_resid_post", "blocks.3.hook_resid_post_relu"] {
        let path = format!("tests/fixtures/saelens/{name}");
        let weights = tensors(&format!("{path}/sae_weights.safetensors"));
        let sae = read_folder(&file(&format!("{path}/cfg.json")), weights).unwrap();
        let folder = write_folder(&sae).unwrap();
        let again = from_folder(&folder);
        assert_eq!(again, sae);
        assert!(write_folder(&again).unwrap() == folder);
        let pt = read_pt("x.pt", write_pt(&sae).unwrap()).unwrap();
        assert_eq!(pt, without_origin(sae));
    }
}

#[test]
fn a_folded_decoder_norm_is_not_folded_again() {
    let cfg = br#"{"architecture": "topk", "d_in": 2, "d_sae": 3, "k": 1, "rescale_acts_by_decoder_norm": true}"#;
    let source = write_folder(&small()).unwrap();
    let weights = TensorFile::from_safetensors("w", source.weights).unwrap();
    let sae = read_folder(cfg, weights).unwrap();
    assert_eq!(from_folder(&write_folder(&sae).unwrap()), sae);
}

/// s = 0.5, x = (3, 4), W_enc = I, W_dec = diag(1, 0.5), b_dec = (0.5, 0.5): z = (1, 1.5), x̂ = (3, 2.5) in any reader.
#[test]
fn a_scaling_factor_is_folded_for_saelens() {
    let mut sae = Sae {
        config: SaeConfig::new(Architecture::Standard, (2, 2), Normalization::None),
        w_enc: vec![1.0, 0.0, 0.0, 1.0],
        b_enc: vec![0.0; 2],
        gate: Gate::None,
        w_dec: vec![1.0, 0.0, 0.0, 0.5],
        b_dec: vec![0.5; 2],
        firing_frequency: None,
    };
    sae.config.normalization = Normalization::ExpectedAverageOnlyIn {
        norm_scaling_factor: Some(0.5),
    };
    let folder = write_folder(&sae).unwrap();
    let cfg: serde_json::Value = serde_json::from_slice(&folder.cfg_json).unwrap();
    assert_eq!(cfg["normalize_activations"], "none");
    assert!(!cfg.to_string().contains("norm_scaling_factor"), "{cfg}");
    let read = from_folder(&folder);
    // As any reader computes it.
    let encode = |sae: &Sae, x: [f32; 2]| -> Vec<f32> {
        let s = [x[0] - sae.b_dec[0], x[1] - sae.b_dec[1]];
        let rows = sae.w_enc.chunks(2).zip(&sae.b_enc);
        rows.map(|(w, b)| (s[0] * w[0] + s[1] * w[1] + b).max(0.0))
            .collect()
    };
    let z = encode(&read, [3.0, 4.0]);
    assert_eq!(z, [1.0, 1.5]);
    let decode = |i: usize| z[0] * read.w_dec[i] + z[1] * read.w_dec[2 + i] + read.b_dec[i];
    assert_eq!([decode(0), decode(1)], [3.0, 2.5]);
    // Without a factor there is nothing to fold, and the setting is kept.
    sae.config.normalization = Normalization::ExpectedAverageOnlyIn {
        norm_scaling_factor: None,
    };
    let cfg = write_folder(&sae).unwrap().cfg_json;
    let cfg: serde_json::Value = serde_json::from_slice(&cfg).unwrap();
    assert_eq!(cfg["normalize_activations"], "expected_average_only_in");
    // What no number holds is refused, not written.
    sae.config.normalization = Normalization::ExpectedAverageOnlyIn {
        norm_scaling_factor: Some(1e-30),
    };
    sae.w_dec = vec![1e30; 4];
    refused(write_folder(&sae), "non-finite-weights", "`w_dec`");
}

#[test]
fn positions_that_do_not_count_are_written_as_saelens_has_them() {
    let mut sae = small();
    sae.config.counted = CountedPositions {
        exclude_special_tokens: SpecialTokens::All,
        seqpos_slice: Some(SeqposSlice {
            start: Some(3),
            stop: None,
            step: None,
        }),
        skipped_positions: vec![5],
    };
    let cfg = write_folder(&sae).unwrap().cfg_json;
    let cfg: serde_json::Value = serde_json::from_slice(&cfg).unwrap();
    let metadata = &cfg["metadata"];
    assert_eq!(metadata["exclude_special_tokens"], true);
    assert_eq!(metadata["seqpos_slice"], serde_json::json!([3, null]));
    assert_eq!(metadata["skipped_positions"], serde_json::json!([5]));
}

#[test]
fn what_a_pt_file_cannot_hold_is_refused() {
    let refuse = |change: &dyn Fn(&mut Sae), culprit: &str| {
        let mut sae = small();
        change(&mut sae);
        write_folder(&sae).unwrap();
        refused(write_pt(&sae), "unsupported-architecture", culprit);
    };
    let jump = |sae: &mut Sae| {
        sae.config.architecture = Architecture::JumpRelu;
        sae.gate = Gate::Threshold(vec![0.0; 3]);
    };
    refuse(&jump, "`jumprelu`");
    let gated = |sae: &mut Sae| {
        sae.config.architecture = Architecture::Gated;
        sae.b_enc = vec![0.0; 3];
        sae.gate = Gate::Gated {
            b_gate: vec![0.0; 3],
            r_mag: vec![0.0; 3],
            b_mag: vec![0.0; 3],
        };
    };
    refuse(&gated, "`gated`");
    let raw_topk = |sae: &mut Sae| sae.config.architecture = Architecture::TopK { k: 1 };
    refuse(&raw_topk, "topk with the normalisation `none`");
    let normal = |sae: &mut Sae| sae.config.normalization = Normalization::LayerNorm;
    refuse(&normal, "standard with the normalisation `layer_norm`");
    let average = |sae: &mut Sae| {
        sae.config.normalization = Normalization::ExpectedAverageOnlyIn {
            norm_scaling_factor: Some(2.0),
        };
    };
    refuse(
        &average,
        "standard with the normalisation `expected_average_only_in`",
    );
    let kept = |sae: &mut Sae| sae.config.apply_b_dec_to_input = false;
    refuse(&kept, "apply_b_dec_to_input");
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let refuse = |change: &dyn Fn(&mut Sae), code: &str, culprit: &str| {
        let mut sae = small();
        change(&mut sae);
        refused(write_folder(&sae), code, culprit);
        refused(write_pt(&sae), code, culprit);
    };
    refuse(&|s| s.w_enc.truncate(5), "wrong-shape", "`w_enc`");
    refuse(&|s| s.b_dec.push(0.0), "wrong-shape", "`b_dec`");
    refuse(&|s| s.b_enc[1] = f32::NAN, "non-finite-weights", "`b_enc`");
    refuse(
        &|s| s.gate = Gate::Threshold(vec![0.0; 3]),
        "bad-file",
        "`gate`",
    );
    refuse(&|s| s.config.d_in = 0, "bad-file", "`d_in`");
    refuse(&|s| s.config.d_in = 1 << 60, "bad-file", "`d_in`");
    refuse(
        &|s| s.config.context_size = Some(0),
        "bad-file",
        "`context_size`",
    );
    let k = |s: &mut Sae| s.config.architecture = Architecture::TopK { k: 4 };
    refuse(&k, "bad-file", "`k`");
    let gated = |s: &mut Sae| {
        s.config.architecture = Architecture::Gated;
        let zeros = || vec![0.0; 3];
        s.gate = Gate::Gated {
            b_gate: zeros(),
            r_mag: zeros(),
            b_mag: zeros(),
        };
    };
    refuse(&gated, "bad-file", "`b_enc`");
    for factor in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let scaled = |s: &mut Sae| {
            s.config.normalization = Normalization::ExpectedAverageOnlyIn {
                norm_scaling_factor: Some(factor),
            };
        };
        refuse(&scaled, "bad-file", "`norm_scaling_factor`");
    }
    refuse(
        &|s| s.firing_frequency = Some(vec![2.0; 3]),
        "bad-file",
        "`firing_frequency`",
    );
    refuse(
        &|s| s.firing_frequency = Some(vec![0.5]),
        "wrong-shape",
        "`firing_frequency`",
    );
}

/// Finite numbers of every size, subnormal ones and both zeros among them.
fn floats(count: usize) -> impl Strategy<Value = Vec<f32>> {
    let finite = any::<u32>()
        .prop_map(f32::from_bits)
        .prop_filter("finite", |v| v.is_finite());
    proptest::collection::vec(finite, count)
}

fn counted() -> impl Strategy<Value = CountedPositions> {
    let special = prop_oneof![
        Just(SpecialTokens::None),
        Just(SpecialTokens::All),
        proptest::collection::vec(any::<u32>(), 0..3).prop_map(SpecialTokens::Ids),
    ];
    let step = proptest::option::of(1..5i64);
    let slice = (any::<Option<i64>>(), any::<Option<i64>>(), step)
        .prop_filter("a slice that leaves something out", |slice| {
            *slice != (None, None, None)
        })
        .prop_map(|(start, stop, step)| SeqposSlice { start, stop, step });
    let skipped = proptest::collection::vec(0..100usize, 0..3);
    (special, proptest::option::of(slice), skipped).prop_map(
        |(exclude_special_tokens, seqpos_slice, skipped_positions)| CountedPositions {
            exclude_special_tokens,
            seqpos_slice,
            skipped_positions,
        },
    )
}

fn config(d_in: usize, d_sae: usize) -> impl Strategy<Value = SaeConfig> {
    let architecture = prop_oneof![
        Just(Architecture::Standard),
        (1..=d_sae).prop_map(|k| Architecture::TopK { k }),
        Just(Architecture::JumpRelu),
        Just(Architecture::Gated),
    ];
    let normalization = prop_oneof![
        Just(Normalization::None),
        Just(Normalization::LayerNorm),
        Just(Normalization::ConstantNormRescale),
        proptest::option::of(f32::MIN_POSITIVE..f32::MAX).prop_map(|norm_scaling_factor| {
            Normalization::ExpectedAverageOnlyIn {
                norm_scaling_factor,
            }
        }),
    ];
    let text = || proptest::option::of("blocks\\.[0-9]\\.attn\\.hook_z|[a-z\"\\\\ é\n]{0,8}");
    let rest = (
        text(),
        text(),
        any::<Option<bool>>(),
        proptest::option::of(1..2000usize),
        counted(),
        any::<Option<bool>>(),
    );
    (architecture, normalization, any::<bool>(), rest).prop_map(
        move |(architecture, normalization, apply_b_dec_to_input, rest)| SaeConfig {
            architecture,
            d_in,
            d_sae,
            normalization,
            apply_b_dec_to_input,
            hook_name: rest.0,
            model_name: rest.1,
            prepend_bos: rest.2,
            context_size: rest.3,
            counted: rest.4,
            center_writing_weights: rest.5,
        },
    )
}

fn sae() -> impl Strategy<Value = Sae> {
    (1..6usize, 1..8usize).prop_flat_map(|(d_in, d_sae)| {
        let latents = (floats(d_sae), floats(d_sae), floats(d_sae));
        let matrices = (floats(d_in * d_sae), floats(d_in * d_sae), floats(d_in));
        let frequency = proptest::option::of(proptest::collection::vec(0.0..1.0f32, d_sae));
        (config(d_in, d_sae), matrices, latents, frequency).prop_map(
            |(config, (w_enc, w_dec, b_dec), (a, b, c), firing_frequency)| {
                let (b_enc, gate) = match config.architecture {
                    Architecture::JumpRelu => (a, Gate::Threshold(b)),
                    Architecture::Gated => {
                        let gate = Gate::Gated {
                            b_gate: a,
                            r_mag: b,
                            b_mag: c,
                        };
                        (vec![0.0; config.d_sae], gate)
                    }
                    _ => (a, Gate::None),
                };
                Sae {
                    config,
                    w_enc,
                    b_enc,
                    gate,
                    w_dec,
                    b_dec,
                    firing_frequency,
                }
            },
        )
    })
}

proptest! {
    #[test]
    fn any_autoencoder_comes_back_from_a_folder(sae in sae()) {
        let Ok(folder) = write_folder(&sae) else {
            // A factor and weights whose product is out of range.
            let folded = sae.with_folded_factor().unwrap();
            let weights = [&folded.w_enc, &folded.w_dec, &folded.b_dec];
            prop_assert!(weights.iter().any(|w| w.iter().any(|v| !v.is_finite())));
            return Ok(());
        };
        let again = from_folder(&folder);
        prop_assert!(write_folder(&again).unwrap() == folder);
        let sae = sae.with_folded_factor().unwrap_or(sae);
        prop_assert_eq!(again, without_frequency(sae));
    }

    #[test]
    fn any_autoencoder_that_a_pt_file_can_hold_comes_back_from_it(mut sae in sae()) {
        sae.config.apply_b_dec_to_input = true;
        sae.gate = Gate::None;
        sae.config.normalization = match sae.config.architecture {
            Architecture::TopK { .. } => Normalization::LayerNorm,
            _ => Normalization::None,
        };
        if !matches!(sae.config.architecture, Architecture::TopK { .. }) {
            sae.config.architecture = Architecture::Standard;
        }
        let written = write_pt(&sae).unwrap();
        let again = read_pt("x.pt", written.clone()).unwrap();
        prop_assert!(write_pt(&again).unwrap() == written);
        prop_assert_eq!(again, without_origin(sae));
    }
}

#[test]
fn a_pt_file_is_laid_out_as_torch_does() {
    let mut sae = small();
    sae.config.architecture = Architecture::TopK { k: 2 };
    sae.config.normalization = Normalization::LayerNorm;
    let bytes = write_pt(&sae).unwrap();
    let listed = entries("x.pt", &bytes).unwrap();
    assert_eq!(listed.len(), 7);
    assert_eq!(
        (listed[2].name.as_str(), listed[2].dtype.as_str()),
        ("stats_last_nonzero", "I64")
    );
    assert_eq!(
        (listed[5].dtype.as_str(), listed[5].shape.as_slice()),
        ("F32", &[3, 2][..])
    );
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
    let names: Vec<String> = zip
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    let mut expected = vec![
        "archive/data.pkl".to_owned(),
        "archive/byteorder".to_owned(),
    ];
    expected.extend((0..7).map(|key| format!("archive/data/{key}")));
    expected.push("archive/version".to_owned());
    assert_eq!(names, expected);
    for at in 0..zip.len() {
        let entry = zip.by_index(at).unwrap();
        assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
        assert_eq!(entry.data_start().unwrap() % 64, 0);
    }
}
