//! The forward pass on small random models: batches, the cache, hook points.

use std::ops::Range;

use gpt2::{
    AttentionScale, CacheUse, Config, Decoder, Error, Gpt2, HookPoint, Hooks, NoHooks, Pass,
    RowTable, Sequence, Start, WeightSource,
};
use kernels::{Activation, Buffer, Copy, Device, DeviceOptions, Recorder, WeightFormat, copy};
use pollster::block_on;

const CONFIG: Config = Config {
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

/// Weights that depend only on key and place.
struct Weights;

fn weight(key: &str, index: usize) -> f32 {
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
        0.6 * uniform
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
        WeightFormat::F32
    }

    async fn rows(&self, key: &str, rows: Range<usize>) -> Result<Vec<f32>, Error> {
        let across = across(key);
        Ok((rows.start * across..rows.end * across)
            .map(|index| weight(key, index))
            .collect())
    }
}

fn devices() -> Vec<Device> {
    let mut devices = vec![Device::cpu()];
    match block_on(Device::gpu(DeviceOptions::default())) {
        Ok(device) => devices.push(device),
        Err(error) if std::env::var_os("SAE_EXPLORER_REQUIRE_GPU").is_none() => {
            eprintln!("not run on a GPU: {error}");
        }
        Err(error) => panic!("{error}"),
    }
    devices
}

fn model(device: &Device) -> Gpt2 {
    block_on(Gpt2::load(device, CONFIG, &Weights)).unwrap()
}

fn logits(model: &Gpt2, tokens: &[u32], sequences: usize, hooks: &mut dyn Hooks) -> Vec<f32> {
    let sequences: Vec<_> = tokens
        .chunks(tokens.len() / sequences)
        .map(Sequence::new)
        .collect();
    let rows = RowTable::new(model, tokens.len()).unwrap();
    rows.write(model, &sequences, CacheUse::None).unwrap();
    let mut recorder = Recorder::new(model.device());
    let pass = Pass {
        rows: &rows,
        start: Start::Tokens,
        cache: CacheUse::None,
    };
    let resid = model.record(&mut recorder, &pass, hooks).unwrap();
    let words = tokens.len() * CONFIG.vocab_size;
    let output = recorder.scratch("logits", words).unwrap();
    model
        .record_logits(&mut recorder, &resid, 0..tokens.len(), &output, hooks)
        .unwrap();
    let read = recorder.read_back(&output, words).unwrap();
    let readings = block_on(recorder.finish().run()).unwrap();
    readings.f32(read).to_vec()
}

fn assert_close(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    for (index, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance, "{index}: {a} and {b}");
    }
}

#[test]
fn a_batch_is_its_sequences_one_by_one() {
    for device in devices() {
        let model = model(&device);
        let tokens: Vec<u32> = (0..21).map(|i| (i * 11 + 3) % 37).collect();
        let together = logits(&model, &tokens, 3, &mut NoHooks);
        for (sequence, found) in tokens.chunks(7).zip(together.chunks(7 * CONFIG.vocab_size)) {
            assert_close(found, &logits(&model, sequence, 1, &mut NoHooks), 1e-4);
        }
    }
}

#[test]
fn decoding_from_the_cache_is_the_forward_pass() {
    for device in devices() {
        let model = model(&device);
        let tokens: Vec<u32> = (0..CONFIG.n_positions as u32)
            .map(|i| (i * 5 + 1) % 37)
            .collect();
        let expected = logits(&model, &tokens, 1, &mut NoHooks);
        let row = |position: usize| {
            &expected[position * CONFIG.vocab_size..(position + 1) * CONFIG.vocab_size]
        };
        let mut decoder = Decoder::new(&model, &mut NoHooks).unwrap();
        assert!(decoder.dispatches_per_token() <= 7 * CONFIG.n_layer + 6);
        // A prefill, one token at a time, and another prefill on top.
        let found = block_on(decoder.prefill(&model, &tokens[..6], &mut NoHooks)).unwrap();
        assert_close(found, row(5), 1e-4);
        for (position, &token) in tokens.iter().enumerate().take(12).skip(6) {
            let found = block_on(decoder.next(&model, token)).unwrap();
            assert_close(found, row(position), 1e-4);
        }
        let found = block_on(decoder.prefill(&model, &tokens[12..], &mut NoHooks)).unwrap();
        assert_close(found, row(19), 1e-4);
        assert!(matches!(
            block_on(decoder.next(&model, 0)),
            Err(Error::ContextFull {
                sequence: 0,
                tokens: 21,
                limit: 20
            })
        ));
        decoder.reset();
        let found = block_on(decoder.prefill(&model, &tokens[..1], &mut NoHooks)).unwrap();
        assert_close(found, row(0), 1e-4);
    }
}

fn all_points() -> Vec<HookPoint> {
    let mut points = vec![HookPoint::Embed, HookPoint::PosEmbed];
    for layer in 0..CONFIG.n_layer {
        points.extend([
            HookPoint::ResidPre(layer),
            HookPoint::Z(layer),
            HookPoint::AttnOut(layer),
            HookPoint::ResidMid(layer),
            HookPoint::MlpPost(layer),
            HookPoint::MlpOut(layer),
            HookPoint::ResidPost(layer),
        ]);
    }
    points.extend([HookPoint::LnFinalNormalized, HookPoint::LnFinalOut]);
    points
}

/// Notes what it is shown, and puts `replacement` in the place of one point.
struct Watch {
    wanted: Vec<HookPoint>,
    seen: Vec<HookPoint>,
    replacement: Option<(HookPoint, Buffer)>,
}

impl Hooks for Watch {
    fn wants(&self, point: HookPoint) -> bool {
        self.wanted.contains(&point)
    }

    fn visit(
        &mut self,
        _recorder: &mut Recorder,
        point: HookPoint,
        activation: &Buffer,
    ) -> Result<Option<Buffer>, Error> {
        assert!(activation.words() >= 5 * point.width(&CONFIG), "{point}");
        self.seen.push(point);
        Ok(self
            .replacement
            .as_ref()
            .filter(|(at, _)| *at == point)
            .map(|(_, buffer)| buffer.clone()))
    }
}

#[test]
fn reading_every_hook_point_leaves_the_logits_as_they_are() {
    for device in devices() {
        let model = model(&device);
        let tokens = [3, 1, 4, 1, 5];
        let clean = logits(&model, &tokens, 1, &mut NoHooks);
        let mut watch = Watch {
            wanted: all_points(),
            seen: Vec::new(),
            replacement: None,
        };
        let watched = logits(&model, &tokens, 1, &mut watch);
        assert_eq!(watch.seen, all_points());
        // Sums that are stored on the way are rounded where the fused ones are.
        assert_close(&clean, &watched, 1e-5);
    }
}

#[test]
fn every_hook_point_can_be_replaced() {
    for device in devices() {
        let model = model(&device);
        let tokens = [3, 1, 4, 1, 5];
        let clean = logits(&model, &tokens, 1, &mut NoHooks);
        for point in all_points() {
            let width = point.width(&CONFIG);
            let zeros = device
                .buffer_with("zeros", &vec![0.0_f32; tokens.len() * width])
                .unwrap();
            let mut watch = Watch {
                wanted: vec![point],
                seen: Vec::new(),
                replacement: Some((point, zeros)),
            };
            let replaced = logits(&model, &tokens, 1, &mut watch);
            let change = clean
                .iter()
                .zip(&replaced)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0_f32, |most, change| {
                    if change > most || change.is_nan() {
                        change
                    } else {
                        most
                    }
                });
            assert!(change > 1e-3, "{point} made no difference");
            match point {
                HookPoint::LnFinalOut => assert!(replaced.iter().all(|logit| *logit == 0.0)),
                // Only the final LayerNorm's bias is left, the same at every token.
                HookPoint::LnFinalNormalized => {
                    let (first, others) = replaced.split_at(CONFIG.vocab_size);
                    assert!(first.iter().any(|logit| *logit != 0.0));
                    assert!(others.chunks(CONFIG.vocab_size).all(|row| row == first));
                }
                _ => {}
            }
        }
    }
}

/// Reads the activation at one point.
struct Read {
    point: HookPoint,
    found: Option<Buffer>,
}

impl Hooks for Read {
    fn wants(&self, point: HookPoint) -> bool {
        self.point == point
    }

    fn visit(
        &mut self,
        recorder: &mut Recorder,
        _point: HookPoint,
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
        self.found = Some(output);
        Ok(None)
    }
}

#[test]
fn the_final_norm_is_seen_before_and_after_weight_and_bias() {
    let tokens = [3, 1, 4, 1, 5];
    let width = CONFIG.n_embd;
    for device in devices() {
        let model = model(&device);
        let read = |point| {
            let mut hook = Read { point, found: None };
            logits(&model, &tokens, 1, &mut hook);
            let buffer = hook.found.unwrap();
            let recorder = Recorder::new(&device);
            block_on(recorder.read_f32(&buffer, 5 * width)).unwrap()
        };
        let stream = read(HookPoint::ResidPost(CONFIG.n_layer - 1));
        let mut normalised = Vec::new();
        let mut out = Vec::new();
        for row in stream.chunks(width) {
            let mean = row.iter().sum::<f32>() / width as f32;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / width as f32;
            let scale = 1.0 / (variance + CONFIG.layer_norm_epsilon).sqrt();
            for (d, x) in row.iter().enumerate() {
                let value = (x - mean) * scale;
                normalised.push(value);
                out.push(value * weight("ln_f.weight", d) + weight("ln_f.bias", d));
            }
        }
        assert_close(&read(HookPoint::LnFinalNormalized), &normalised, 1e-4);
        assert_close(&read(HookPoint::LnFinalOut), &out, 1e-4);
    }
}

#[test]
fn sizes_that_describe_no_model_are_refused() {
    for config in [
        Config {
            n_head: 5,
            ..CONFIG
        },
        Config {
            n_layer: 0,
            ..CONFIG
        },
    ] {
        assert!(matches!(config.check(), Err(Error::Config(_))));
    }
}
