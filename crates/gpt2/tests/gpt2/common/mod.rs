//! A small random model on every device, and runs of it.

use std::ops::Range;

use gpt2::{
    AttentionScale, CacheUse, Config, Error, Gpt2, HookPoint, Hooks, Observation, Pass, RowTable,
    Sequence, Start, WeightSource,
};
use kernels::{
    Activation, Buffer, Copy, Device, DeviceOptions, DispatchProfile, Recorder, WeightFormat, copy,
};
use pollster::block_on;

pub const CONFIG: Config = Config {
    n_layer: 3,
    n_head: 3,
    n_embd: 18,
    n_positions: 20,
    vocab_size: 37,
    n_inner: 50,
    layer_norm_epsilon: 1e-5,
    activation: Activation::GeluTanh,
    attention_scale: AttentionScale::GPT2,
};

/// Weights that depend only on key and place, stored in one format.
pub struct Weights(pub WeightFormat);

/// One weight: a multiple of 1/1024 below 1, or LayerNorm's near 1. F16 holds all of a matrix exactly.
pub fn weight(key: &str, index: usize) -> f32 {
    let seed = key.bytes().fold(7_u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    let mixed = seed
        .wrapping_add(index as u32)
        .wrapping_mul(0x9e37_79b9)
        .rotate_left(13)
        .wrapping_mul(0x85eb_ca6b);
    let uniform = (mixed >> 8) as f32 / (1 << 24) as f32 - 0.5;
    if key.contains("ln_") && key.ends_with("weight") {
        1.0 + 0.2 * uniform
    } else {
        (0.6 * uniform * 1024.0).round() / 1024.0
    }
}

/// Entries across one of the leading dimension.
fn across(key: &str) -> usize {
    let d = CONFIG.n_embd;
    match key {
        _ if key.contains("c_attn.weight") => 3 * d,
        _ if key.contains("c_fc.weight") => CONFIG.n_inner,
        _ if key.contains("c_proj.weight") => d,
        "wpe.weight" | "wte.weight" => d,
        _ => 1,
    }
}

impl WeightSource for Weights {
    type Error = Error;

    // As Hugging Face's files are: by name.
    fn position(&self, key: &str) -> u64 {
        key.bytes()
            .take(8)
            .fold(0, |sum, byte| sum << 8 | u64::from(byte))
    }

    fn format(&self, _key: &str) -> WeightFormat {
        self.0
    }

    async fn rows(&self, key: &str, rows: Range<usize>) -> Result<Vec<f32>, Error> {
        let across = across(key);
        Ok((rows.start * across..rows.end * across)
            .map(|index| weight(key, index))
            .collect())
    }
}

/// The CPU; a GPU with its own dispatch profile, and with that of an adapter in software.
pub fn devices() -> Vec<Device> {
    let mut devices = vec![Device::cpu()];
    for profile in [DispatchProfile::Gpu, DispatchProfile::SoftwareAdapter] {
        let options = DeviceOptions {
            profile,
            ..DeviceOptions::default()
        };
        match block_on(Device::gpu(options)) {
            Ok(device) => devices.push(device),
            Err(error) if std::env::var_os("SAE_EXPLORER_REQUIRE_GPU").is_none() => {
                eprintln!("not run on a GPU: {error}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    devices
}

pub fn load(device: &Device, format: WeightFormat) -> Gpt2 {
    block_on(Gpt2::load(device, CONFIG, &Weights(format))).unwrap()
}

pub fn model(device: &Device) -> Gpt2 {
    load(device, WeightFormat::F32)
}

/// The model on every device, with f32 weights and with f16 ones.
pub fn models() -> Vec<Gpt2> {
    devices()
        .iter()
        .flat_map(|device| {
            [WeightFormat::F32, WeightFormat::F16].map(|format| load(device, format))
        })
        .collect()
}

/// Some tokens.
pub fn tokens(count: usize, seed: u32) -> Vec<u32> {
    (0..count as u32)
        .map(|i| (i * 11 + seed * 5 + i * i * seed) % 37)
        .collect()
}

/// A table of sequences.
pub fn table(model: &Gpt2, sequences: &[Sequence<'_>], cache: CacheUse<'_>) -> RowTable {
    let rows = sequences.iter().map(|sequence| sequence.tokens.len()).sum();
    let table = RowTable::new(model, rows).unwrap();
    table.write(model, sequences, cache).unwrap();
    table
}

/// Runs a pass, and returns the logits `[rows, vocab_size]`.
pub fn run_pass(model: &Gpt2, pass: &Pass<'_>, hooks: &mut dyn Hooks) -> Vec<f32> {
    let mut recorder = Recorder::new(model.device());
    let resid = model.record(&mut recorder, pass, hooks).unwrap();
    let rows = pass.rows.rows();
    let words = rows * CONFIG.vocab_size;
    let output = recorder.scratch("logits", words).unwrap();
    model
        .record_logits(&mut recorder, &resid, 0..rows, &output, hooks)
        .unwrap();
    block_on(recorder.read_f32(&output, words)).unwrap()
}

/// Runs sequences from their tokens on.
pub fn run(
    model: &Gpt2,
    sequences: &[Sequence<'_>],
    cache: CacheUse<'_>,
    hooks: &mut dyn Hooks,
) -> Vec<f32> {
    let rows = table(model, sequences, cache);
    let pass = Pass {
        rows: &rows,
        start: Start::Tokens,
        cache,
    };
    run_pass(model, &pass, hooks)
}

/// Equal to a tolerance; nothing equals a NaN.
pub fn assert_close(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    for (index, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance, "{index}: {a} and {b}");
    }
}

/// Equal to the bit, and numbers.
pub fn assert_same(a: &[f32], b: &[f32]) {
    assert!(a.iter().all(|value| value.is_finite()));
    let bits = |values: &[f32]| -> Vec<u32> { values.iter().map(|x| x.to_bits()).collect() };
    assert_eq!(bits(a), bits(b));
}

/// Keeps activations and observed values.
#[derive(Default)]
pub struct Keep {
    pub points: Vec<HookPoint>,
    pub observations: Vec<Observation>,
    pub pattern_keys: usize,
    pub kept: Vec<(HookPoint, Buffer)>,
    pub observed: Vec<(Observation, Buffer)>,
}

impl Keep {
    /// The words of an activation.
    pub fn read(&self, point: HookPoint, device: &Device) -> Vec<f32> {
        let found = self.kept.iter().find(|(kept, _)| *kept == point);
        read(&found.unwrap().1, device)
    }

    /// The words of an observed value.
    pub fn read_observed(&self, observation: Observation, device: &Device) -> Vec<f32> {
        let found = self.observed.iter().find(|(kept, _)| *kept == observation);
        read(&found.unwrap().1, device)
    }
}

pub fn read(buffer: &Buffer, device: &Device) -> Vec<f32> {
    block_on(Recorder::new(device).read_f32(buffer, buffer.words())).unwrap()
}

impl Hooks for Keep {
    fn wants(&self, point: HookPoint) -> bool {
        self.points.contains(&point)
    }

    fn visit(
        &mut self,
        recorder: &mut Recorder,
        point: HookPoint,
        activation: &Buffer,
    ) -> Result<Option<Buffer>, Error> {
        let words = activation.words();
        let output = recorder.scratch("kept", words)?;
        let copied = Copy {
            input: activation,
            input_offset: 0,
            output: &output,
            output_offset: 0,
            words,
        };
        copy(recorder, &copied)?;
        self.kept.push((point, output));
        Ok(None)
    }

    fn observes(&self, observation: Observation) -> bool {
        self.observations.contains(&observation)
    }

    fn pattern_keys(&self) -> usize {
        self.pattern_keys
    }

    fn observe(
        &mut self,
        _recorder: &mut Recorder,
        observation: Observation,
        value: &Buffer,
    ) -> Result<(), Error> {
        self.observed.push((observation, value.clone()));
        Ok(())
    }
}
