//! `atlas show`: what an atlas says about a feature.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use atlas::record::{Example, Histogram};
use atlas::{AtlasInfo, FeatureRecord, Quantity, SetInfo};
use atlas_folder::Folder;
use serde::Serialize;

use super::args::Show;
use super::error::AtlasError;
use super::words::{Words, chosen, harmless};
use crate::error::Error;

/// Rows of a histogram.
const ROWS: usize = 16;
/// Characters of the longest bar.
const BAR: usize = 40;
/// Tokens shown before the strongest one.
const BEFORE: usize = 20;
/// Tokens shown after it.
const AFTER: usize = 8;

/// A feature, as `--json` prints it.
#[derive(Serialize)]
struct Json<'a> {
    model: &'a str,
    set: &'a str,
    hook: &'a str,
    feature: &'a FeatureRecord,
    /// Names of numbers that are 0 because they are not known.
    unknown: &'a [Quantity],
    /// Texts of the tokens of the feature, by id; none where the atlas does not have them.
    texts: BTreeMap<u32, String>,
}

/// Prints a feature.
pub fn show(arguments: &Show) -> Result<(), Error> {
    let folder = Folder::open(&arguments.dir).map_err(AtlasError::from)?;
    let set = chosen(&folder, &arguments.set)?;
    let record = folder
        .feature(set, arguments.feature)
        .map_err(AtlasError::from)?;
    let words = Words(folder.vocabulary().map_err(AtlasError::from)?);
    let info = folder.info();
    let mut out = io::stdout().lock();
    if arguments.json {
        let json = Json {
            model: &info.model.name,
            set: &set.id,
            hook: &set.hook,
            feature: &record,
            unknown: info
                .imported
                .as_ref()
                .map_or(&[][..], |imported| imported.unknown.as_slice()),
            texts: texts(&record, &words),
        };
        return crate::print_json(&mut out, &json);
    }
    let page = Page { info, set, words };
    Ok(out.write_all(page.render(&record).as_bytes())?)
}

/// Texts of all tokens that a record names.
fn texts(record: &FeatureRecord, words: &Words) -> BTreeMap<u32, String> {
    let Some(vocabulary) = &words.0 else {
        return BTreeMap::new();
    };
    let intervals = record
        .intervals
        .iter()
        .flat_map(|interval| &interval.examples);
    let examples = record.top.iter().chain(intervals).chain(&record.random);
    let effects = record
        .logits
        .iter()
        .flat_map(|logits| logits.up.iter().chain(&logits.down));
    let tokens = examples.flat_map(|example| example.tokens.iter().copied());
    let tokens = tokens
        .chain(effects.map(|value| value.token))
        .chain(record.tokens.iter().map(|count| count.token));
    let text = |token: u32| {
        Some((
            token,
            String::from_utf8_lossy(vocabulary.get(token as usize)?).into_owned(),
        ))
    };
    tokens.filter_map(text).collect()
}

/// What is needed to write a feature out.
struct Page<'a> {
    info: &'a AtlasInfo,
    set: &'a SetInfo,
    words: Words,
}

impl Page<'_> {
    fn render(&self, record: &FeatureRecord) -> String {
        let mut out = String::new();
        let hook = if self.set.hook.is_empty() {
            String::new()
        } else {
            format!(" at {}", self.set.hook)
        };
        let _ = writeln!(
            out,
            "Feature {} of {}{}, {}",
            record.latent,
            self.set.id,
            harmless(&hook),
            harmless(&self.info.model.name)
        );
        if !record.label.is_empty() {
            let _ = writeln!(
                out,
                "{}  (a label from the statistics alone)",
                harmless(&record.label)
            );
        }
        self.moments(&mut out, record);
        bars(&mut out, "Activations", &record.histogram);
        self.examples(&mut out, "Strongest", &record.top);
        for interval in &record.intervals {
            let windows = if self.info.knows(Quantity::IntervalWindows) {
                format!(" ({} windows)", interval.windows)
            } else {
                String::new()
            };
            self.examples(
                &mut out,
                &format!(
                    "Peaks from {} to {}{windows}",
                    number(f64::from(interval.low)),
                    number(f64::from(interval.high))
                ),
                &interval.examples,
            );
        }
        self.examples(&mut out, "Random", &record.random);
        self.tokens(&mut out, record);
        self.logits(&mut out, record);
        self.relations(&mut out, record);
        out
    }

    fn moments(&self, out: &mut String, record: &FeatureRecord) {
        let moments = &record.moments;
        let known = |quantity, value: String| {
            if self.info.knows(quantity) {
                value
            } else {
                "–".to_owned()
            }
        };
        let optional = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
        if self.info.knows(Quantity::Density) && moments.density == 0.0 {
            let _ = writeln!(out, "It never fires.");
            return;
        }
        let _ = writeln!(
            out,
            "Fires on {} of {} tokens ({}), in {} windows",
            known(Quantity::Fired, moments.fired.to_string()),
            known(Quantity::CorpusTokens, self.set.tokens.to_string()),
            known(
                Quantity::Density,
                format!("{} %", number(100.0 * moments.density))
            ),
            known(Quantity::Windows, moments.windows.to_string()),
        );
        let _ = writeln!(
            out,
            "Largest activation {}, mean {}, mean square {}, skew {}, kurtosis {}",
            known(Quantity::Max, number(f64::from(moments.max))),
            known(Quantity::Mean, number(moments.mean)),
            known(Quantity::MeanSquare, number(moments.mean_square)),
            optional(moments.skew),
            optional(moments.kurtosis),
        );
    }

    fn examples(&self, out: &mut String, title: &str, examples: &[Example]) {
        if examples.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n{title}");
        for example in examples {
            let peak = usize::from(example.peak).min(example.tokens.len().saturating_sub(1));
            let begin = peak.saturating_sub(BEFORE);
            let end = (peak + 1 + AFTER).min(example.tokens.len());
            let part = |from: usize, to: usize| {
                self.words
                    .text(example.tokens.get(from..to).unwrap_or_default())
            };
            let more = |is: bool| if is { "…" } else { "" };
            let _ = writeln!(
                out,
                "  {:>8}  {}{}«{}»{}{}{}",
                number(f64::from(strongest(example))),
                more(begin > 0),
                part(begin, peak),
                part(peak, peak + 1),
                part(peak + 1, end),
                more(end < example.tokens.len()),
                self.origin(example)
            );
        }
    }

    /// Where an example is from, as far as that is known.
    fn origin(&self, example: &Example) -> String {
        if !self.info.knows(Quantity::ExampleDocument) {
            return String::new();
        }
        let named = self
            .info
            .documents
            .iter()
            .find(|document| document.number == example.document);
        let name = named.map_or_else(
            || format!("document {}", example.document),
            |document| harmless(&document.name),
        );
        format!("  ({name})")
    }

    fn tokens(&self, out: &mut String, record: &FeatureRecord) {
        if !record.tokens.is_empty() {
            let _ = writeln!(
                out,
                "\nTokens it fires on, of {} different ones",
                record.distinct_tokens
            );
            for count in &record.tokens {
                let _ = writeln!(
                    out,
                    "  {:>8} of {:<8}  {}",
                    count.fired,
                    count.occurs,
                    self.words.token(count.token)
                );
            }
        }
        let corpus = &self.info.corpus;
        let sources = corpus
            .sources
            .iter()
            .zip(&self.set.source_tokens)
            .zip(&record.sources);
        if self.info.knows(Quantity::Sources) && record.moments.fired > 0 {
            let _ = writeln!(out, "\nSources: share of tokens on which it fires");
            for ((name, tokens), fired) in sources.filter(|((_, tokens), _)| **tokens > 0) {
                let _ = writeln!(
                    out,
                    "  {:>8} %  {}",
                    number(100.0 * *fired as f64 / *tokens as f64),
                    harmless(name)
                );
            }
        }
    }

    fn logits(&self, out: &mut String, record: &FeatureRecord) {
        let Some(logits) = &record.logits else {
            return;
        };
        for (title, values) in [("raises", &logits.up), ("lowers", &logits.down)] {
            if !values.is_empty() {
                let _ = writeln!(
                    out,
                    "\nTokens whose logits it {title} most, per unit of activation (direct path only)"
                );
                for value in values {
                    let _ = writeln!(
                        out,
                        "  {:>8}  {}",
                        number(f64::from(value.value)),
                        self.words.token(value.token)
                    );
                }
            }
        }
    }

    fn relations(&self, out: &mut String, record: &FeatureRecord) {
        let mut lists: Vec<(&str, Vec<String>)> = vec![
            (
                "Similar features (cosine of decoder directions)",
                record
                    .similar
                    .iter()
                    .map(|other| format!("{} {:.3}", other.latent, other.cosine))
                    .collect(),
            ),
            (
                "Features that fire on the same tokens (times, PMI in nats)",
                record
                    .coactive
                    .iter()
                    .map(|other| format!("{} {} {:.2}", other.latent, other.count, other.pmi))
                    .collect(),
            ),
            (
                "Nearest in other sets (cosine)",
                record
                    .elsewhere
                    .iter()
                    .map(|other| {
                        format!(
                            "{}/{} {:.3}",
                            harmless(&other.set),
                            other.latent,
                            other.cosine
                        )
                    })
                    .collect(),
            ),
            (
                "MLP neurons that write nearest to its direction (cosine)",
                record
                    .neurons
                    .iter()
                    .map(|neuron| {
                        format!("L{}/{} {:.3}", neuron.layer, neuron.neuron, neuron.cosine)
                    })
                    .collect(),
            ),
            (
                "Attention heads that write to it (share; 1 is chance)",
                record
                    .heads
                    .iter()
                    .map(|head| format!("L{}H{} {:.2}", head.layer, head.head, head.share))
                    .collect(),
            ),
        ];
        lists.retain(|(_, entries)| !entries.is_empty());
        for (title, entries) in lists {
            let _ = writeln!(out, "\n{title}\n  {}", entries.join("   "));
        }
    }
}

/// The largest activation of an example.
fn strongest(example: &Example) -> f32 {
    example
        .activations
        .0
        .iter()
        .fold(0.0, |most, value| value.max(most))
}

/// A histogram as bars, several bins to a row where there are many.
fn bars(out: &mut String, title: &str, histogram: &Histogram) {
    if histogram.counts.is_empty() {
        return;
    }
    let per_row = histogram.counts.len().div_ceil(ROWS).max(1);
    let rows: Vec<u64> = histogram
        .counts
        .chunks(per_row)
        .map(|bins| bins.iter().sum())
        .collect();
    let most = rows.iter().copied().max().unwrap_or(0).max(1);
    let (origin, width) = (f64::from(histogram.origin), f64::from(histogram.width));
    let _ = writeln!(
        out,
        "\n{title}: tokens by activation, {} per row",
        number(width * per_row as f64)
    );
    for (row, count) in rows.iter().enumerate() {
        let low = origin + (f64::from(histogram.first) + (row * per_row) as f64) * width;
        // In eighths of a character, so that small counts are seen beside large ones.
        let eighths = (*count as f64 / most as f64 * 8.0 * BAR as f64).ceil() as usize;
        let mut bar = "█".repeat(eighths / 8);
        if let Some(part) = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"].get(eighths % 8) {
            bar.push_str(part);
        }
        let _ = writeln!(out, "  {:>8}  {bar} {count}", number(low));
    }
}

/// A number with four significant digits.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 7) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
