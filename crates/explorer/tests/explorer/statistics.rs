//! Statistics of latents over a text: against all activations of the same windows, counted one by one.

use crate::common::{RELU, at_layer_3, layer_3, token_ids, with_demo};
use explorer::{Bos, Firing, Input, LatentStatistics, Session, TextStatistics, TraceOptions};
use pollster::block_on;

const TOP: usize = 4;

/// The windows in which a text that begins with a BOS is read.
fn windows(ids: &[u32]) -> Vec<Vec<u32>> {
    let (bos, rest) = ids.split_at(1);
    rest.chunks(255).map(|part| [bos, part].concat()).collect()
}

/// The same statistics from all activations.
fn counted(session: &Session, windows: &[Vec<u32>], sae: &str) -> Vec<LatentStatistics> {
    let options = TraceOptions {
        saes: Some(vec![sae.to_owned()]),
        ..TraceOptions::default()
    };
    let inputs: Vec<Input<'_>> = windows.iter().map(|ids| Input::Tokens(ids)).collect();
    let traces = block_on(session.trace_batch(&inputs, &options)).unwrap();
    let mut latents = vec![LatentStatistics::default(); traces[0].saes[0].n_latents];
    for (window, trace) in traces.iter().enumerate() {
        let found = &trace.saes[0];
        let slots = found.latents.iter().zip(&found.activations);
        for (slot, (latent, activation)) in slots.enumerate() {
            let Ok(latent) = usize::try_from(*latent) else {
                continue;
            };
            let of = &mut latents[latent];
            of.count += 1;
            of.sum += f64::from(*activation);
            of.sum_of_squares += f64::from(*activation).powi(2);
            of.max = of.max.max(*activation);
            of.top.push(Firing {
                window,
                position: slot / found.k,
                activation: *activation,
            });
        }
    }
    for latent in &mut latents {
        let strength = |a: &Firing, b: &Firing| {
            let places = (a.window, a.position).cmp(&(b.window, b.position));
            b.activation.total_cmp(&a.activation).then(places)
        };
        latent.top.sort_by(strength);
    }
    latents
}

#[track_caller]
fn compare(device: &str, sae: &str, found: &TextStatistics, expected: &[LatentStatistics]) {
    assert_eq!(found.latents.len(), expected.len());
    let mut full = 0;
    for (latent, (found, expected)) in found.latents.iter().zip(expected).enumerate() {
        let what = format!("{device}, {sae}, latent {latent}");
        assert_eq!(found.count, expected.count, "{what}");
        let pairs = [
            (found.sum, expected.sum),
            (found.sum_of_squares, expected.sum_of_squares),
        ];
        for (found, expected) in pairs {
            let error = (found - expected).abs();
            assert!(error <= 1e-5 * expected, "{what}: {found}, not {expected}");
        }
        assert_eq!(found.max, expected.max, "{what}");
        let top = &expected.top[..expected.top.len().min(TOP)];
        assert_eq!(found.top, top, "{what}");
        full += usize::from(top.len() == TOP);
    }
    assert!(full > 100, "{device}, {sae}: {full} latents fire often");
}

#[test]
fn statistics_are_those_of_all_activations_counted() {
    with_demo(|device, session| {
        // On the CPU more windows than one batch of rows takes; adapters in software are too slow for it.
        let whole = if device == "cpu" { 5 } else { 1 };
        let ids = token_ids(255 * whole + 70);
        let windows = windows(&ids);
        assert_eq!(windows.len(), whole + 1);
        for sae in ["openai.layer_3", RELU] {
            let found = block_on(session.latent_statistics(&ids, sae, TOP, Bos::Auto)).unwrap();
            assert_eq!(found.windows, windows.len(), "{device}");
            let tokens: usize = windows.iter().map(Vec::len).sum();
            assert_eq!(found.tokens, tokens, "{device}");
            let expected = counted(session, &windows, sae);
            compare(device, sae, &found, &expected);
        }
    });
}

#[test]
fn of_equal_activations_the_earlier_token_is_listed() {
    with_demo(|device, session| {
        // On a GPU the order of a sum depends on where in its batch a window lies.
        if device != "cpu" {
            return;
        }
        // Every window is the same one.
        let window = token_ids(256);
        let text: Vec<u32> = window[..1]
            .iter()
            .chain(std::iter::repeat_n(&window[1..], 6).flatten())
            .copied()
            .collect();
        let sae = "openai.layer_1";
        let found = block_on(session.latent_statistics(&text, sae, 3, Bos::Auto)).unwrap();
        assert_eq!((found.windows, found.tokens), (6, 6 * 256), "{device}");
        for (latent, found) in found.latents.iter().enumerate() {
            assert_eq!(found.count % 6, 0, "{device}, latent {latent}");
            if found.count > 0 {
                let places: Vec<usize> = found.top.iter().map(|firing| firing.window).collect();
                assert_eq!(places, [0, 1, 2], "{device}, latent {latent}");
            }
        }
    });
}

#[test]
fn what_cannot_be_counted_is_refused_with_its_reason() {
    with_demo(|device, session| {
        session
            .load_neurons("neurons", "blocks.1.mlp.hook_post")
            .unwrap();
        let place = at_layer_3();
        let loading = session.load_streamed_sae("streamed", layer_3(), &place, None);
        block_on(loading).unwrap();
        let ids = token_ids(9);
        let ask = |ids: &[u32], sae: &str, top| {
            block_on(session.latent_statistics(ids, sae, top, Bos::Auto))
        };
        let good = ask(&ids, RELU, 2).unwrap();
        for (sae, top, code, value) in [
            (RELU, 0, "bad-option", "0"),
            (RELU, 33, "bad-option", "33"),
            (
                "openai.layer_3",
                usize::MAX,
                "bad-option",
                "18446744073709551615",
            ),
            ("neurons", 3, "unsupported-architecture", "neurons"),
            ("streamed", 3, "unsupported-architecture", "streamed"),
            ("nobody", 3, "unknown-sae", "nobody"),
        ] {
            let error = ask(&ids, sae, top).unwrap_err();
            assert_eq!(error.code(), code, "{device}, {sae}: {error}");
            assert!(error.to_string().contains(value), "{device}: {error}");
            assert_eq!(ask(&ids, RELU, 2).unwrap(), good, "{device}, {sae}");
        }
        assert_eq!(ask(&[], RELU, 2).unwrap_err().code(), "empty-prompt");
        let widest = ask(&ids, "openai.layer_3", 32).unwrap();
        let fired = widest.latents.iter().map(|latent| latent.count);
        assert_eq!(fired.sum::<u64>(), 9 * 16, "{device}: TopK of 16 latents");
        for latent in &widest.latents {
            assert_eq!(latent.top.len() as u64, latent.count, "{device}");
        }
    });
}
