//! What the program says about files that load although something in them was left open, is left over, or looks wrong.

use std::fs;
use std::path::Path;

use crate::common;
use crate::common::{bare, folder, json, model_folder, notes, path, root, run, without_notes};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json as object};

/// Changes a JSON file.
fn edit(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    change(&mut value);
    fs::write(file, value.to_string()).unwrap();
}

/// Changes a safetensors file: its tensors by name, each with its type, shape and bytes.
fn edit_tensors(
    file: &Path,
    mut change: impl FnMut(&str, &mut Dtype, &mut Vec<usize>, &mut Vec<u8>),
) {
    let bytes = fs::read(file).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let changed: Vec<_> = tensors
        .iter()
        .map(|(name, view)| {
            let (mut dtype, mut shape, mut data) =
                (view.dtype(), view.shape().to_vec(), view.data().to_vec());
            change(name, &mut dtype, &mut shape, &mut data);
            (name.to_owned(), dtype, shape, data)
        })
        .collect();
    let views = changed.iter().map(|(name, dtype, shape, data)| {
        (name, TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    fs::write(file, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// The demo's SAELens folder with other settings.
fn sae_folder(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let folder = folder(name);
    for file in ["cfg.json", "sae_weights.safetensors"] {
        let from = root()
            .join("tests/fixtures/saelens/blocks.3.hook_resid_post")
            .join(file);
        fs::copy(from, folder.join(file)).unwrap();
    }
    edit(&folder.join("cfg.json"), change);
    folder.display().to_string()
}

/// The model of two blocks and single bytes.
fn tiny_model(name: &str) -> std::path::PathBuf {
    let folder = folder(name);
    let fixtures = root().join("tests/fixtures/formats");
    for file in [
        "gpt2/bare-f32/config.json",
        "gpt2/bare-f32/model.safetensors",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
    ] {
        let from = fixtures.join(file);
        fs::copy(&from, folder.join(from.file_name().unwrap())).unwrap();
    }
    folder
}

fn shown(folder: &Path) -> String {
    folder.display().to_string()
}

fn has(notes: &[String], words: &str) -> bool {
    notes.iter().any(|note| note.contains(words))
}

#[test]
fn what_an_autoencoders_file_leaves_open_is_said_by_every_command() {
    let sae = sae_folder("notices_open", |cfg| {
        cfg["normalize_activations"] = "expected_average_only_in".into();
        cfg["metadata"].as_object_mut().unwrap().remove("hook_name");
        cfg["metadata"]["hf_hook_name"] = "transformer.h.3".into();
    });
    let said = [
        "without norm_scaling_factor",
        "transformer.h.3 is blocks.3.hook_resid_post",
    ];
    let trace = run(&["trace", "--prompt", "the king", "--sae", &sae]);
    let evaluated = run(&["evaluate", "--sae", &sae]);
    for output in [&trace, &evaluated] {
        assert!(output.status.success());
        for words in said {
            assert!(has(&notes(output), words), "{:?}", notes(output));
        }
    }
    let report: Value = serde_json::from_slice(&bare(&["inspect", &sae, "--json"]).stdout).unwrap();
    let traced = json(&["trace", "--prompt", "the king", "--sae", &sae]);
    for notices in [&report["notices"], &traced["saes"][0]["notices"]] {
        let notices: Vec<String> = serde_json::from_value(notices.clone()).unwrap();
        for words in said {
            assert!(has(&notices, words), "{notices:?}");
        }
    }
    let out = shown(&folder("notices_open_out").join("sae"));
    let exported = bare(&["export", &sae, "--to", "saelens", &out]);
    assert!(exported.status.success());
    assert!(has(
        &notes(&exported),
        "is written as blocks.3.hook_resid_post"
    ));
    let cfg: Value =
        serde_json::from_slice(&fs::read(Path::new(&out).join("cfg.json")).unwrap()).unwrap();
    assert_eq!(cfg["metadata"]["hook_name"], "blocks.3.hook_resid_post");
}

#[test]
fn a_factor_is_folded_on_export_and_positions_go_with_it() {
    let sae = sae_folder("notices_factor", |cfg| {
        cfg["normalize_activations"] = "expected_average_only_in".into();
        cfg["norm_scaling_factor"] = 0.5.into();
        cfg["metadata"]["exclude_special_tokens"] = object!([8191]);
        cfg["metadata"]["seqpos_slice"] = object!([1, null]);
    });
    let out = shown(&folder("notices_factor_out").join("sae"));
    let exported = bare(&["export", &sae, "--to", "saelens", &out]);
    assert!(exported.status.success());
    let said = notes(&exported);
    assert!(
        has(&said, "norm_scaling_factor = 0.5 is folded"),
        "{said:?}"
    );
    assert!(
        has(
            &said,
            "skipped_positions is a setting that SAELens does not know"
        ),
        "{said:?}"
    );
    let cfg: Value =
        serde_json::from_slice(&fs::read(Path::new(&out).join("cfg.json")).unwrap()).unwrap();
    assert_eq!(cfg["normalize_activations"], "none");
    assert_eq!(cfg["metadata"]["exclude_special_tokens"], object!([8191]));
    assert_eq!(cfg["metadata"]["seqpos_slice"], object!([1, null]));
    // The same function: latents, and how well they reconstruct.
    let trace = |sae: &str| json(&["trace", "--prompt", "the king", "--sae", sae]);
    let (before, after) = (trace(&sae), trace(&out));
    let fvu = |trace: &Value| trace["saes"][0]["fvu"].as_f64().unwrap();
    assert!((fvu(&before) - fvu(&after)).abs() <= 1e-5 * fvu(&before));
    let latents = |trace: &Value| -> Vec<i64> {
        let features = trace["saes"][0]["features"][1].as_array().unwrap();
        features
            .iter()
            .map(|f| f["latent"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(latents(&before), latents(&after));
    // A .pt file has no place for positions.
    let relu = path("tests/fixtures/saelens/blocks.3.hook_resid_post_relu");
    let pt = shown(&folder("notices_factor_pt").join("sae.pt"));
    let exported = bare(&["export", &relu, "--to", "openai", &pt]);
    let said = without_notes(&String::from_utf8(exported.stderr).unwrap());
    assert!(
        said.contains("the positions that training left out"),
        "{said}"
    );
}

#[test]
fn a_transposed_square_matrix_is_seen_by_its_numbers_and_by_the_loss() {
    let transpose = |folder: &Path| {
        edit_tensors(
            &folder.join("model.safetensors"),
            |name, dtype, shape, data| {
                if name.ends_with("attn.c_proj.weight") {
                    assert_eq!((*dtype, shape.as_slice()), (Dtype::F16, &[256, 256][..]));
                    let old = data.clone();
                    for (i, new) in data.chunks_exact_mut(2).enumerate() {
                        let from = 2 * (i % 256 * 256 + i / 256);
                        new.copy_from_slice(&old[from..from + 2]);
                    }
                }
            },
        );
    };
    let report = |model: &str| -> Value {
        serde_json::from_slice(&bare(&["inspect", model, "--json"]).stdout).unwrap()
    };
    let sound = report(&path("web/demo/model"));
    let transposed = model_folder("notices_transposed", transpose);
    let wrong = report(&transposed);
    assert_eq!(
        (&sound["problems"], &wrong["problems"]),
        (&object!([]), &object!([]))
    );
    assert_eq!(sound["notices"], object!([]));
    let notices: Vec<String> = serde_json::from_value(wrong["notices"].clone()).unwrap();
    assert!(
        has(
            &notices,
            "attn.c_proj.weight seems to be transposed in h.0, h.1, h.2, h.3, h.4, h.5"
        ),
        "{notices:?}"
    );
    // By NumPy in float64.
    let computed = fs::read(path("tests/fixtures/demo-metrics.json")).unwrap();
    let computed: Value = serde_json::from_slice(&computed).unwrap();
    let computed = computed["sample_loss"].as_f64().unwrap();
    let fact = |report: &Value, name: &str| report["facts"][name].as_f64().unwrap();
    let loss = |report: &Value| fact(report, "loss_on_the_sample_text");
    assert!((loss(&sound) - computed).abs() < 1e-3, "{}", loss(&sound));
    assert!(loss(&wrong) > loss(&sound) + 0.5, "{}", loss(&wrong));
    let vocabulary = fact(&sound, "tokenizer's_vocabulary");
    assert!((fact(&sound, "loss_by_chance") - vocabulary.ln()).abs() < 1e-4);
    assert!(sound["facts"]["usual_for_a_trained_model"].is_string());
    let loaded = run(&["trace", "--model", &transposed, "--prompt", "the"]);
    let said = format!("loss on the sample text: {:.2}", loss(&wrong));
    for words in ["seems to be transposed", &said] {
        assert!(has(&notes(&loaded), words), "{:?}", notes(&loaded));
    }
}

#[test]
fn an_untrained_model_is_cautioned() {
    let model = shown(&tiny_model("notices_untrained"));
    let loaded = run(&["trace", "--model", &model, "--prompt", "abc"]);
    assert!(loaded.status.success());
    assert!(
        has(&notes(&loaded), "caution: the loss on plain English prose"),
        "{:?}",
        notes(&loaded)
    );
}

#[test]
fn generation_stops_at_the_end_of_text_that_the_configuration_states() {
    let model = tiny_model("notices_eos");
    let generate = || {
        json(&[
            "generate",
            "--model",
            &shown(&model),
            "--prompt",
            "a",
            "--max-tokens",
            "4",
        ])
    };
    let free = generate();
    assert_eq!(free["stop"], "max-tokens");
    let ids = free["ids"].as_array().unwrap().clone();
    let stops = |eos: Value| {
        edit(&model.join("config.json"), |config| {
            config["eos_token_id"] = eos
        });
        generate()
    };
    for eos in [ids[0].clone(), object!([7, ids[0]])] {
        let stopped = stops(eos);
        assert_eq!(
            (&stopped["ids"], &stopped["stop"]),
            (&object!([]), &object!("end-of-text"))
        );
    }
    // What is left over from another model is not used, and does not refuse this one.
    edit(&model.join("config.json"), |config| {
        config["bos_token_id"] = 50_256.into()
    });
    let left_over = stops(50_256.into());
    assert_eq!(left_over["ids"], free["ids"]);
    let output = run(&[
        "trace",
        "--model",
        &shown(&model),
        "--prompt",
        "a",
        "--bos",
        "yes",
        "--json",
    ]);
    for name in ["bos_token_id = 50256", "eos_token_id = 50256"] {
        assert!(has(&notes(&output), name), "{:?}", notes(&output));
    }
    let trace: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(trace["tokens"][0]["id"], 256);
}

#[test]
fn ids_without_a_text_are_shown_by_their_number_and_end_nothing() {
    let model = tiny_model("notices_padded");
    // 43 rows more, the last of which is always the likeliest token.
    edit_tensors(&model.join("model.safetensors"), |name, _, shape, data| {
        let put = |data: &mut Vec<u8>, at: usize, value: f32| {
            data[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes())
        };
        if name == "wte.weight" {
            shape[0] = 300;
            data.resize(4 * 300 * 32, 0);
            put(data, 299 * 32, 20.0);
        } else if name == "ln_f.bias" {
            put(data, 0, 20.0);
        }
    });
    edit(&model.join("config.json"), |config| {
        config["vocab_size"] = 300.into();
        config["eos_token_id"] = 299.into();
    });
    let arguments = [
        "generate",
        "--model",
        &shown(&model),
        "--prompt",
        "a",
        "--max-tokens",
        "3",
    ];
    let generated = json(&arguments);
    assert_eq!(generated["ids"], object!([299, 299, 299]));
    assert_eq!(generated["stop"], "max-tokens");
    assert_eq!(generated["text"], "<token 299><token 299><token 299>");
    assert_eq!(generated["tokens"][0]["text"], "<token 299>");
    let output = run(&arguments);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "<token 299><token 299><token 299>\n"
    );
    assert!(
        has(
            &notes(&output),
            "43 of the vocabulary's 300 ids have no text"
        ),
        "{:?}",
        notes(&output)
    );
    assert!(
        has(&notes(&output), "eos_token_id = 299, which has no text"),
        "{:?}",
        notes(&output)
    );
    let trace = json(&["trace", "--model", &shown(&model), "--prompt", "a"]);
    assert_eq!(trace["next"][0]["text"], "<token 299>");
}

#[test]
fn circuit_tracers_files_are_called_transcoders() {
    let folder = folder("notices_transcoders");
    let tensor =
        |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let shapes: [(&str, &[usize]); 5] = [
        ("W_enc", &[16, 8]),
        ("W_dec", &[16, 8]),
        ("b_enc", &[16]),
        ("b_dec", &[8]),
        ("activation_function.threshold", &[16]),
    ];
    let data: Vec<_> = shapes
        .iter()
        .map(|(name, shape)| {
            (
                *name,
                shape.to_vec(),
                tensor(&vec![0.5; shape.iter().product()]),
            )
        })
        .collect();
    let views = data.iter().map(|(name, shape, data)| {
        (
            *name,
            TensorView::new(Dtype::F32, shape.clone(), data).unwrap(),
        )
    });
    let layer = folder.join("layer_0.safetensors");
    fs::write(&layer, safetensors::serialize(views, None).unwrap()).unwrap();
    let yaml = "model_kind: transcoder_set\nfeature_input_hook: mlp.hook_in\nfeature_output_hook: mlp.hook_out\n";
    fs::write(folder.join("config.yaml"), yaml).unwrap();
    for place in [shown(&folder), shown(&layer)] {
        common::refused(
            &["trace", "--prompt", "a", "--sae", &place],
            "unsupported-architecture",
            &["transcoder", &place],
        );
        let output = bare(&["inspect", &place, "--json"]);
        assert_eq!(output.status.code(), Some(1));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let message = report["problems"][0]["message"].as_str().unwrap();
        assert!(message.contains("is of a transcoder"), "{message}");
    }
    // Another program's config.yaml means nothing.
    fs::write(folder.join("config.yaml"), "learning_rate: 1\n").unwrap();
    let output = bare(&["inspect", &shown(&folder)]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("is of a transcoder"));
}

#[test]
fn more_latents_per_token_than_are_supported_are_refused_by_every_command() {
    let sae = sae_folder("notices_k", |cfg| cfg["k"] = 513.into());
    let words = ["cfg.json", "the setting k = `513`", "at most 512"];
    common::refused(
        &["trace", "--prompt", "a", "--sae", &sae],
        "unsupported-architecture",
        &words,
    );
    common::refused(
        &["evaluate", "--sae", &sae],
        "unsupported-architecture",
        &words,
    );
    let out = shown(&folder("notices_k_out").join("sae"));
    for arguments in [
        &["inspect", &sae][..],
        &["export", &sae, "--to", "saelens", &out],
    ] {
        let output = bare(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        for word in words {
            assert!(printed.contains(word), "{printed}");
        }
    }
}
