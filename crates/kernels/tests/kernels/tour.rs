//! A small model's walk through all the kernels in one plan (of the two products for many rows, the one that the device takes; and attention for few rows).

use kernels::{
    Add, ApplyEdits, Attention, AttentionCache, AttentionPattern, Buffer, Copy, CrossEntropy,
    Device, Directions, Edit, EditOperation, Embedding, Error, Gate, KlDivergence, LayerNorm,
    Linear, Matrix, NormScale, NormedInput, OldValues, Plan, Recorder, SaeNormalize, SparseDecode,
    Splice, TopK, WeightFormat, add, apply_edits, attention, attention_pattern, copy,
    cross_entropy, embedding, gate, kl_divergence, layer_norm, linear, norm_scale, sae_normalize,
    sparse_decode, splice, topk,
};

use crate::common::Numbers;

pub const ROWS: usize = 9;
pub const WIDTH: usize = 48;
const HEADS: usize = 3;
pub const VOCABULARY: usize = 101;
const LATENTS: usize = 200;
pub const K: usize = 8;

/// The plan; it reads back what each of the last ones gave.
pub fn tour(device: &Device) -> Result<Plan, Error> {
    let mut numbers = Numbers::new(5);
    let mut matrix = |label: &str, rows: usize, cols: usize| {
        let weights = numbers.floats(rows * cols, 0.3);
        Matrix::from_rows(device, label, (rows, cols), WeightFormat::F16, &weights)
    };
    let w_e = matrix("W_E", VOCABULARY, WIDTH)?;
    let w_qkv = matrix("W_qkv", 3 * WIDTH, WIDTH)?;
    let w_enc = matrix("W_enc", LATENTS, WIDTH)?;
    let w_dec = matrix("W_dec", LATENTS, WIDTH)?;
    let norm = device.buffer_with("norm", &numbers.floats(2 * WIDTH, 1.0))?;
    let bias = device.buffer_with("bias", &numbers.floats(LATENTS, 1.0))?;
    let w_pos = device.buffer_with("W_pos", &numbers.floats(ROWS * WIDTH, 1.0))?;
    let tokens: Vec<u32> = (1..=ROWS).map(|i| (i * 7 % VOCABULARY) as u32).collect();
    let targets = device.buffer_with("targets", &[&[0], &tokens[..]].concat())?;
    let row_table = device.buffer_with("row table", &kernels::rows::one_sequence(&tokens))?;
    let mask = device.buffer_with("mask", &[1_u32; ROWS])?;

    let mut recorder = Recorder::new(device);
    let rows_of =
        |recorder: &Recorder, label: &str, width: usize| recorder.scratch(label, ROWS * width);
    let x = rows_of(&recorder, "x", WIDTH)?;
    embedding(
        &mut recorder,
        &Embedding {
            row_table: &row_table,
            rows: ROWS,
            token_embedding: Some(&w_e),
            position_embedding: Some(&w_pos),
            width: WIDTH,
            output: &x,
        },
    )?;
    let qkv = rows_of(&recorder, "qkv", 3 * WIDTH)?;
    let scratch = rows_of(&recorder, "normalised", WIDTH)?;
    let product_of = |recorder: &mut Recorder,
                      (first, rows): (usize, usize),
                      input: &Buffer,
                      weights: &Matrix,
                      normed: bool,
                      output: &Buffer| {
        linear(
            recorder,
            &Linear {
                input_first_row: first,
                norm: normed.then_some(NormedInput {
                    weight_bias: &norm,
                    epsilon: 1e-5,
                    scratch: &scratch,
                }),
                bias: Some(&bias),
                ..Linear::plain(input, rows, weights, output)
            },
        )
    };
    let product = |recorder: &mut Recorder,
                   input: &Buffer,
                   weights: &Matrix,
                   normed: bool,
                   output: &Buffer| {
        product_of(recorder, (0, ROWS), input, weights, normed, output)
    };
    product(&mut recorder, &x, &w_qkv, true, &qkv)?;
    let z = rows_of(&recorder, "z", WIDTH)?;
    attention(
        &mut recorder,
        &Attention {
            row_table: &row_table,
            qkv: &qkv,
            cache: AttentionCache::None,
            rows: ROWS,
            n_heads: HEADS,
            head_dim: WIDTH / HEADS,
            scale: 1.0 / ((WIDTH / HEADS) as f32).sqrt(),
            few_rows_per_sequence: false,
            output: &z,
        },
    )?;
    let pattern = rows_of(&recorder, "pattern", HEADS * ROWS)?;
    attention_pattern(
        &mut recorder,
        &AttentionPattern {
            row_table: &row_table,
            qkv: &qkv,
            cache: AttentionCache::None,
            rows: ROWS,
            n_heads: HEADS,
            head_dim: WIDTH / HEADS,
            scale: 1.0,
            keys: ROWS,
            pattern: &pattern,
        },
    )?;
    let scales = rows_of(&recorder, "scales", 1)?;
    norm_scale(
        &mut recorder,
        &NormScale {
            input: &x,
            rows: ROWS,
            width: WIDTH,
            epsilon: 1e-5,
            scales: &scales,
        },
    )?;
    let residual = rows_of(&recorder, "residual", WIDTH)?;
    add(
        &mut recorder,
        &Add {
            left: &x,
            right: &z,
            output: &residual,
            words: ROWS * WIDTH,
        },
    )?;
    let kept = rows_of(&recorder, "kept", WIDTH)?;
    copy(
        &mut recorder,
        &Copy {
            input: &residual,
            input_offset: 0,
            output: &kept,
            output_offset: 0,
            words: ROWS * WIDTH,
        },
    )?;

    let encoder_input = rows_of(&recorder, "encoder input", WIDTH)?;
    let statistics = rows_of(&recorder, "statistics", 2)?;
    sae_normalize(
        &mut recorder,
        &SaeNormalize {
            input: &kept,
            rows: ROWS,
            width: WIDTH,
            normalization: kernels::Normalization::LayerNorm,
            b_dec: Some(&bias),
            output: &encoder_input,
            statistics: &statistics,
        },
    )?;
    let encoded = rows_of(&recorder, "pre-activations", LATENTS)?;
    product(&mut recorder, &encoder_input, &w_enc, false, &encoded)?;
    gate(
        &mut recorder,
        &Gate {
            threshold: &bias,
            magnitude: None,
            values: &encoded,
            rows: ROWS,
            n: LATENTS,
        },
    )?;
    let latents = rows_of(&recorder, "latents", K)?;
    let activations = rows_of(&recorder, "activations", K)?;
    let nans = rows_of(&recorder, "NaN counts", 1)?;
    topk(
        &mut recorder,
        &TopK {
            values: &encoded,
            rows: ROWS,
            n: LATENTS,
            k: K,
            relu: true,
            top_indices: &latents,
            top_values: &activations,
            nan_counts: &nans,
        },
    )?;
    let reconstruction = rows_of(&recorder, "reconstruction", WIDTH)?;
    sparse_decode(
        &mut recorder,
        &SparseDecode {
            latents: &latents,
            activations: &activations,
            rows: ROWS,
            k: K,
            w_dec: &w_dec,
            b_dec: &bias,
            statistics: &statistics,
            output: &reconstruction,
        },
    )?;
    let spliced = rows_of(&recorder, "spliced", WIDTH)?;
    splice(
        &mut recorder,
        &Splice {
            input: &kept,
            replacement: &reconstruction,
            rows: ROWS,
            width: WIDTH,
            mask: &mask,
            output: &spliced,
        },
    )?;
    let edited = rows_of(&recorder, "edited", WIDTH)?;
    copy(
        &mut recorder,
        &Copy {
            input: &kept,
            input_offset: 0,
            output: &edited,
            output_offset: 0,
            words: ROWS * WIDTH,
        },
    )?;
    let edit = Edit {
        condition: None,
        set: 0,
        sequence: None,
        positions: 0..ROWS as u32,
        latent: 3,
        operation: EditOperation::Set(2.0),
    };
    let edits = device.buffer_with("edits", &Edit::table(&[edit]))?;
    apply_edits(
        &mut recorder,
        &ApplyEdits {
            activation: &edited,
            width: WIDTH,
            edits: &edits,
            rows_table: &row_table,
            rows: ROWS,
            set: 0,
            old: OldValues::Sparse {
                latents: &latents,
                activations: &activations,
                k: K,
            },
            by_source: false,
            statistics: Some(&statistics),
            directions: Directions::Rows(&w_dec),
            gates: None,
        },
    )?;

    let mut sides = Vec::new();
    for stream in [&spliced, &edited] {
        let normed = rows_of(&recorder, "final norm", WIDTH)?;
        layer_norm(
            &mut recorder,
            &LayerNorm {
                input: stream,
                input_first_row: 0,
                rows: ROWS,
                width: WIDTH,
                weight_bias: &norm,
                epsilon: 1e-5,
                output: &normed,
            },
        )?;
        let logits = rows_of(&recorder, "logits", VOCABULARY)?;
        product(&mut recorder, &normed, &w_e, false, &logits)?;
        let statistics = rows_of(&recorder, "loss", 4)?;
        cross_entropy(
            &mut recorder,
            &CrossEntropy {
                logits: &logits,
                targets: &targets,
                first_target: 1,
                rows: ROWS,
                vocabulary: VOCABULARY,
                statistics: &statistics,
            },
        )?;
        sides.push((logits, statistics));
    }
    // The product for few rows too.
    let last_logits = recorder.scratch("last logits", VOCABULARY)?;
    product_of(
        &mut recorder,
        (ROWS - 1, 1),
        &edited,
        &w_e,
        true,
        &last_logits,
    )?;
    let divergences = rows_of(&recorder, "divergences", 1)?;
    kl_divergence(
        &mut recorder,
        &KlDivergence {
            clean_logits: &sides[0].0,
            clean_statistics: &sides[0].1,
            clean_rows: None,
            edited_logits: &sides[1].0,
            edited_statistics: &sides[1].1,
            rows: ROWS,
            vocabulary: VOCABULARY,
            divergences: &divergences,
        },
    )?;
    for buffer in [
        &latents,
        &activations,
        &spliced,
        &edited,
        &sides[1].1,
        &divergences,
        &last_logits,
    ] {
        recorder.read_back(buffer, buffer.words())?;
    }
    Ok(recorder.finish())
}
