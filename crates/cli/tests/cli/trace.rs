//! `sae-explorer trace` beside the reference fixtures.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use crate::common;
use crate::common::{
    close, command, fixture, folder, json, model_folder, output, path, read, root, tensors,
    whole_numbers,
};
use serde_json::Value;

fn token_ids(trace: &Value) -> Vec<i64> {
    trace["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token["id"].as_i64().unwrap())
        .collect()
}

fn expected_ids(fixture: &Value) -> Vec<i64> {
    serde_json::from_value(fixture["token_ids"].clone()).unwrap()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// Relative root mean square of a difference.
fn relative_rms(a: &[f32], b: &[f32]) -> f64 {
    let square = |v: f32| f64::from(v).powi(2);
    let error: f64 = a.iter().zip(b).map(|(x, y)| square(x - y)).sum();
    (error / b.iter().map(|&y| square(y)).sum::<f64>()).sqrt()
}

#[test]
fn the_demo_on_a_reference_prompt() {
    let (reference, expected) = fixture("fairy");
    let dump = folder("dump").join("dump.safetensors");
    let text = reference["text"].as_str().unwrap();
    let dump_path = dump.display().to_string();
    let trace = json(&[
        "trace", "--model", "demo", "--sae", "demo", "--prompt", text, "--dump", &dump_path,
    ]);

    assert_eq!(token_ids(&trace), expected_ids(&reference));
    assert_eq!(trace["tokens"][2]["text"], " upon");
    assert!((number(&trace["loss"]) - number(&reference["ce_loss"])).abs() < 1e-4);
    assert_eq!(trace["token_losses"].as_array().unwrap().len(), 30);
    assert_eq!(trace["backend"], "cpu");
    assert!(trace["adapter"].is_string());
    let last = reference["top5_per_position"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    assert_eq!(trace["next"].as_array().unwrap().len(), 10);
    for (next, known) in trace["next"]
        .as_array()
        .unwrap()
        .iter()
        .zip(last.as_array().unwrap())
    {
        assert_eq!(next["id"], known[0]);
        assert!((number(&next["logit"]) - number(&known[2])).abs() < 2e-3);
        assert!((0.0..1.0).contains(&number(&next["prob"])));
    }

    let dumped = tensors(&dump);
    close(
        "logits",
        &read(&dumped, "logits"),
        &read(&expected, "logits"),
        2e-3,
        0.0,
    );
    assert_eq!(dumped.shape("logits").unwrap(), [31, 8192]);
    for layer in 0..6 {
        let name = format!("resid_post.{layer}");
        assert_eq!(dumped.shape(&name).unwrap(), [31, 256]);
        let error = relative_rms(&read(&dumped, &name), &read(&expected, &name));
        assert!(error < 1e-4, "{name}: {error}");
    }
    let saes = trace["saes"].as_array().unwrap();
    assert_eq!(saes.len(), 3);
    for (i, (sae, layer)) in saes.iter().zip([1, 3, 5]).enumerate() {
        let id = format!("openai.layer_{layer}");
        assert_eq!(sae["id"], id);
        assert_eq!(sae["hook"], format!("blocks.{layer}.hook_resid_post"));
        assert_eq!(
            (&sae["architecture"], &sae["n_latents"], &sae["k"]),
            (&"topk".into(), &4096.into(), &16.into())
        );
        let spliced = number(&reference["saes"][&id]["ce_spliced_positions_ge_1"]);
        assert!((number(&sae["spliced_loss"]) - spliced).abs() < 1e-4);
        assert!(
            (number(&sae["delta_ce"]) - (spliced - number(&reference["ce_loss"]))).abs() < 2e-4
        );
        assert_eq!(number(&sae["l0"]), 16.0);
        for metric in ["fvu", "relative_error", "kl"] {
            assert!((0.0..1.0).contains(&number(&sae[metric])), "{metric}");
        }

        let (latents, activations) = (format!("sae.{i}.latents"), format!("sae.{i}.activations"));
        assert_eq!(dumped.shape(&latents).unwrap(), [31, 16]);
        let reference_file = root().join("tests/fixtures/fairy.safetensors");
        let found = whole_numbers(&dump, &latents);
        assert_eq!(
            found,
            whole_numbers(&reference_file, &format!("{id}.topk_ids")),
            "{id}"
        );
        let values = read(&dumped, &activations);
        close(
            &id,
            &values,
            &read(&expected, &format!("{id}.topk_values")),
            1e-5,
            1e-3,
        );
        let reconstruction = read(&dumped, &format!("sae.{i}.reconstruction"));
        let error = relative_rms(&reconstruction, &read(&expected, &format!("{id}.recon")));
        assert!(error < 1e-3, "{id}: {error}");

        // The JSON holds the same features, token by token.
        let features = sae["features"].as_array().unwrap();
        assert_eq!(features.len(), 31);
        for (t, row) in features.iter().enumerate() {
            for (place, feature) in row.as_array().unwrap().iter().enumerate() {
                assert_eq!(feature["latent"].as_i64().unwrap(), found[t * 16 + place]);
                assert_eq!(
                    number(&feature["activation"]) as f32,
                    values[t * 16 + place]
                );
            }
        }
    }
}

#[test]
fn a_saelens_folder_and_a_model_folder_of_old_files() {
    // The vocabulary in its two older files, and the weights the demo's own: its BOS is then known as well.
    let model = model_folder("vocab_and_merges", |folder| {
        fs::remove_file(folder.join("tokenizer.json")).unwrap();
        for file in ["vocab.json", "merges.txt"] {
            fs::copy(
                root().join("tests/fixtures/tokenizer").join(file),
                folder.join(file),
            )
            .unwrap();
        }
    });
    let (reference, expected) = fixture("rust");
    let prompt = Path::new(&model).join("prompt.txt");
    fs::write(&prompt, reference["text"].as_str().unwrap()).unwrap();
    let prompt = prompt.display().to_string();
    let folder = path("tests/fixtures/saelens/blocks.3.hook_resid_post_relu");
    let trace = json(&[
        "trace",
        "--model",
        &model,
        "--sae",
        &folder,
        "--prompt-file",
        &prompt,
    ]);

    assert_eq!(token_ids(&trace), expected_ids(&reference));
    let sae = &trace["saes"][0];
    assert_eq!(sae["architecture"], "standard");
    assert_eq!(sae["hook"], "blocks.3.hook_resid_post");
    assert_eq!(sae["k"], Value::Null);
    let spliced = number(&reference["saes"]["saelens.blocks.3.relu"]["ce_spliced_positions_ge_1"]);
    assert!((number(&sae["spliced_loss"]) - spliced).abs() < 1e-4);

    let file = root().join("tests/fixtures/rust.safetensors");
    let offsets = whole_numbers(&file, "saelens.blocks.3.relu.offsets");
    let ids = whole_numbers(&file, "saelens.blocks.3.relu.ids");
    let values = read(&expected, "saelens.blocks.3.relu.values");
    for (t, row) in sae["features"].as_array().unwrap().iter().enumerate() {
        let range = offsets[t] as usize..offsets[t + 1] as usize;
        let found: std::collections::BTreeMap<i64, f64> = row
            .as_array()
            .unwrap()
            .iter()
            .map(|feature| {
                (
                    feature["latent"].as_i64().unwrap(),
                    number(&feature["activation"]),
                )
            })
            .collect();
        for (id, &value) in ids[range.clone()].iter().zip(&values[range.clone()]) {
            // An activation next to zero may round to none.
            let found = found.get(id).copied().unwrap_or(0.0);
            assert!(
                (found - f64::from(value)).abs() < 1e-4 + 1e-3 * f64::from(value),
                "token {t}, latent {id}"
            );
        }
        assert!(
            found.len().abs_diff(range.len()) <= 1,
            "token {t}: {} latents, not {}",
            found.len(),
            range.len()
        );
    }
}

#[test]
fn a_pt_file_belongs_where_the_command_line_says() {
    let sae = format!(
        "{}@blocks.3.hook_resid_post",
        path("tests/fixtures/openai/layer_3.pt")
    );
    let again = format!(
        "{}@blocks.1.hook_resid_post",
        path("tests/fixtures/openai/layer_3.pt")
    );
    let trace = json(&[
        "trace",
        "--sae",
        &sae,
        "--sae",
        &again,
        "--prompt",
        "Once upon a time",
    ]);
    assert_eq!(
        (&trace["saes"][0]["id"], &trace["saes"][1]["id"]),
        (&"layer_3".into(), &"layer_3-2".into())
    );
    assert_eq!(trace["saes"][1]["hook"], "blocks.1.hook_resid_post");
    let features = |i: usize| trace["saes"][i]["features"].clone();
    assert_ne!(features(0), features(1));
    let whole = json(&["trace", "--sae", "demo", "--prompt", "Once upon a time"]);
    assert_eq!(whole["saes"][1]["features"], features(0));
}

#[test]
fn the_bos_is_put_where_it_is_asked_for() {
    let first = |bos: &str, prompt: &str| {
        let trace = json(&["trace", "--prompt", prompt, "--bos", bos]);
        (trace["bos_prepended"].as_bool().unwrap(), token_ids(&trace))
    };
    let (auto, with) = first("auto", "a b");
    assert!(auto);
    assert_eq!(with[0], 8191);
    assert_eq!(first("yes", "a b").1, with);
    let (none, without) = first("no", "a b");
    assert!(!none);
    assert_eq!(without, with[1..]);
    assert_eq!(
        first("auto", "<|endoftext|>a b").1,
        with,
        "a text that begins with it gets no second one"
    );
}

#[test]
fn people_get_a_table() {
    let table = output(&[
        "trace",
        "--sae",
        "demo",
        "--prompt",
        "Once\tupon a time,\nnaïve",
    ]);
    for part in [
        "demo · GPT-2 6×256, on the CPU",
        "the first a BOS (openai.layer_1, openai.layer_3, openai.layer_5 were trained with a BOS); loss ",
        "<|endoftext|>",
        "·time",
        "⏎",
        "⇥",
        "<0xC3>",
        "openai.layer_3 at blocks.3.hook_resid_post: topk, k = 16, 4096 latents",
        "FVU ",
        "(normalised space)",
        "ΔCE ",
        "11 more",
        "After the last token",
        "probability",
    ] {
        assert!(table.contains(part), "{part} is not in\n{table}");
    }
    assert!(table.lines().all(|line| !line.ends_with(' ')), "{table}");
    let one = output(&["trace", "--prompt", "a", "--bos", "no"]);
    assert!(
        one.contains("1 token, no BOS (No BOS was asked for); nothing to predict"),
        "{one}"
    );
}

#[test]
fn a_prompt_may_come_from_the_standard_input() {
    let mut child = command(&["trace", "--prompt-file", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"Once upon a time\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let trace: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        trace["tokens"].as_array().unwrap().last().unwrap()["text"],
        "\n",
        "the text is taken as it is"
    );
}

#[test]
fn a_model_in_several_files_is_the_same_model() {
    let whole = json(&["trace", "--prompt", "the king", "--bos", "yes"]);
    let folder = model_folder("split", common::split);
    let split = json(&[
        "trace", "--model", &folder, "--prompt", "the king", "--bos", "yes",
    ]);
    assert_eq!(split["token_losses"], whole["token_losses"]);
    assert_eq!(split["next"], whole["next"]);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn neurons_and_autoencoders_that_stay_in_their_files() {
    let sae = root().join("tests/fixtures/openai/layer_3.pt");
    let sae = format!("{}@blocks.3.hook_resid_post", sae.display());
    let arguments = ["trace", "--prompt", "Once upon a time", "--sae", &sae];
    let whole = json(&arguments);
    let mut more = arguments.to_vec();
    more.extend(["--stream", "--neurons", "blocks.2.mlp.hook_post"]);
    let streamed = json(&more);
    let features = |trace: &Value, place: usize| trace["saes"][place]["features"].clone();
    let latents = |features: &Value| -> Vec<Vec<i64>> {
        let positions = features.as_array().unwrap().iter();
        positions
            .map(|position| {
                let features = position.as_array().unwrap().iter();
                features
                    .map(|feature| feature["latent"].as_i64().unwrap())
                    .collect()
            })
            .collect()
    };
    assert!(!latents(&features(&whole, 0)).concat().is_empty());
    assert_eq!(
        latents(&features(&whole, 0)),
        latents(&features(&streamed, 0))
    );
    assert_eq!(streamed["saes"][0]["weights"], "streamed");
    assert_eq!(streamed["saes"][1]["architecture"], "neurons");
    assert_eq!(streamed["saes"][1]["id"], "neurons.blocks.2.mlp.hook_post");
    // GELU is below zero for most inputs that are, so some of the largest are.
    let neurons = features(&streamed, 1);
    let neurons = neurons
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|p| p.as_array().unwrap());
    assert!(
        neurons
            .clone()
            .any(|neuron| number(&neuron["activation"]) < 0.0)
    );
}
