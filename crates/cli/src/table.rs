//! A trace for a person's eyes.

use std::fmt::Write as _;

use explorer::{Info, SaeTrace, Trace};
use former::features;

/// Features shown for a token; the rest are counted.
const SHOWN: usize = 5;
/// Characters of a token's text that are shown.
const WIDEST: usize = 20;

/// The whole trace as text.
pub fn render(trace: &Trace, info: &Info) -> String {
    let mut out = String::new();
    let model = info.model.as_ref().map_or("", |model| model.name.as_str());
    let _ = writeln!(
        out,
        "{model}, on the {} ({})",
        trace.backend.to_uppercase(),
        trace.adapter
    );
    if let Some(reason) = &info.fallback_reason {
        let _ = writeln!(out, "No GPU: {reason}");
    }
    let bos = if trace.bos_prepended {
        "the first a BOS"
    } else {
        "no BOS"
    };
    let loss = trace.loss.map_or_else(
        || "nothing to predict".to_owned(),
        |loss| format!("loss {loss:.4} nats a token"),
    );
    let _ = writeln!(
        out,
        "{}, {bos} ({}); {loss}\n",
        token_count(trace.tokens.len()),
        trace.bos_reason.trim_end_matches('.')
    );

    let tokens: Vec<String> = trace
        .tokens
        .iter()
        .map(|token| visible(&token.text))
        .collect();
    let mut rows = vec![["at".into(), "id".into(), "token".into(), "loss".into()]];
    for (at, (token, text)) in trace.tokens.iter().zip(&tokens).enumerate() {
        let loss = at
            .checked_sub(1)
            .and_then(|i| trace.token_losses.get(i))
            .map_or("–".into(), |loss| format!("{loss:.4}"));
        rows.push([at.to_string(), token.id.to_string(), text.clone(), loss]);
    }
    align(
        &mut out,
        &rows,
        &[Side::Right, Side::Right, Side::Left, Side::Right],
    );
    for sae in &trace.saes {
        let k = info
            .saes
            .iter()
            .find(|of| of.id == sae.id)
            .and_then(|of| of.k);
        autoencoder(&mut out, sae, k, &tokens);
    }
    let _ = writeln!(out, "\nAfter the last token");
    let mut rows = vec![[
        "id".into(),
        "token".into(),
        "probability".into(),
        "logit".into(),
    ]];
    for next in &trace.next {
        rows.push([
            next.id.to_string(),
            visible(&next.text),
            format!("{:.4}", next.prob),
            format!("{:.4}", next.logit),
        ]);
    }
    align(
        &mut out,
        &rows,
        &[Side::Right, Side::Left, Side::Right, Side::Right],
    );
    out
}

fn autoencoder(out: &mut String, sae: &SaeTrace, k: Option<usize>, tokens: &[String]) {
    let metrics = &sae.metrics;
    let k = k.map_or_else(String::new, |k| format!(", k = {k}"));
    let _ = writeln!(
        out,
        "\n{} at {}: {}{k}, {} latents",
        sae.id, sae.hook, sae.architecture, sae.n_latents
    );
    let space = if sae.normalization == "none" {
        "raw"
    } else {
        "normalised"
    };
    let _ = writeln!(
        out,
        "FVU {} ({space} space), relative error {}, cosine {}, L0 {}, spliced loss {}, ΔCE {}, KL {}; over {}{}",
        or_dash(metrics.fvu, false),
        or_dash(metrics.relative_error, false),
        or_dash(metrics.cosine, false),
        or_dash(metrics.l0, false),
        or_dash(metrics.spliced_loss, false),
        or_dash(metrics.delta_ce, true),
        or_dash(metrics.kl, false),
        token_count(metrics.positions),
        skipped(&sae.skipped),
    );
    for caution in &sae.cautions {
        let _ = writeln!(out, "{caution}");
    }
    let mut rows = vec![[
        "at".into(),
        "token".into(),
        "latents and their activations, strongest first".into(),
    ]];
    for ((at, token), active) in tokens.iter().enumerate().zip(features(sae)) {
        let mut line = String::new();
        for feature in active.iter().take(SHOWN) {
            let _ = write!(
                line,
                "{:>6} {:<8}",
                feature.latent,
                format!("{:.3}", feature.activation)
            );
        }
        if active.len() > SHOWN {
            let _ = write!(line, "  {} more", active.len() - SHOWN);
        }
        rows.push([at.to_string(), token.clone(), line.trim_end().to_owned()]);
    }
    align(out, &rows, &[Side::Right, Side::Left, Side::Left]);
}

/// `1 token`, `2 tokens`.
fn token_count(count: usize) -> String {
    format!("{count} token{}", if count == 1 { "" } else { "s" })
}

/// Positions that do not count, where there are any: the first few by number.
fn skipped(positions: &[u32]) -> String {
    const LISTED: usize = 8;
    if positions.is_empty() {
        return String::new();
    }
    let listed: Vec<String> = positions.iter().take(LISTED).map(u32::to_string).collect();
    let more = if positions.len() > LISTED {
        ", …"
    } else {
        ""
    };
    format!(" (not at {}{more})", listed.join(", "))
}

/// A number with four decimals, or a dash; with its sign where requested.
pub fn or_dash(value: Option<f64>, sign: bool) -> String {
    match value {
        Some(value) if sign => format!("{value:+.4}"),
        Some(value) => format!("{value:.4}"),
        None => "–".to_owned(),
    }
}

/// The alignment of a column.
#[derive(Clone, Copy)]
pub enum Side {
    /// At the column's left end.
    Left,
    /// At its right end.
    Right,
}

/// Columns two spaces apart, each as wide as its widest cell; the last is not padded. There are as many as `sides`.
pub fn align(out: &mut String, rows: &[impl AsRef<[String]>], sides: &[Side]) {
    let mut widths = vec![0; sides.len()];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row.as_ref()) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in rows {
        let mut line = String::new();
        for ((cell, width), side) in row.as_ref().iter().zip(&widths).zip(sides) {
            let _ = match side {
                Side::Left => write!(line, "  {cell:<width$}"),
                Side::Right => write!(line, "  {cell:>width$}"),
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// A token's text with its whitespace visible and its control characters spelled out, cut where it is long.
pub fn visible(text: &str) -> String {
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == WIDEST {
            out.push('…');
            break;
        }
        match c {
            ' ' => out.push('·'),
            '\n' => out.push('⏎'),
            '\t' => out.push('⇥'),
            // No-break spaces, ideographic spaces and the like, and anything that moves the cursor.
            c if c.is_whitespace() || c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn whitespace_is_visible() {
        assert_eq!(visible(" the\n\t"), "·the⏎⇥");
        assert_eq!(visible("\u{a0}\r\u{1b}"), "\\u{a0}\\u{d}\\u{1b}");
        assert_eq!(visible(&"x".repeat(30)), format!("{}…", "x".repeat(20)));
    }
}
