//! A folder as a demo is made from (`cargo xtask demo`), with the shapes of the checkout's demo and random weights: it shows that
//! nothing of the demo's content is assumed anywhere.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::gpt2::{self, Shape};
use crate::numbers::{Numbers, Spread};
use crate::safetensors::{self, Stored, Tensor};
use crate::torch;

const WEIGHTS: &str = "sae_weights.safetensors";

/// Seed of the stand-in's SAEs; its model has the numbers of the others.
const SEED: u64 = 20_261_125;
/// Fields of a prompt's reference values that are about the text alone, and so the same for every model of one tokenizer.
const OF_THE_TEXT: [&str; 7] = [
    "name",
    "text",
    "token_ids",
    "tokens",
    "n_tokens",
    "greedy_ids",
    "greedy_text",
];

/// Writes the stand-in for the demo of a checkout: model and SAEs of its shapes with random weights, all of them numbers that
/// f16 holds exactly, its tokenizer, and of the reference values those that need no model: tokens, and the sum of the embeddings.
///
/// # Errors
/// An error if the checkout's demo cannot be read, or a file cannot be written.
pub fn write_stand_in(checkout: &Path, folder: &Path) -> Result<()> {
    let demo = checkout.join("web/demo");
    let fixtures = checkout.join("tests/fixtures");
    for (from, to) in [
        ("model/config.json", "model/config.json"),
        ("model/tokenizer.json", "model/tokenizer.json"),
        ("SOURCES.md", "corpus/SOURCES.md"),
    ] {
        write(&folder.join(to), &read(&demo.join(from))?)?;
    }
    for name in ["vocab.json", "merges.txt"] {
        let from = fixtures.join("tokenizer").join(name);
        write(&folder.join("model").join(name), &read(&from)?)?;
    }
    write(
        &folder.join("MODEL_CARD.md"),
        b"# A stand-in: random weights\n",
    )?;
    write(
        &folder.join("corpus/licenses/none.txt"),
        b"Random numbers.\n",
    )?;

    let config = read_json(&demo.join("model/config.json"))?;
    let shape = Shape {
        layers: size(&config, "n_layer")?,
        width: size(&config, "n_embd")?,
        vocabulary: size(&config, "vocab_size")?,
        context: size(&config, "n_positions")?,
    };
    let mut model = gpt2::tensors(shape);
    model
        .iter_mut()
        .for_each(|tensor| tensor.stored = Stored::F16);
    safetensors::write(&folder.join("model/model.safetensors"), &model)?;

    let manifest = read_json(&demo.join("demo.json"))?;
    let saes = manifest["saes"].as_array().context("a demo has SAEs")?;
    for (number, sae) in saes.iter().enumerate() {
        let path = |part: &str| sae[part]["path"].as_str().map(|path| demo.join(path));
        let cfg = read_json(&path("cfg").context("an SAE has a cfg.json")?)?;
        let name = sae["id"].as_str().and_then(|id| id.rsplit('.').next());
        let name = name.context("an SAE has an id")?;
        write_pt(folder, name, number as u64, &cfg)?;
        write_folders(&fixtures, folder, &sae["hook"], number as u64)?;
    }
    references(&fixtures, folder, &model)
}

/// An SAE in OpenAI's layout.
fn write_pt(folder: &Path, name: &str, number: u64, cfg: &Value) -> Result<()> {
    let (latents, width, k) = (size(cfg, "d_sae")?, size(cfg, "d_in")?, size(cfg, "k")?);
    let [rows, columns, latent_bias, input_bias] = weights(number, latents, width, 0.0);
    // As often as TopK must be on average.
    let share = Spread {
        mean: k as f32 / latents as f32,
        deviation: 0.0,
    };
    let tensors = [
        named("encoder.weight", rows),
        named("decoder.weight", columns),
        named("latent_bias", latent_bias),
        named("pre_bias", input_bias),
        Tensor {
            name: "latents_activation_frequency".to_owned(),
            shape: vec![latents],
            numbers: Numbers::new(SEED, 0, share),
            transposed: false,
            stored: Stored::RoundedF32,
        },
    ];
    let path = folder.join(format!("sae/openai/{name}.pt"));
    make_parent(&path)?;
    torch::write(&path, &tensors, k)
}

/// The SAELens folders of the tests at this hook: a TopK one holds the same numbers as the `.pt`, any other its own.
fn write_folders(fixtures: &Path, folder: &Path, hook: &Value, number: u64) -> Result<()> {
    let folders = fixtures.join("saelens");
    let entries =
        fs::read_dir(&folders).with_context(|| format!("could not read {}", folders.display()))?;
    for entry in entries {
        let from = entry?.path();
        let cfg = read_json(&from.join("cfg.json"))?;
        if cfg["metadata"]["hook_name"] != *hook {
            continue;
        }
        let (latents, width) = (size(&cfg, "d_sae")?, size(&cfg, "d_in")?);
        let is_topk = cfg["architecture"] == "topk";
        // Few latents of a ReLU are active because their biases are below zero.
        let (number, bias) = if is_topk {
            (number, 0.0)
        } else {
            (number + 100, -2.0)
        };
        let [rows, columns, latent_bias, input_bias] = weights(number, latents, width, bias);
        let tensors = [
            named("W_dec", rows),
            named("W_enc", columns),
            named("b_enc", latent_bias),
            named("b_dec", input_bias),
        ];
        let name = from.file_name().context("a folder has a name")?;
        let to = folder.join("sae/saelens").join(name);
        write(&to.join("cfg.json"), &read(&from.join("cfg.json"))?)?;
        safetensors::write(&to.join(WEIGHTS), &tensors)?;
    }
    Ok(())
}

/// The matrix of latents by inputs, its transpose, the latents' biases and the inputs' biases of an SAE. Rows are about of
/// length one.
fn weights(number: u64, latents: usize, width: usize, bias: f32) -> [Tensor; 4] {
    let at = |part: u64, shape: &[usize], mean: f32, deviation: f64, transposed: bool| Tensor {
        name: String::new(),
        shape: shape.to_vec(),
        numbers: Numbers::new(SEED, 10 * number + part, Spread { mean, deviation }),
        transposed,
        stored: Stored::RoundedF32,
    };
    let unit = 1.0 / (width as f64).sqrt();
    [
        at(1, &[latents, width], 0.0, unit, false),
        at(1, &[width, latents], 0.0, unit, true),
        at(2, &[latents], bias, 0.1, false),
        at(3, &[width], 0.0, 0.1, false),
    ]
}

fn named(name: &str, tensor: Tensor) -> Tensor {
    Tensor {
        name: name.to_owned(),
        ..tensor
    }
}

/// Of each prompt's reference values those that need no model.
fn references(fixtures: &Path, folder: &Path, model: &[Tensor]) -> Result<()> {
    let [tokens, positions, ..] = model else {
        anyhow::bail!("a model begins with its embeddings");
    };
    let width = tokens.shape.get(1).copied().unwrap_or_default() as u64;
    let entries =
        fs::read_dir(fixtures).with_context(|| format!("could not read {}", fixtures.display()))?;
    for entry in entries {
        let path = entry?.path();
        let json = path.with_extension("json");
        if path
            .extension()
            .is_none_or(|ending| ending != "safetensors")
            || !json.exists()
        {
            continue;
        }
        let stated = read_json(&json)?;
        let kept = OF_THE_TEXT.map(|field| (field.to_owned(), stated[field].clone()));
        let kept = Value::Object(Map::from_iter(kept));
        let ids = kept["token_ids"]
            .as_array()
            .context("a prompt has tokens")?;
        let ids = ids.iter().map(|id| id.as_u64().unwrap_or_default());
        let mut data = Vec::new();
        for (position, id) in ids.clone().enumerate() {
            for element in 0..width {
                let token = tokens.rounded(id * width + element);
                let place = positions.rounded(position as u64 * width + element);
                data.extend((token + place).to_le_bytes());
            }
        }
        let shape = json!([ids.count(), width]);
        let header =
            json!({ "embed": { "dtype": "F32", "shape": shape, "data_offsets": [0, data.len()] } });
        let mut header = header.to_string();
        header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.extend(data);
        let name = path.file_name().context("a file has a name")?;
        let to = folder.join("fixtures").join(name);
        write(&to, &file)?;
        write(&to.with_extension("json"), format!("{kept:#}\n").as_bytes())?;
    }
    Ok(())
}

fn size(settings: &Value, name: &str) -> Result<usize> {
    let stated = settings[name].as_u64();
    let stated = stated.and_then(|size| usize::try_from(size).ok());
    stated.with_context(|| format!("the demo's settings state no {name}"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("could not read {}", path.display()))
}

fn read_json(path: &Path) -> Result<Value> {
    serde_json::from_slice(&read(path)?).with_context(|| format!("{} is not JSON", path.display()))
}

fn make_parent(path: &Path) -> Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    make_parent(path)?;
    fs::write(path, bytes).with_context(|| format!("could not write {}", path.display()))
}
