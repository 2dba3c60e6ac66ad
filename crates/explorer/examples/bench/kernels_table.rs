//! Every kernel at a model's shapes: operations, bytes, the device's floor, and what was reached.

use kernels::{
    Add, Attention, AttentionCache, Buffer, CrossEntropy, Device, Embedding, KlDivergence,
    LayerNorm, Linear, Matrix, Normalization, Recorder, SparseDecode, TopK, WeightFormat,
};
use sae::{Architecture, Config, GateWeights, Sae, Weights};
use serde_json::{Value, json};

use crate::Result;
use crate::peer::Machine;
use crate::table;
use crate::timing::{numbers, seconds};

const K: usize = 32;

/// One line of the table.
struct Line {
    name: String,
    operations: f64,
    bytes: f64,
    seconds: f64,
}

fn finish(title: &str, lines: &[Line], machine: &Machine) -> Value {
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let floor = machine.floor(line.operations, line.bytes);
            vec![
                line.name.clone(),
                format!("{:.2}", line.operations / 1e6),
                format!("{:.2}", line.bytes / 1e6),
                table::milliseconds(line.seconds),
                table::milliseconds(floor),
                format!("{:.0} %", 100.0 * floor / line.seconds),
                format!("{:.2}", line.operations / line.seconds / 1e9),
            ]
        })
        .collect();
    let headings = [
        "kernel", "Mop", "MB", "ms", "floor ms", "reached", "GFLOP/s",
    ];
    table::print(title, &headings, &rows);
    lines
        .iter()
        .map(|line| {
            let floor = machine.floor(line.operations, line.bytes);
            json!({
                "name": line.name,
                "operations": line.operations,
                "bytes": line.bytes,
                "seconds": line.seconds,
                "floor_seconds": floor,
                "fraction": floor / line.seconds,
            })
        })
        .collect()
}

pub fn measure(device: &Device, machine: &Machine) -> Result<Value> {
    let mut lines = products(device)?;
    for (rows, d_model, heads, vocabulary) in [(64, 256, 4, 8192), (64, 768, 12, 8192)] {
        lines.extend(rest(device, rows, d_model, heads, vocabulary)?);
    }
    Ok(finish(
        "Kernels (floor: at the peak and bandwidth above)",
        &lines,
        machine,
    ))
}

fn products(device: &Device) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (inputs, outputs) in [
        (256, 768),
        (256, 1024),
        (1024, 256),
        (256, 8192),
        (768, 3072),
    ] {
        for format in [WeightFormat::F32, WeightFormat::F16] {
            let weights = numbers(inputs * outputs, 3);
            let weights = Matrix::from_rows(device, "W", (outputs, inputs), format, &weights)?;
            for rows in [1, 64] {
                let input = device.buffer_with("input", &numbers(rows * inputs, 2))?;
                let output = device.buffer("output", rows * outputs)?;
                let time = seconds(device, &output, |recorder| {
                    Ok(kernels::linear(
                        recorder,
                        &Linear::plain(&input, rows, &weights, &output),
                    )?)
                })?;
                lines.push(Line {
                    name: format!("linear {rows}×{inputs}→{outputs} {format:?}"),
                    operations: (2 * rows * inputs * outputs) as f64,
                    bytes: (weights.row_words() * outputs + rows * (inputs + outputs)) as f64 * 4.0,
                    seconds: time,
                });
            }
        }
    }
    Ok(lines)
}

/// The kernels that are not products, each on `rows` rows.
fn rest(
    device: &Device,
    rows: usize,
    d_model: usize,
    n_heads: usize,
    vocabulary: usize,
) -> Result<Vec<Line>> {
    let filled = |words: usize, seed: u64| device.buffer_with("data", &numbers(words, seed));
    let x = filled(rows * d_model, 1)?;
    let y = filled(rows * d_model, 2)?;
    let output = device.buffer("output", rows * d_model)?;
    let mut lines = Vec::new();
    let mut line = |name: &str,
                    operations: usize,
                    words: usize,
                    result: &Buffer,
                    record: &dyn Fn(&mut Recorder) -> std::result::Result<(), kernels::Error>|
     -> Result<()> {
        let time = seconds(device, result, |recorder| Ok(record(recorder)?))?;
        lines.push(Line {
            name: format!("{name} {rows}×{d_model}"),
            operations: operations as f64,
            bytes: words as f64 * 4.0,
            seconds: time,
        });
        Ok(())
    };

    let tokens = vec![0_u32; rows];
    let row_table = device.buffer_with("row table", &kernels::rows::one_sequence(&tokens))?;
    let targets = device.buffer_with("targets", &vec![0_u32; rows + 1])?;
    let w_e = numbers(vocabulary * d_model, 5);
    let w_e = Matrix::from_rows(
        device,
        "W_E",
        (vocabulary, d_model),
        WeightFormat::F16,
        &w_e,
    )?;
    line(
        "embedding",
        rows * d_model,
        rows * d_model * 5 / 2,
        &output,
        &|recorder| {
            let arguments = Embedding {
                row_table: &row_table,
                rows,
                token_embedding: Some(&w_e),
                position_embedding: Some(&y),
                width: d_model,
                output: &output,
            };
            kernels::embedding(recorder, &arguments)
        },
    )?;
    let norm = filled(2 * d_model, 4)?;
    line(
        "layer_norm",
        8 * rows * d_model,
        2 * rows * d_model,
        &output,
        &|recorder| {
            let arguments = LayerNorm {
                input: &x,
                input_first_row: 0,
                rows,
                width: d_model,
                weight_bias: &norm,
                epsilon: 1e-5,
                output: &output,
            };
            kernels::layer_norm(recorder, &arguments)
        },
    )?;
    let qkv = filled(rows * 3 * d_model, 6)?;
    line(
        "attention",
        2 * d_model * rows * (rows + 1),
        4 * rows * d_model,
        &output,
        &|recorder| {
            let arguments = Attention {
                row_table: &row_table,
                qkv: &qkv,
                cache: AttentionCache::None,
                rows,
                n_heads,
                head_dim: d_model / n_heads,
                scale: 1.0 / ((d_model / n_heads) as f32).sqrt(),
                few_rows_per_sequence: false,
                output: &output,
            };
            kernels::attention(recorder, &arguments)
        },
    )?;
    line(
        "add",
        rows * d_model,
        3 * rows * d_model,
        &output,
        &|recorder| {
            let arguments = Add {
                left: &x,
                right: &y,
                output: &output,
                words: rows * d_model,
            };
            kernels::add(recorder, &arguments)
        },
    )?;
    let logits = filled(rows * vocabulary, 7)?;
    let statistics = device.buffer("statistics", rows * 4)?;
    let losses = rows * vocabulary;
    line(
        "cross_entropy (8,192 wide)",
        4 * losses,
        losses,
        &statistics,
        &|recorder| {
            let arguments = CrossEntropy {
                logits: &logits,
                targets: &targets,
                first_target: 1,
                rows,
                vocabulary,
                statistics: &statistics,
            };
            kernels::cross_entropy(recorder, &arguments)
        },
    )?;
    let divergences = device.buffer("divergences", rows)?;
    line(
        "kl_divergence (8,192 wide)",
        6 * losses,
        2 * losses,
        &divergences,
        &|recorder| {
            let arguments = KlDivergence {
                clean_logits: &logits,
                clean_statistics: &statistics,
                clean_rows: None,
                edited_logits: &logits,
                edited_statistics: &statistics,
                rows,
                vocabulary,
                divergences: &divergences,
            };
            kernels::kl_divergence(recorder, &arguments)
        },
    )?;
    let top_indices = device.buffer("indices", rows * K)?;
    let top_values = device.buffer("top values", rows * K)?;
    let nan_counts = device.buffer("NaN counts", rows)?;
    line(
        "topk (8,192 wide, k 32)",
        losses,
        losses,
        &top_indices,
        &|recorder| {
            let arguments = TopK {
                values: &logits,
                rows,
                n: vocabulary,
                k: K,
                relu: true,
                top_indices: &top_indices,
                top_values: &top_values,
                nan_counts: &nan_counts,
            };
            kernels::topk(recorder, &arguments)
        },
    )?;
    let decoded = rows * K * d_model;
    line(
        "sparse_decode (k 32)",
        2 * decoded,
        decoded / 2,
        &output,
        &|recorder| {
            let arguments = SparseDecode {
                latents: &top_indices,
                activations: &top_values,
                rows,
                k: K,
                w_dec: &w_e,
                b_dec: &norm,
                statistics: &statistics,
                output: &output,
            };
            kernels::sparse_decode(recorder, &arguments)
        },
    )?;
    Ok(lines)
}

/// Encode, TopK and decode of 64 tokens.
pub fn measure_sae(device: &Device, machine: &Machine) -> Result<Value> {
    let rows = 64;
    let mut lines = Vec::new();
    for (d_in, d_sae) in [(256, 8192), (768, 32_768)] {
        let weights = numbers(d_in * d_sae, 9);
        let bias = numbers(d_sae, 10);
        let config = Config {
            architecture: Architecture::TopK { k: K },
            d_in,
            d_sae,
            normalization: Normalization::LayerNorm,
            apply_b_dec_to_input: true,
        };
        let parts = Weights {
            w_enc: &weights,
            b_enc: &bias,
            gate: GateWeights::None,
            w_dec: &weights,
            b_dec: &bias[..d_in],
        };
        let sae = Sae::load(device, config, &parts, WeightFormat::F16)?;
        let input = device.buffer_with("input", &numbers(rows * d_in, 11))?;
        // The reconstruction is a buffer of the recording, so the timing reads back the input's first word instead.
        let time = seconds(device, &input, |recorder| {
            let encoding = sae.record_encode(recorder, &input, rows)?;
            sae.record_decode(recorder, &encoding)?;
            Ok(())
        })?;
        lines.push(Line {
            name: format!("encode + TopK + decode {rows}×{d_in}, {d_sae} latents, k {K}"),
            operations: (2 * rows * d_in * (d_sae + K)) as f64,
            bytes: 2.0 * (d_in * d_sae) as f64 + 4.0 * (rows * d_sae) as f64,
            seconds: time,
        });
    }
    Ok(finish("A sparse autoencoder", &lines, machine))
}
