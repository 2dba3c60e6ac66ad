//! Files in every layout that is read, against what reference implementations make of them: from the file through the
//! session to numbers, on the CPU and on the GPU. `tests/reference/generate.py` writes the files and the values.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::common::{empty_session, max_difference, read, relative_rms, root};
use explorer::{
    BackendChoice, GenerateOptions, LimitsChoice, SaeOptions, Session, Trace, TraceOptions,
    WeightChoice,
};
use formats::gpt2::Gpt2Files;
use formats::sae::{SaeFile, attention, openai, saelens};
use formats::source::MemoryBytes;
use formats::tensors::{ShardIndex, TensorFile, TensorSet};
use formats::tokenizer::Tokenizer;
use pollster::block_on;
use serde_json::Value;

/// Largest difference of an activation from the reference's, as a fraction of the largest there is in the file.
const ACTIVATIONS: f32 = 1e-5;
/// ‖x̂ − reference‖ / ‖reference‖.
const RECONSTRUCTION: f64 = 1e-5;
/// The same of logits and streams.
const MODEL: f64 = 1e-5;

fn folder() -> PathBuf {
    root().join("tests/fixtures/formats")
}

fn index() -> Value {
    serde_json::from_slice(&read(&folder().join("index.json"))).unwrap()
}

fn names(list: &Value) -> Vec<String> {
    let name = |entry: &Value| entry.as_str().or(entry["name"].as_str()).map(str::to_owned);
    list.as_array().unwrap().iter().filter_map(name).collect()
}

fn tensors(path: &Path) -> TensorFile {
    let name = path.file_name().unwrap().to_str().unwrap();
    TensorFile::from_safetensors(name, read(path)).unwrap()
}

fn model(name: &str) -> Gpt2Files {
    let folder = folder().join("gpt2").join(name);
    model_with(name, &read(&folder.join("config.json")))
}

fn model_with(name: &str, config: &[u8]) -> Gpt2Files {
    let folder = folder().join("gpt2").join(name);
    let listing = folder.join("model.safetensors.index.json");
    let weights: TensorSet = if listing.exists() {
        let index = ShardIndex::from_json("model.safetensors.index.json", &read(&listing)).unwrap();
        let shards = index
            .files()
            .iter()
            .map(|file| tensors(&folder.join(file)))
            .collect();
        index.join(shards).unwrap()
    } else {
        tensors(&folder.join("model.safetensors")).into()
    };
    block_on(Gpt2Files::new(config, weights)).unwrap()
}

fn autoencoder(case: &Value) -> SaeFile {
    let folder = folder().join("sae").join(case["name"].as_str().unwrap());
    let opened = block_on(async {
        match case["layout"].as_str().unwrap() {
            "saelens" => {
                let weights = tensors(&folder.join("sae_weights.safetensors"));
                saelens::open_folder(&read(&folder.join("cfg.json")), weights).await
            }
            layout => {
                let bytes = read(&folder.join("sae.pt"));
                let source = Rc::new(MemoryBytes::new("sae.pt", bytes));
                if layout == "attention" {
                    attention::open_pt(source, &read(&folder.join("sae_cfg.json"))).await
                } else {
                    openai::open_pt(source).await
                }
            }
        }
    });
    opened.unwrap_or_else(|error| panic!("{}: {error}", case["name"]))
}

fn load_model(session: &mut Session, name: &str) {
    load_files(session, name, model(name));
}

fn load_files(session: &mut Session, name: &str, files: Gpt2Files) {
    let folder = folder().join("tokenizer");
    let tokenizer = Tokenizer::from_vocab_merges(
        &read(&folder.join("vocab.json")),
        &read(&folder.join("merges.txt")),
    )
    .unwrap();
    block_on(session.load_model(name, name, files, tokenizer, WeightChoice::Auto)).unwrap();
}

fn on_every_backend(check: impl Fn(&mut Session)) {
    for backend in [BackendChoice::Cpu, BackendChoice::Gpu] {
        if let Some(mut session) = empty_session(backend, LimitsChoice::Adapter) {
            check(&mut session);
        }
    }
}

fn trace(session: &Session, text: &Value) -> Trace {
    let options = TraceOptions {
        dump: true,
        ..TraceOptions::default()
    };
    block_on(session.trace(text.as_str().unwrap(), &options)).unwrap()
}

#[test]
fn models_in_every_layout_give_the_logits_of_transformers() {
    let index = index();
    on_every_backend(|session| {
        for name in names(&index["models"]) {
            load_model(session, &name);
            let trace = trace(session, &index["text"]);
            assert!(!trace.bos_prepended, "{name}");
            let dump = trace.dump.unwrap();
            let expected = tensors(
                &folder()
                    .join("gpt2")
                    .join(&name)
                    .join("expected.safetensors"),
            );
            for (what, found) in [
                ("logits", &dump.logits),
                ("resid_post", dump.resid_post.last().unwrap()),
            ] {
                let off = relative_rms(&found.data, &block_on(expected.read(what)).unwrap());
                assert!(
                    off < MODEL,
                    "{what} of {name} on {}: off by {off:e}",
                    trace.backend
                );
            }
        }
    });
}

/// Exact GELU, scores divided by the block's number, scores that are not scaled: `tests/reference/gpt2_settings.py`.
#[test]
fn models_with_other_settings_give_the_logits_of_their_formulas() {
    let index = index();
    on_every_backend(|session| {
        for name in [
            "exact-gelu",
            "inverse-layer-scale",
            "unscaled-attention",
            "all",
        ] {
            let folder = folder().join("gpt2-settings").join(name);
            let config = read(&folder.join("config.json"));
            load_files(session, name, model_with("bare-f32", &config));
            let found = trace(session, &index["text"]).dump.unwrap().logits;
            let expected = tensors(&folder.join("expected.safetensors"));
            let off = relative_rms(&found.data, &block_on(expected.read("logits")).unwrap());
            assert!(off < MODEL, "logits of {name}: off by {off:e}");
            // The pass with a cache goes the same way.
            let options = GenerateOptions {
                max_tokens: 1,
                ..GenerateOptions::default()
            };
            let text = index["text"].as_str().unwrap();
            let going_on = |_: &explorer::Token| std::ops::ControlFlow::Continue(());
            let generated = block_on(session.generate(text, &options, going_on)).unwrap();
            let next = trace(session, &index["text"]).next;
            assert_eq!(generated.ids, [next[0].id], "{name}");
        }
    });
}

#[test]
fn autoencoders_in_every_layout_give_the_latents_of_their_formulas() {
    let index = index();
    on_every_backend(|session| {
        load_model(session, "bare-f32");
        for case in index["saes"].as_array().unwrap() {
            let name = case["name"].as_str().unwrap();
            // The files of OpenAI's layout do not say where they belong.
            let hook = case["hook"].as_str().unwrap();
            let options = SaeOptions {
                hook: (case["layout"] == "openai").then(|| hook.to_owned()),
                ..SaeOptions::default()
            };
            let info = block_on(session.load_sae("sae", &autoencoder(case), &options))
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(info.hook, hook, "{name}");
            assert_eq!(info.architecture, case["architecture"], "{name}");
            let trace = trace(session, &index["text"]);
            assert_eq!(trace.bos_prepended, case["bos"], "{name}");
            compare(name, &trace);
        }
    });
}

/// Every latent's activation, and the reconstruction.
fn compare(name: &str, trace: &Trace) {
    let backend = &trace.backend;
    let expected = tensors(&folder().join("sae").join(name).join("expected.safetensors"));
    let latents = block_on(expected.read("latents")).unwrap();
    let [sae] = trace.saes.as_slice() else {
        panic!("{name}: {} autoencoders", trace.saes.len());
    };
    let width = sae.n_latents;
    let mut dense = vec![0.0; latents.len()];
    assert_eq!(latents.len(), trace.tokens.len() * width, "{name}");
    let rows = sae.latents.chunks(sae.k).zip(sae.activations.chunks(sae.k));
    for (dense, (latents, activations)) in dense.chunks_mut(width).zip(rows) {
        for (latent, activation) in latents.iter().zip(activations) {
            if let Ok(latent) = usize::try_from(*latent) {
                dense[latent] = *activation;
            }
        }
    }
    let largest = latents.iter().copied().fold(0.0, f32::max);
    let off = max_difference(&dense, &latents) / largest;
    assert!(
        off < ACTIVATIONS,
        "activations of {name} on {backend}: off by {off:e}"
    );
    let reconstruction = &trace.dump.as_ref().unwrap().reconstructions[0].data;
    let off = relative_rms(
        reconstruction,
        &block_on(expected.read("reconstruction")).unwrap(),
    );
    assert!(
        off < RECONSTRUCTION,
        "reconstruction of {name} on {backend}: off by {off:e}"
    );
}
