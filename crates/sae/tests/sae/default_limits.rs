//! The largest matrices that people bring, on a device with no more than WebGPU's guaranteed limits: GPT-2 XL's embedding
//! and OpenAI's autoencoders with 131,072 latents. The reference is the CPU device.

use std::ops::Range;

use kernels::{
    Buffer, Device, DeviceOptions, Embedding, LimitsChoice, Linear, Matrix, Recorder, Stored,
    WeightFormat, embedding, linear,
};
use pollster::block_on;
use sae::{
    Architecture, Config, Error, GateWeights, Normalization, Sae, Vectors, WeightSource, select,
};

/// What a binding may have.
const BINDING_BYTES: u64 = 128 << 20;

fn device() -> Option<Device> {
    let options = DeviceOptions {
        limits: LimitsChoice::Default,
        ..DeviceOptions::default()
    };
    match block_on(Device::gpu(options)) {
        Ok(device) => {
            assert_eq!(device.max_binding_bytes(), BINDING_BYTES);
            Some(device)
        }
        Err(error) if std::env::var_os("SAE_EXPLORER_REQUIRE_GPU").is_none() => {
            eprintln!("not run: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Element `index` of a matrix or of an activation, between -1 and 1.
fn element(seed: usize, index: usize) -> f32 {
    let mixed = (index + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    mixed as f32 / (1 << 23) as f32 - 1.0
}

fn elements(seed: usize, range: Range<usize>) -> Vec<f32> {
    range.map(|index| element(seed, index)).collect()
}

fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (found - expected).abs();
        assert!(
            off <= 1e-5 * largest,
            "{what}: {found} at {place}, expected {expected}"
        );
    }
}

const VOCABULARY: usize = 50_257;
const XL_WIDTH: usize = 1_600;

/// Logits `[rows, weights' rows]`.
fn unembed(device: &Device, weights: &Matrix, input: &[f32]) -> Vec<f32> {
    let rows = input.len() / XL_WIDTH;
    let input = device.buffer_with("input", input).unwrap();
    let mut recorder = Recorder::new(device);
    let output = recorder.scratch("logits", rows * weights.rows()).unwrap();
    linear(
        &mut recorder,
        &Linear::plain(&input, rows, weights, &output),
    )
    .unwrap();
    read(recorder, &output)
}

fn read(recorder: Recorder, buffer: &Buffer) -> Vec<f32> {
    block_on(recorder.read_f32(buffer, buffer.words())).unwrap()
}

#[test]
fn gpt2_xl_embeds_and_unembeds() {
    let Some(device) = device() else { return };
    let row = |token: usize| elements(1, token * XL_WIDTH..(token + 1) * XL_WIDTH);
    let rows = async |range: Range<usize>| -> Result<_, kernels::Error> {
        Ok(elements(1, range.start * XL_WIDTH..range.end * XL_WIDTH))
    };
    let shape = (VOCABULARY, XL_WIDTH);
    let uploading = Matrix::upload(
        &device,
        "wte",
        shape,
        WeightFormat::F32,
        Stored::AsUsed,
        rows,
    );
    let weights = block_on(uploading).unwrap();
    assert_eq!(weights.shard_count(), 3, "322 MB");

    // The first and last tokens of each shard, and some between.
    let per_shard = BINDING_BYTES as usize / (4 * XL_WIDTH);
    let tokens = [
        0,
        per_shard - 1,
        per_shard,
        30_000,
        2 * per_shard - 1,
        2 * per_shard,
        VOCABULARY - 1,
    ];
    let input = elements(2, 0..3 * XL_WIDTH);
    let logits = unembed(&device, &weights, &input);
    let chosen: Vec<f32> = tokens.iter().flat_map(|token| row(*token)).collect();
    let cpu = Device::cpu();
    let shape = (tokens.len(), XL_WIDTH);
    let few = Matrix::from_rows(&cpu, "rows of wte", shape, WeightFormat::F32, &chosen).unwrap();
    let expected = unembed(&cpu, &few, &input);
    let found: Vec<f32> = logits
        .as_chunks::<VOCABULARY>()
        .0
        .iter()
        .flat_map(|row| tokens.map(|token| row[token]))
        .collect();
    assert_close("logits", &found, &expected);

    let table = kernels::rows::one_sequence(&tokens.map(|token| token as u32));
    let table = device.buffer_with("row table", &table).unwrap();
    let mut recorder = Recorder::new(&device);
    let embedded = recorder.scratch("embedded", chosen.len()).unwrap();
    embedding(
        &mut recorder,
        &Embedding {
            row_table: &table,
            rows: tokens.len(),
            token_embedding: Some(&weights),
            position_embedding: None,
            width: XL_WIDTH,
            output: &embedded,
        },
    )
    .unwrap();
    assert_eq!(read(recorder, &embedded), chosen);
}

/// An autoencoder as OpenAI stores it: the encoder by latents, the decoder by inputs.
struct Source(Config);

impl WeightSource for Source {
    type Error = Error;

    fn encoder_stored(&self) -> Stored {
        Stored::AsUsed
    }

    fn decoder_stored(&self) -> Stored {
        Stored::Transposed
    }

    fn decoder_first(&self) -> bool {
        false
    }

    async fn encoder(&self, range: Range<usize>) -> Result<Vec<f32>, Error> {
        Ok(elements(
            3,
            range.start * self.0.d_in..range.end * self.0.d_in,
        ))
    }

    async fn decoder(&self, range: Range<usize>) -> Result<Vec<f32>, Error> {
        Ok(elements(
            4,
            range.start * self.0.d_sae..range.end * self.0.d_sae,
        ))
    }
}

const LATENTS: usize = 131_072;

fn topk(d_in: usize) -> Config {
    Config {
        architecture: Architecture::TopK { k: 32 },
        d_in,
        d_sae: LATENTS,
        normalization: Normalization::LayerNorm,
        apply_b_dec_to_input: true,
    }
}

fn vectors<'a>(b_enc: &'a [f32], b_dec: &'a [f32]) -> Vectors<'a> {
    Vectors {
        b_enc,
        gate: GateWeights::None,
        b_dec,
    }
}

/// Latents, activations and reconstructions of two rows.
fn encoded(device: &Device) -> (Vec<u32>, Vec<f32>, Vec<f32>) {
    const ROWS: usize = 2;
    let config = topk(768);
    let (b_enc, b_dec) = (elements(5, 0..LATENTS), elements(6, 0..768));
    let (vectors, source) = (vectors(&b_enc, &b_dec), Source(config));
    let loading = Sae::stream(device, config, &vectors, WeightFormat::F32, &source);
    let sae = block_on(loading).unwrap();
    assert_eq!(
        sae.w_dec().shard_count() > 1,
        device.max_binding_bytes() == BINDING_BYTES
    );
    let input = elements(7, 0..ROWS * 768);
    let input = device.buffer_with("input", &input).unwrap();
    let mut recorder = Recorder::new(device);
    let encoding = sae.record_encode(&mut recorder, &input, ROWS).unwrap();
    let decoded = sae.record_decode(&mut recorder, &encoding).unwrap();
    let latents = recorder.read_back(&encoding.latents, ROWS * 32).unwrap();
    let activations = recorder.read_back(&encoding.activations, ROWS * 32);
    let activations = activations.unwrap();
    let decoded = recorder.read_back(&decoded, ROWS * 768).unwrap();
    let readings = block_on(recorder.finish().run()).unwrap();
    (
        readings.words(latents).to_vec(),
        readings.f32(activations).to_vec(),
        readings.f32(decoded).to_vec(),
    )
}

#[test]
fn an_autoencoder_with_131072_latents_encodes_and_decodes() {
    let Some(device) = device() else { return };
    // One after the other: each holds 805 MB of weights.
    let found = encoded(&device);
    drop(device);
    let expected = encoded(&Device::cpu());
    assert_eq!(found.0, expected.0);
    assert_close("activations", &found.1, &expected.1);
    assert_close("reconstructions", &found.2, &expected.2);
}

#[test]
fn a_long_prompt_s_pre_activations_are_taken_as_many_latents_at_a_time_as_fit() {
    let Some(device) = device() else { return };
    // For all latents at once they would take 157 MB.
    const ROWS: usize = 300;
    let config = topk(4);
    let (b_enc, b_dec) = (elements(5, 0..LATENTS), elements(6, 0..4));
    let selected = |device: &Device| {
        let input = elements(7, 0..ROWS * 4);
        let input = device.buffer_with("input", &input).unwrap();
        let vectors = vectors(&b_enc, &b_dec);
        let source = Source(config);
        let selecting = select(device, &config, &vectors, (&input, ROWS), LATENTS, &source);
        block_on(selecting).unwrap()
    };
    assert_eq!(selected(&device), selected(&Device::cpu()));
}
