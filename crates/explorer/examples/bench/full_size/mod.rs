//! GPT-2 small in its full size with random weights, and an SAE of 32,768 latents beside it: what `tests/bench/torch_cpu.py`
//! computes with PyTorch, row by row under the same names.

mod rows;

use std::ops::Range;

use gpt2::{Config, Gpt2, WeightSource};
use kernels::{Activation, Device, Normalization, WeightFormat};
use random_model::{Numbers, SEED, Spread};
use sae::{Architecture, GateWeights, Sae, Weights};
use serde_json::{Value, json};

use crate::timing::median;
use crate::{Result, table};

const D_MODEL: usize = 768;
const D_SAE: usize = 32_768;
const K: usize = 32;

const CONFIG: Config = Config {
    n_layer: 12,
    n_head: 12,
    n_embd: D_MODEL,
    n_positions: 1024,
    vocab_size: 50_257,
    n_inner: 4 * D_MODEL,
    layer_norm_epsilon: 1e-5,
    activation: Activation::GeluTanh,
    attention_scale: gpt2::AttentionScale::GPT2,
};

/// The model and its SAE on a device.
struct FullSize {
    device: Device,
    model: Gpt2,
    sae: Sae,
}

/// One row of the table: something to prepare, and then to run often.
struct Row {
    /// The name, which PyTorch's half has as well.
    name: &'static str,
    /// Timed runs.
    runs: usize,
    /// Makes ready what a run does.
    prepare: fn(&FullSize) -> Result<Run<'_>>,
}

/// A run that is timed.
type Run<'a> = Box<dyn FnMut() -> Result<()> + 'a>;

/// Measures every row.
pub fn measure(device: &Device) -> Result<Value> {
    let full_size = FullSize {
        device: device.clone(),
        model: pollster::block_on(Gpt2::load(device, CONFIG, &RandomWeights))?,
        sae: random_sae(device)?,
    };
    let mut lines = Vec::new();
    let mut results = serde_json::Map::new();
    for row in rows::ROWS {
        let mut run = (row.prepare)(&full_size)?;
        for _ in 0..2 {
            run()?;
        }
        let seconds = median(row.runs, run)?;
        lines.push(vec![row.name.to_owned(), table::milliseconds(seconds)]);
        results.insert(row.name.to_owned(), json!(seconds));
    }
    let title = format!(
        "GPT-2 small and an SAE of 32,768 latents on {}, {} threads",
        device.adapter_name(),
        device.threads().unwrap_or(1)
    );
    table::print(&title, &["", "ms"], &lines);
    Ok(Value::Object(results))
}

/// Weights of GPT-2's initialisation.
struct RandomWeights;

impl WeightSource for RandomWeights {
    type Error = Box<dyn std::error::Error>;

    fn position(&self, _key: &str) -> u64 {
        0
    }

    fn format(&self, _key: &str) -> WeightFormat {
        WeightFormat::F32
    }

    async fn rows(&self, key: &str, range: Range<usize>) -> Result<Vec<f32>> {
        // Tensors are stored `[inputs, outputs]` but for the embeddings.
        let (width, spread) = match key.rsplit_once('.') {
            Some((_, "bias")) => (1, (0.0, 0.02)),
            Some((name, _)) if name.contains("ln_") => (1, (1.0, 0.02)),
            Some((name, _)) if name.ends_with("c_attn") => (3 * D_MODEL, (0.0, 0.02)),
            Some((name, _)) if name.ends_with("c_fc") => (CONFIG.n_inner, (0.0, 0.02)),
            _ => (D_MODEL, (0.0, 0.02)),
        };
        let seed = key.bytes().map(u64::from).sum();
        Ok(random(seed, spread, range.start * width..range.end * width))
    }
}

fn random_sae(device: &Device) -> Result<Sae> {
    let weights = random(1, (0.0, 0.05), 0..D_MODEL * D_SAE);
    let bias = random(2, (0.0, 0.05), 0..D_SAE);
    let config = sae::Config {
        architecture: Architecture::TopK { k: K },
        d_in: D_MODEL,
        d_sae: D_SAE,
        normalization: Normalization::LayerNorm,
        apply_b_dec_to_input: true,
    };
    let parts = Weights {
        w_enc: &weights,
        b_enc: &bias,
        gate: GateWeights::None,
        w_dec: &weights,
        b_dec: &bias[..D_MODEL],
    };
    Ok(Sae::load(device, config, &parts, WeightFormat::F32)?)
}

fn random(tensor: u64, (mean, deviation): (f32, f64), range: Range<usize>) -> Vec<f32> {
    let numbers = Numbers::new(SEED, tensor, Spread { mean, deviation });
    range.map(|index| numbers.at(index as u64)).collect()
}
