//! Attention patterns and LayerNorm scales, compared with sums in f64.

use crate::common;
use crate::common::{CONFIG, Keep, assert_close, assert_same, models, run, tokens, weight};
use gpt2::{
    Cache, CacheSlot, CacheUse, Error, Gpt2, HookPoint, Hooks, NoHooks, Norm, Observation, Pass,
    Sequence, Start,
};
use kernels::Recorder;

const WIDTH: usize = CONFIG.n_embd;
const HEADS: usize = CONFIG.n_head;

fn mean_and_scale(row: &[f32]) -> (f64, f64) {
    let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / row.len() as f64;
    let squares = row.iter().map(|x| (f64::from(*x) - mean).powi(2));
    let variance = squares.sum::<f64>() / row.len() as f64;
    (
        mean,
        (variance + f64::from(CONFIG.layer_norm_epsilon)).sqrt(),
    )
}

fn scales(stream: &[f32]) -> Vec<f32> {
    let rows = stream.chunks(WIDTH);
    rows.map(|row| mean_and_scale(row).1 as f32).collect()
}

/// Attention's weights of one sequence, `[rows, heads, keys]`, from the residual stream into the block.
fn pattern(layer: usize, stream: &[f32], keys: usize) -> Vec<f32> {
    let weight = |name: &str, index| f64::from(weight(&format!("h.{layer}.{name}"), index));
    // Queries, then keys: `[row][part of 2 * width]`.
    let projected: Vec<Vec<f64>> = stream
        .chunks(WIDTH)
        .map(|row| {
            let (mean, scale) = mean_and_scale(row);
            let normalised: Vec<f64> = (0..WIDTH)
                .map(|d| {
                    let value = (f64::from(row[d]) - mean) / scale;
                    value * weight("ln_1.weight", d) + weight("ln_1.bias", d)
                })
                .collect();
            (0..2 * WIDTH)
                .map(|n| {
                    let products = normalised.iter().enumerate();
                    let sum: f64 = products
                        .map(|(d, x)| x * weight("attn.c_attn.weight", d * 3 * WIDTH + n))
                        .sum();
                    sum + weight("attn.c_attn.bias", n)
                })
                .collect()
        })
        .collect();
    let head_dim = WIDTH / HEADS;
    let mut found = Vec::new();
    for (row, query) in projected.iter().enumerate() {
        for head in 0..HEADS {
            let columns = head * head_dim..(head + 1) * head_dim;
            let weights: Vec<f64> = projected[..=row]
                .iter()
                .map(|key| {
                    let key = &key[WIDTH..][columns.clone()];
                    let dot: f64 = query[columns.clone()]
                        .iter()
                        .zip(key)
                        .map(|(q, k)| q * k)
                        .sum();
                    (dot / (head_dim as f64).sqrt()).exp()
                })
                .collect();
            let sum: f64 = weights.iter().sum();
            found.extend(weights.iter().map(|weight| (weight / sum) as f32));
            found.extend(vec![0.0; keys - weights.len()]);
        }
    }
    found
}

fn all_observations() -> Vec<Observation> {
    let mut all = Vec::new();
    for layer in 0..CONFIG.n_layer {
        all.extend([
            Observation::NormScale(Norm::Ln1(layer)),
            Observation::AttentionPattern { layer },
            Observation::NormScale(Norm::Ln2(layer)),
        ]);
    }
    all.push(Observation::NormScale(Norm::Final));
    all
}

/// Keeps every observation, and the streams that they are made of.
fn keep_all() -> Keep {
    let layers = 0..CONFIG.n_layer;
    let points = layers.flat_map(|layer| {
        [
            HookPoint::ResidPre(layer),
            HookPoint::ResidMid(layer),
            HookPoint::ResidPost(layer),
        ]
    });
    Keep {
        points: points.collect(),
        observations: all_observations(),
        pattern_keys: 15,
        ..Keep::default()
    }
}

#[test]
fn patterns_and_scales_are_those_of_f64() {
    for model in models() {
        let device = model.device();
        let texts = [tokens(15, 1), tokens(4, 2), tokens(15, 3)];
        let sequences = texts.each_ref().map(|text| Sequence::new(text));
        let clean = run(&model, &sequences, CacheUse::None, &mut NoHooks);
        let mut keep = keep_all();
        assert_same(&clean, &run(&model, &sequences, CacheUse::None, &mut keep));
        let seen: Vec<_> = keep.observed.iter().map(|(what, _)| *what).collect();
        assert_eq!(seen, all_observations());
        for layer in 0..CONFIG.n_layer {
            let scales_at = |norm| keep.read_observed(Observation::NormScale(norm), device);
            let resid_pre = keep.read(HookPoint::ResidPre(layer), device);
            let resid_mid = keep.read(HookPoint::ResidMid(layer), device);
            assert_close(&scales_at(Norm::Ln1(layer)), &scales(&resid_pre), 1e-5);
            assert_close(&scales_at(Norm::Ln2(layer)), &scales(&resid_mid), 1e-5);
            let found = keep.read_observed(Observation::AttentionPattern { layer }, device);
            let mut streams = &resid_pre[..];
            let expected: Vec<f32> = texts
                .iter()
                .flat_map(|text| {
                    let stream = streams.split_off(..text.len() * WIDTH).unwrap();
                    pattern(layer, stream, 15)
                })
                .collect();
            assert_close(&found, &expected, 1e-5);
            for weights in found.chunks(15) {
                assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            }
        }
        let last = keep.read(HookPoint::ResidPost(CONFIG.n_layer - 1), device);
        let found = keep.read_observed(Observation::NormScale(Norm::Final), device);
        assert_close(&found, &scales(&last), 1e-5);
    }
}

/// The last rows of a sequence's pattern, once of the whole and once after a cached past.
#[test]
fn a_pattern_over_a_past_is_that_of_the_whole_sequence() {
    for model in models() {
        let text = tokens(15, 6);
        let slot = |past| Some(CacheSlot { first: 2, past });
        let observed = |tokens: &[u32], past: usize, cache: CacheUse<'_>, model: &Gpt2| {
            let sequence = Sequence {
                first_position: past,
                cache: slot(past),
                ..Sequence::new(tokens)
            };
            let mut keep = keep_all();
            run(model, &[sequence], cache, &mut keep);
            let pattern = Observation::AttentionPattern { layer: 2 };
            keep.read_observed(pattern, model.device())
        };
        let whole = observed(&text, 0, CacheUse::None, &model);
        let cache = Cache::new(&model, 17).unwrap();
        let first = observed(&text[..6], 0, CacheUse::Append(&cache), &model);
        assert_close(&first, &whole[..6 * HEADS * 15], 1e-5);
        for cache in [CacheUse::Read(&cache), CacheUse::Append(&cache)] {
            let rest = observed(&text[6..], 6, cache, &model);
            assert_close(&rest, &whole[6 * HEADS * 15..], 1e-5);
        }
    }
}

#[test]
fn patterns_without_room_are_refused() {
    for model in models() {
        let text = tokens(5, 1);
        let rows = common::table(&model, &[Sequence::new(&text)], CacheUse::None);
        let pass = Pass {
            rows: &rows,
            start: Start::Tokens,
            cache: CacheUse::None,
        };
        let limit = model.device().max_binding_bytes() as usize;
        for (pattern_keys, expected) in [(0, "keys is 0"), (limit / 4, "in one buffer")] {
            let mut keep = Keep {
                pattern_keys,
                ..keep_all()
            };
            let mut recorder = Recorder::new(model.device());
            let refused = model.record(&mut recorder, &pass, &mut keep);
            assert!(matches!(&refused, Err(Error::Device(_))), "{pattern_keys}");
            let message = refused.map(|_| ()).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}

/// Hooks that say nothing of observations observe nothing.
#[test]
fn nothing_is_observed_unasked() {
    let wanted = all_observations();
    assert!(
        wanted
            .into_iter()
            .all(|observation| !NoHooks.observes(observation))
    );
    assert_eq!(NoHooks.pattern_keys(), 0);
}
