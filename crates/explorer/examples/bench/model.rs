//! Passes of the demo's model.

use std::cell::RefCell;
use std::ops::Range;

use formats::gpt2::Gpt2Files;
use formats::tensors::TensorFile;
use gpt2::{Config, Gpt2, WeightSource};
use kernels::{Counters, Device, WeightFormat};
use serde_json::{Value, json};

use crate::Result;
use crate::decoder::Decoder;
use crate::table;
use crate::timing::median;

struct Files(Gpt2Files);

impl WeightSource for Files {
    type Error = Box<dyn std::error::Error>;

    fn position(&self, key: &str) -> u64 {
        self.0.position(key)
    }

    fn format(&self, _key: &str) -> WeightFormat {
        WeightFormat::F16
    }

    async fn rows(&self, key: &str, range: Range<usize>) -> Result<Vec<f32>> {
        Ok(self.0.rows(key, range).await?)
    }
}

pub fn load(device: &Device, folder: &str) -> Result<Gpt2> {
    let config = std::fs::read(format!("{folder}/model/config.json"))?;
    let weights = std::fs::read(format!("{folder}/model/model.safetensors"))?;
    let weights = TensorFile::from_safetensors("model.safetensors", weights)?;
    let files = Files(pollster::block_on(Gpt2Files::new(&config, weights))?);
    let sizes = files.0.config();
    let config = Config {
        n_layer: sizes.n_layer,
        n_head: sizes.n_head,
        n_embd: sizes.n_embd,
        n_positions: sizes.n_positions,
        vocab_size: sizes.vocab_size,
        n_inner: sizes.n_inner,
        layer_norm_epsilon: sizes.layer_norm_epsilon,
        activation: kernels::Activation::GeluTanh,
        attention_scale: gpt2::AttentionScale::GPT2,
    };
    pollster::block_on(Gpt2::load(device, config, &files))
}

pub fn measure(device: &Device, folder: &str) -> Result<Value> {
    let model = load(device, folder)?;
    let limit = model.config().n_positions;
    let vocabulary = model.config().vocab_size as u32;
    let tokens: Vec<u32> = (0..limit as u32).map(|i| i * 37 % vocabulary).collect();
    let decoder = RefCell::new(Decoder::new(&model)?);
    let mut lines = Vec::new();
    let mut results = Vec::new();
    let mut report = |name: String, seconds: f64, counters: Counters| {
        lines.push(vec![
            name.clone(),
            table::milliseconds(seconds),
            counters.dispatches.to_string(),
            counters.submits.to_string(),
            counters.read_backs.to_string(),
            counters.buffers.to_string(),
            counters.bind_groups.to_string(),
        ]);
        results.push(json!({
            "name": name, "seconds": seconds,
            "dispatches": counters.dispatches, "submits": counters.submits, "read_backs": counters.read_backs,
            "buffers": counters.buffers, "bind_groups": counters.bind_groups, "pipelines": counters.pipelines,
        }));
    };
    for count in [64, 256_usize.min(limit)] {
        let prefill = || -> Result<()> {
            let mut decoder = decoder.borrow_mut();
            decoder.reset();
            decoder.prefill(&tokens[..count])
        };
        prefill()?;
        let before = device.counters();
        prefill()?;
        let counters = device.counters().since(before);
        report(format!("prefill of {count}"), median(3, prefill)?, counters);
    }
    let mut decoder = decoder.into_inner();
    decoder.reset();
    decoder.prefill(&tokens[..64])?;
    let mut decode = || decoder.next(1);
    decode()?;
    let before = device.counters();
    decode()?;
    let counters = device.counters().since(before);
    // Positions 66 to 80: close enough to 64.
    report(
        "one token at position 64".to_owned(),
        median(15, decode)?,
        counters,
    );
    table::print(
        &format!("The demo's model on {}", device.adapter_name()),
        &[
            "",
            "ms",
            "dispatches",
            "submits",
            "read-backs",
            "buffers made",
            "bind groups made",
        ],
        &lines,
    );
    Ok(json!(results))
}
