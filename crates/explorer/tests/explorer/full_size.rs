//! GPT-2 small in its full size, with a 32k autoencoder beside it, against `transformers` and the formulas, on the CPU
//! and on the GPU. The weights are random and made on the spot; `tests/reference/full_size.py` makes the same ones.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::common::{empty_session, read, root};
use explorer::{
    BackendChoice, LimitsChoice, SaeOptions, Session, Trace, TraceOptions, WeightChoice,
};
use formats::gpt2::Gpt2Files;
use formats::sae::{openai, saelens};
use formats::source::{ByteSource, FileBytes};
use formats::tensors::TensorFile;
use formats::tokenizer::Tokenizer;
use pollster::block_on;
use random_model::{Published, Size, VERSION, write_model, write_sae};
use serde_json::Value;

/// Largest difference from the reference, relative to the largest logit.
const LOGITS: f32 = 1e-5;
/// The same of activations and reconstructions.
const AUTOENCODER: f32 = 1e-4;

/// Where the files are kept from one run to the next: in cargo's build folder.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("random-v{VERSION}/{name}"))
}

fn expected() -> Value {
    serde_json::from_slice(&read(&root().join("tests/fixtures/full-size.json"))).unwrap()
}

fn bytes(folder: &Path, name: &str) -> Rc<dyn ByteSource> {
    Rc::new(FileBytes::open(&folder.join(name)).unwrap())
}

async fn load(session: &mut Session, hook: &str) -> Result<(), Box<dyn Error>> {
    let model = folder("gpt2-small");
    write_model(Size::Small, None, &model)?;
    let weights = TensorFile::open(bytes(&model, "model.safetensors")).await?;
    let files = Gpt2Files::new(&read(&model.join("config.json")), weights).await?;
    let tokenizer = Tokenizer::from_tokenizer_json(&read(&model.join("tokenizer.json")))?;
    session
        .load_model("small", "small", files, tokenizer, WeightChoice::Auto)
        .await?;
    let sae = folder("oai-v5-32k");
    write_sae(Published::OpenAi32k, &sae)?;
    let file = openai::open_pt(bytes(&sae, "8.pt")).await?;
    let options = SaeOptions {
        hook: Some(hook.to_owned()),
        ..SaeOptions::default()
    };
    session.load_sae("pt", &file, &options).await?;
    // The same numbers as they are published a second time.
    let sae = folder("oai-v5-32k-folder");
    write_sae(Published::OpenAi32kFolder, &sae)?;
    let weights = TensorFile::open(bytes(&sae, "sae_weights.safetensors")).await?;
    let file = saelens::open_folder(&read(&sae.join("cfg.json")), weights).await?;
    let info = session
        .load_sae("folder", &file, &SaeOptions::default())
        .await?;
    assert_eq!(info.hook, hook);
    Ok(())
}

fn check(backend: BackendChoice) {
    let Some(mut session) = empty_session(backend, LimitsChoice::Adapter) else {
        return;
    };
    let expected = expected();
    block_on(load(&mut session, text(&expected["sae"]["hook"]))).unwrap();
    let options = TraceOptions {
        top_logits: 20,
        dump: true,
        ..TraceOptions::default()
    };
    let trace = block_on(session.trace(text(&expected["model"]["text"]), &options)).unwrap();
    check_model(&expected["model"], &trace);
    for place in 0..2 {
        check_sae(&expected["sae"], &trace, place);
    }
}

fn check_model(expected: &Value, trace: &Trace) {
    let ids: Vec<u32> = trace.tokens.iter().map(|token| token.id).collect();
    assert_eq!(ids, wholes(&expected["token_ids"]));
    let logits = &trace.dump.as_ref().unwrap().logits;
    let largest = numbers(&expected["top"][0][1])[0];
    let mut worst: f32 = 0.0;
    for (place, position) in wholes(&expected["positions"]).into_iter().enumerate() {
        let position = position as usize;
        let next = &trace.next_by_position[position];
        let found: Vec<u32> = next.iter().map(|next| next.id).collect();
        let top = &expected["top"][place];
        assert_eq!(found, wholes(&top[0]), "position {position}");
        for (next, logit) in next.iter().zip(numbers(&top[1])) {
            worst = worst.max((next.logit - logit).abs());
        }
        let row = &logits.data[position * logits.cols..][..logits.cols];
        let sample = numbers(&expected["sample"][place]);
        for (id, logit) in wholes(&expected["sample_ids"]).into_iter().zip(sample) {
            worst = worst.max((row[id as usize] - logit).abs());
        }
    }
    println!("{}: logits off by {worst:e} of {largest}", trace.backend);
    assert!(worst / largest < LOGITS, "{worst:e} of {largest}");
}

fn check_sae(expected: &Value, trace: &Trace, place: usize) {
    let sae = &trace.saes[place];
    let mut worst: f32 = 0.0;
    let rows = sae.latents.chunks(sae.k).zip(sae.activations.chunks(sae.k));
    for (position, (latents, activations)) in rows.enumerate() {
        let mut found: Vec<(u32, f32)> = latents
            .iter()
            .zip(activations)
            .map(|(latent, activation)| (*latent as u32, *activation))
            .collect();
        let mut right: Vec<(u32, f32)> = wholes(&expected["latents"][position])
            .into_iter()
            .zip(numbers(&expected["activations"][position]))
            .collect();
        // Two of nearly the same activation may change places.
        found.sort_by_key(|(latent, _)| *latent);
        right.sort_by_key(|(latent, _)| *latent);
        assert_eq!(found.len(), right.len());
        for ((latent, activation), (right, value)) in found.iter().zip(&right) {
            assert_eq!(latent, right, "position {position}");
            worst = worst.max((activation - value).abs() / value);
        }
    }
    println!("{}: activations off by {worst:e}", trace.backend);
    assert!(worst < AUTOENCODER, "{worst:e}");

    let found = &trace.dump.as_ref().unwrap().reconstructions[place];
    let norms = numbers(&expected["norms"]);
    let mut worst: f32 = 0.0;
    for (position, row) in found.data.chunks(found.cols).enumerate() {
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        worst = worst.max((norm - norms[position]).abs() / norms[position]);
        for (value, right) in row
            .iter()
            .zip(numbers(&expected["reconstruction"][position]))
        {
            worst = worst.max((value - right).abs() / norms[position]);
        }
    }
    println!("{}: reconstructions off by {worst:e}", trace.backend);
    assert!(worst < AUTOENCODER, "{worst:e}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn numbers(list: &Value) -> Vec<f32> {
    let list = list.as_array().unwrap();
    list.iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

fn wholes(list: &Value) -> Vec<u32> {
    let list = list.as_array().unwrap();
    list.iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

#[test]
fn gpt2_small_and_a_32k_autoencoder_agree_on_the_cpu() {
    check(BackendChoice::Cpu);
}

#[test]
fn gpt2_small_and_a_32k_autoencoder_agree_on_the_gpu() {
    check(BackendChoice::Gpu);
}
