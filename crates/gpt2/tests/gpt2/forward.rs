//! Hook points of the forward pass on a small random model.

use crate::common::{CONFIG, Keep, assert_close, devices, model, run, weight};
use gpt2::{CacheUse, Config, Error, Gpt2, HookPoint, Hooks, Sequence};
use kernels::{Buffer, Recorder};

fn logits(model: &Gpt2, tokens: &[u32], hooks: &mut dyn Hooks) -> Vec<f32> {
    run(model, &[Sequence::new(tokens)], CacheUse::None, hooks)
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
        let clean = logits(&model, &tokens, &mut gpt2::NoHooks);
        let mut watch = Watch {
            wanted: all_points(),
            seen: Vec::new(),
            replacement: None,
        };
        let watched = logits(&model, &tokens, &mut watch);
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
        let clean = logits(&model, &tokens, &mut gpt2::NoHooks);
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
            let replaced = logits(&model, &tokens, &mut watch);
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

#[test]
fn the_final_norm_is_seen_before_and_after_weight_and_bias() {
    let tokens = [3, 1, 4, 1, 5];
    let width = CONFIG.n_embd;
    for device in devices() {
        let model = model(&device);
        let read = |point| {
            let mut keep = Keep {
                points: vec![point],
                ..Keep::default()
            };
            logits(&model, &tokens, &mut keep);
            keep.read(point, &device)
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
