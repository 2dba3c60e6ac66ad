//! Results of the CPU device do not depend on the number of threads.

use kernels::rows::one_sequence;
use kernels::{
    Activation, Attention, AttentionCache, Buffer, CrossEntropy, Device, Error, Gate, KlDivergence,
    Linear, Magnitude, Matrix, Normalization, NormedInput, Recorder, SaeNormalize, SparseDecode,
    TopK, WeightFormat, attention, cross_entropy, gate, kl_divergence, linear, sae_normalize,
    sparse_decode, topk,
};

use crate::common::{Numbers, run};

/// Enough for several threads, and neither a multiple of a panel's rows nor of a block's outputs.
const ROWS: usize = 150;
const WIDTH: usize = 396;
const LATENTS: usize = 5003;
const HEADS: usize = 6;
const K: usize = 20;

/// What all kernels that share their work compute from the same numbers.
fn results() -> Result<Vec<Vec<u32>>, Error> {
    let device = Device::cpu();
    let mut numbers = Numbers::new(7);
    let mut filled =
        |label: &str, words: usize| device.buffer_with(label, &numbers.floats(words, 1.0));
    let input = filled("input", ROWS * WIDTH)?;
    let norm = filled("norm", 2 * WIDTH)?;
    let bias = filled("bias", LATENTS)?;
    let residual = filled("residual", ROWS * LATENTS)?;
    // Is counted by TopK.
    residual.write(0, &[f32::NAN.to_bits()])?;
    let qkv = filled("qkv", ROWS * 3 * WIDTH)?;
    let weights = numbers.floats(LATENTS * WIDTH, 1.0);
    let shape = (LATENTS, WIDTH);
    let weights = Matrix::from_rows(&device, "W", shape, WeightFormat::F32, &weights)?;
    let targets: Vec<u32> = (0..ROWS as u32).collect();
    let row_table = device.buffer_with("row table", &one_sequence(&targets))?;
    let targets = device.buffer_with("targets", &targets)?;

    let mut recorder = Recorder::new(&device);
    let scratch = |label: &str, words: usize| device.buffer(label, words);
    let normalised = scratch("normalised", ROWS * WIDTH)?;
    let latents = scratch("latents", ROWS * LATENTS)?;
    let product = Linear {
        norm: Some(NormedInput {
            weight_bias: &norm,
            epsilon: 1e-5,
            scratch: &normalised,
        }),
        bias: Some(&bias),
        activation: Activation::GeluTanh,
        residual: Some(&residual),
        ..Linear::plain(&input, ROWS, &weights, &latents)
    };
    linear(&mut recorder, &product)?;
    let one_row = scratch("one row", LATENTS)?;
    let product = Linear {
        input_first_row: 3,
        rows: 1,
        norm: None,
        output: &one_row,
        ..product
    };
    linear(&mut recorder, &product)?;
    let attended = scratch("attended", ROWS * WIDTH)?;
    attention(
        &mut recorder,
        &Attention {
            row_table: &row_table,
            qkv: &qkv,
            cache: AttentionCache::None,
            rows: ROWS,
            n_heads: HEADS,
            head_dim: WIDTH / HEADS,
            scale: 0.1,
            few_rows_per_sequence: false,
            output: &attended,
        },
    )?;
    let statistics = scratch("statistics", ROWS * 2)?;
    let centred = scratch("centred", ROWS * WIDTH)?;
    sae_normalize(
        &mut recorder,
        &SaeNormalize {
            input: &input,
            rows: ROWS,
            width: WIDTH,
            normalization: Normalization::LayerNorm,
            b_dec: Some(&norm),
            output: &centred,
            statistics: &statistics,
        },
    )?;
    let losses = scratch("losses", ROWS * kernels::STATISTICS_PER_ROW)?;
    let other_losses = scratch("other losses", ROWS * kernels::STATISTICS_PER_ROW)?;
    for (logits, statistics) in [(&latents, &losses), (&residual, &other_losses)] {
        cross_entropy(
            &mut recorder,
            &CrossEntropy {
                logits,
                targets: &targets,
                first_target: 0,
                rows: ROWS,
                vocabulary: LATENTS,
                statistics,
            },
        )?;
    }
    let divergences = scratch("divergences", ROWS)?;
    kl_divergence(
        &mut recorder,
        &KlDivergence {
            clean_logits: &latents,
            clean_statistics: &losses,
            clean_rows: None,
            edited_logits: &residual,
            edited_statistics: &other_losses,
            rows: ROWS,
            vocabulary: LATENTS,
            divergences: &divergences,
        },
    )?;
    let top = |recorder: &mut Recorder| -> Result<[Buffer; 3], Error> {
        let top_indices = scratch("indices", ROWS * K)?;
        let top_values = scratch("values", ROWS * K)?;
        let nan_counts = scratch("NaN counts", ROWS)?;
        topk(
            recorder,
            &TopK {
                values: &latents,
                rows: ROWS,
                n: LATENTS,
                k: K,
                relu: true,
                top_indices: &top_indices,
                top_values: &top_values,
                nan_counts: &nan_counts,
            },
        )?;
        Ok([top_indices, top_values, nan_counts])
    };
    let [indices, values, nan_counts] = top(&mut recorder)?;
    let decoded = scratch("decoded", ROWS * WIDTH)?;
    sparse_decode(
        &mut recorder,
        &SparseDecode {
            latents: &indices,
            activations: &values,
            rows: ROWS,
            k: K,
            w_dec: &weights,
            b_dec: &norm,
            statistics: &statistics,
            output: &decoded,
        },
    )?;
    gate(
        &mut recorder,
        &Gate {
            threshold: &bias,
            magnitude: Some(Magnitude {
                scale: &one_row,
                bias: &bias,
            }),
            values: &latents,
            rows: ROWS,
            n: LATENTS,
        },
    )?;
    let [gated_indices, ..] = top(&mut recorder)?;
    run(
        recorder,
        &[
            &normalised,
            &latents,
            &one_row,
            &attended,
            &statistics,
            &centred,
            &losses,
            &divergences,
            &indices,
            &values,
            &nan_counts,
            &decoded,
            &gated_indices,
        ],
    )
}

#[test]
fn one_thread_and_three_compute_the_same_bits() {
    let with_threads = |count: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build();
        pool.unwrap().install(|| results().unwrap())
    };
    let (one, three) = (with_threads(1), with_threads(3));
    for (number, (one, three)) in one.iter().zip(&three).enumerate() {
        assert!(one == three, "buffer {number}");
        assert!(
            one.iter().any(|word| *word != 0),
            "buffer {number} is empty"
        );
    }
}
