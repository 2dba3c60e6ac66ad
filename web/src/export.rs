//! Texts of the copy buttons: a trace as JSON, a table of features as TSV.

use std::fmt::Write;

use crate::data::{Effect, Metrics, SaeTrace, TokenChange, Trace};
use crate::format::{exact, exact_single};
use crate::ranking::{Active, Ranked, at_token};
use crate::state::dose::{About as Swept, Point};
use crate::state::effects::About;
use crate::state::patch::{About as PatchAbout, Carried, Patched};

pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", character as u32);
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// JSON has no NaN and no infinity; neither is a number to go on with.
pub(crate) fn number(out: &mut String, value: Option<f64>) {
    match value.filter(|value| value.is_finite()) {
        Some(value) => out.push_str(&exact(value)),
        None => out.push_str("null"),
    }
}

/// An f32 in as few digits as give it back.
pub(crate) fn single(out: &mut String, value: f32) {
    if value.is_finite() {
        out.push_str(&exact_single(value));
    } else {
        out.push_str("null");
    }
}

pub(crate) fn list<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    mut item: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (at, value) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        item(out, value);
    }
    out.push(']');
}

/// A trace under the names that the command line uses for it.
pub fn json(trace: &Trace) -> String {
    let mut out = String::from("{\"prompt\":");
    string(&mut out, &trace.prompt);
    out.push_str(",\"tokens\":");
    list(&mut out, &trace.tokens, |out, token| {
        let _ = write!(out, "{{\"id\":{},\"text\":", token.id);
        string(out, &token.text);
        out.push('}');
    });
    let _ = write!(
        out,
        ",\"bos_prepended\":{},\"bos_reason\":",
        trace.bos_prepended
    );
    string(&mut out, &trace.bos_reason);
    out.push_str(",\"next\":");
    list(
        &mut out,
        trace.next_by_position.last().into_iter().flatten(),
        |out, next| {
            let _ = write!(out, "{{\"id\":{},\"text\":", next.id);
            string(out, &next.text);
            out.push_str(",\"logit\":");
            single(out, next.logit);
            out.push_str(",\"prob\":");
            single(out, next.prob);
            out.push('}');
        },
    );
    out.push_str(",\"loss\":");
    number(&mut out, trace.loss);
    out.push_str(",\"token_losses\":");
    list(&mut out, &trace.token_losses, |out, &loss| {
        single(out, loss)
    });
    out.push_str(",\"saes\":");
    list(&mut out, &trace.saes, |out, sae| {
        sae_json(out, sae, trace.tokens.len())
    });
    out.push_str(",\"backend\":");
    string(&mut out, &trace.backend);
    out.push_str(",\"adapter\":");
    string(&mut out, &trace.adapter);
    out.push('}');
    out
}

fn sae_json(out: &mut String, sae: &SaeTrace, tokens: usize) {
    out.push_str("{\"id\":");
    string(out, &sae.id);
    out.push_str(",\"hook\":");
    string(out, &sae.hook);
    out.push_str(",\"architecture\":");
    string(out, &sae.architecture);
    let _ = write!(
        out,
        ",\"n_latents\":{},\"k\":{},\"features\":",
        sae.n_latents, sae.k
    );
    list(out, 0..tokens, |out, token| {
        list(
            out,
            at_token(sae, token),
            |out, Active { latent, activation }| {
                let _ = write!(out, "{{\"latent\":{latent},\"activation\":");
                single(out, activation);
                out.push('}');
            },
        );
    });
    let Metrics {
        l0,
        fvu,
        relative_error,
        cosine,
        spliced_loss,
        delta_ce,
        kl,
        positions,
    } = sae.metrics;
    let metrics = [
        ("l0", l0),
        ("fvu", fvu),
        ("relative_error", relative_error),
        ("cosine", cosine),
        ("spliced_loss", spliced_loss),
        ("delta_ce", delta_ce),
        ("kl", kl),
    ];
    for (name, value) in metrics {
        let _ = write!(out, ",\"{name}\":");
        number(out, value);
    }
    let _ = write!(out, ",\"positions\":{positions},\"skipped\":");
    list(out, &sae.skipped, |out, position| {
        let _ = write!(out, "{position}");
    });
    out.push_str(",\"cautions\":");
    list(out, &sae.cautions, |out, caution| string(out, caution));
    out.push('}');
}

/// The features of one token, a line each.
pub fn token_table(sae: &SaeTrace, token: usize) -> String {
    let mut out = String::from("sae\ttoken\tlatent\tactivation\n");
    for Active { latent, activation } in at_token(sae, token) {
        let activation = exact_single(activation);
        let _ = writeln!(out, "{}\t{token}\t{latent}\t{activation}", sae.id);
    }
    out
}

/// The features of a prompt, a line each.
pub fn prompt_table(sae: &SaeTrace, ranked: &[Ranked]) -> String {
    let mut out = String::from("sae\tlatent\tmax\tmean\ttokens\n");
    for Ranked {
        latent,
        max,
        mean,
        count,
    } in ranked
    {
        let (max, mean) = (exact_single(*max), exact_single(*mean));
        let _ = writeln!(out, "{}\t{latent}\t{max}\t{mean}\t{count}", sae.id);
    }
    out
}

/// A cell of a table behind the one before; empty where the number is missing.
fn cell(out: &mut String, value: Option<f64>) {
    out.push('\t');
    if let Some(value) = value.filter(|value| value.is_finite()) {
        out.push_str(&exact(value));
    }
}

/// Effects of features, tab-separated, in the order given; an empty cell where a number is missing. Texts of tokens are quoted as in
/// JSON, so that no tab or line break of theirs ends a cell.
pub fn effects_table(about: &About, effects: &[&Effect]) -> String {
    let mut out = "latent\tactivation\tposition\ttoken\tactive_at\tkl\twithin\tloss_difference\tlogit_difference\tdirect_path\tup\tdown\n".to_owned();
    let first = |out: &mut String, tokens: &[TokenChange]| {
        out.push('\t');
        if let Some(token) = tokens.first() {
            string(out, &token.text);
        }
    };
    for effect in effects {
        let Effect {
            latent,
            activation,
            position,
            active,
            ..
        } = effect;
        // Writing to a string cannot fail.
        let _ = write!(out, "{latent}\t");
        single(&mut out, *activation);
        let _ = write!(out, "\t{position}\t");
        if let Some(token) = about.tokens.get(*position) {
            string(&mut out, &token.text);
        }
        let _ = write!(out, "\t{active}");
        cell(&mut out, effect.kl);
        cell(&mut out, Some(effect.within));
        cell(&mut out, effect.loss);
        cell(&mut out, effect.logit_difference);
        cell(&mut out, effect.direct);
        first(&mut out, &effect.up);
        first(&mut out, &effect.down);
        out.push('\n');
    }
    out
}

/// A sweep, tab-separated: the clean run, then a line per value. An empty cell where a number is missing.
pub fn sweep_table(about: &Swept, clean: &Point, points: &[Point]) -> String {
    let mut out = "value\tloss\tkl".to_owned();
    for token in &about.watched {
        out.push('\t');
        string(&mut out, &token.text);
    }
    out.push_str("\tclean_loss_of_text\ttext\n");
    let mut line = |value: &str, point: &Point| {
        out.push_str(value);
        let written = point.written.as_ref();
        let probabilities = point
            .dosed
            .tracked
            .iter()
            .map(|next| Some(f64::from(next.prob)));
        let numbers = [point.dosed.loss, point.dosed.kl]
            .into_iter()
            .chain(probabilities);
        for number in numbers.chain([written.and_then(|(_, loss)| *loss)]) {
            cell(&mut out, number);
        }
        out.push('\t');
        if let Some((text, _)) = written {
            string(&mut out, text);
        }
        out.push('\n');
    };
    line("clean", clean);
    for (value, point) in about.plan.values.iter().zip(points) {
        line(&exact_single(*value), point);
    }
    out
}

/// Experiments of patching, tab-separated. An empty cell where a number is missing, and for all features together.
pub fn patch_table(about: &PatchAbout, patched: &[Patched]) -> String {
    let what = if about.hooks.is_empty() {
        "latent"
    } else {
        "hook"
    };
    let mut out = format!(
        "{what}\tposition\ttoken\tsource_token\tactivation\tsource_activation\tlogit_difference\tshare\tkl\n"
    );
    for (experiment, patched) in about.cells.iter().zip(patched) {
        // Writing to a string cannot fail.
        let _ = match experiment.what {
            Carried::Feature(latent) => write!(out, "{latent}\t{}", experiment.position),
            Carried::All => write!(out, "all\t{}", experiment.position),
            Carried::Stream(hook) => {
                write!(out, "{}\t{}", about.hook(hook), experiment.position)
            }
        };
        for tokens in &about.tokens {
            out.push('\t');
            if let Some(token) = tokens.get(experiment.position) {
                string(&mut out, &token.text);
            }
        }
        for value in [experiment.from, experiment.to] {
            out.push('\t');
            if experiment.what.latent().is_some() {
                single(&mut out, value);
            }
        }
        cell(&mut out, patched.difference);
        cell(&mut out, about.share(patched));
        cell(&mut out, patched.kl);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{NextToken, Token};
    use proptest::prelude::*;

    fn trace(text: &str, activation: f32) -> Trace {
        Trace {
            prompt: text.to_owned(),
            tokens: vec![Token {
                id: 3,
                text: text.to_owned(),
            }],
            loss: Some(f64::NAN),
            token_losses: vec![activation],
            next_by_position: vec![vec![NextToken {
                id: 1,
                text: text.to_owned(),
                logit: activation,
                prob: 0.5,
            }]],
            saes: vec![SaeTrace {
                id: "layer_1".to_owned(),
                k: 2,
                latents: vec![7, -1],
                activations: vec![activation, 0.0],
                metrics: Metrics {
                    l0: Some(1.0),
                    positions: 1,
                    ..Metrics::default()
                },
                ..SaeTrace::default()
            }],
            ..Trace::default()
        }
    }

    proptest! {
        #[test]
        fn json_is_read_back(text in any::<String>(), activation in 0.001f32..1e6) {
            let read: serde_json::Value = serde_json::from_str(&json(&trace(&text, activation))).unwrap();
            prop_assert_eq!(read["prompt"].as_str().unwrap(), &text);
            prop_assert_eq!(read["next"][0]["text"].as_str().unwrap(), &text);
            let features = &read["saes"][0]["features"][0];
            prop_assert_eq!(features.as_array().unwrap().len(), 1);
            prop_assert_eq!(features[0]["activation"].as_f64().unwrap() as f32, activation);
            prop_assert!(read["loss"].is_null());
            prop_assert!(read["saes"][0]["fvu"].is_null());
        }
    }

    #[test]
    fn tables_have_a_line_for_each_feature() {
        let trace = trace("a", 2.5);
        assert_eq!(
            token_table(&trace.saes[0], 0),
            "sae\ttoken\tlatent\tactivation\nlayer_1\t0\t7\t2.5\n"
        );
        let ranked = [Ranked {
            latent: 7,
            max: 2.5,
            mean: 1.25,
            count: 1,
        }];
        assert_eq!(
            prompt_table(&trace.saes[0], &ranked),
            "sae\tlatent\tmax\tmean\ttokens\nlayer_1\t7\t2.5\t1.25\t1\n"
        );
    }

    #[test]
    fn every_effect_is_a_line_with_empty_cells_for_what_is_missing() {
        let about = About {
            tokens: vec![Token {
                id: 1,
                text: "a\tb".to_owned(),
            }],
            ..About::default()
        };
        let effect = Effect {
            latent: 7,
            activation: 1.5,
            active: 2,
            kl: Some(0.25),
            loss: Some(f64::NAN),
            ..Effect::default()
        };
        let table = effects_table(&about, &[&effect]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].split('\t').count(), lines[1].split('\t').count());
        assert_eq!(lines[1], "7\t1.5\t0\t\"a\\tb\"\t2\t0.25\t0\t\t\t\t\t");
    }
}
