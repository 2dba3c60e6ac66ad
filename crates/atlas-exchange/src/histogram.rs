//! Histograms in other shapes: bars by their middles, as SAEDashboard has them, and bins of 0.2 that count what lies at or
//! below their upper end, as OpenAI's viewer has them.

use std::collections::BTreeMap;

use atlas::record::Histogram;

use crate::error::Error;
use crate::json::At;

/// Bars of a histogram.
const MOST_BARS: usize = 1 << 16;
/// SAEDashboard rounds the middles of bars to three decimals.
const ROUNDED_BY: f64 = 0.001;
/// Width of the viewer's bins.
const BIN: f32 = 0.2;

/// Middles and heights of the bars. Of a single bar nothing would tell the width, so an empty one follows.
pub fn to_bars(histogram: &Histogram) -> (Vec<f64>, Vec<u64>) {
    let mut heights = histogram.counts.clone();
    if heights.len() == 1 {
        heights.push(0);
    }
    let (origin, width) = (f64::from(histogram.origin), f64::from(histogram.width));
    let middle = |bar: usize| origin + (f64::from(histogram.first) + bar as f64 + 0.5) * width;
    ((0..heights.len()).map(middle).collect(), heights)
}

/// The histogram with these bars; None where there are none, or too few to tell their width.
pub fn from_bars(
    at: &At<'_>,
    names: [&str; 2],
    values: &[f64],
    heights: &[f64],
) -> Result<Option<Histogram>, Error> {
    let [value_name, height_name] = names;
    let (values_at, heights_at) = (at.field(value_name), at.field(height_name));
    heights_at.same_length(heights.len(), value_name, values.len())?;
    if heights.len() > MOST_BARS {
        return Err(heights_at.error(format!(
            "has {} bars, more than any histogram",
            heights.len()
        )));
    }
    let counts = heights.iter().enumerate();
    let counts: Result<Vec<u64>, Error> = counts
        .map(|(bar, height)| heights_at.entry(bar).count(*height))
        .collect();
    let counts = counts?;
    let (Some(left), Some(right)) = (values.first(), values.last()) else {
        return Ok(None);
    };
    if counts.iter().all(|count| *count == 0) {
        return Ok(Some(Histogram::default()));
    }
    let width = (right - left) / (values.len() as f64 - 1.0).max(1.0);
    for (bar, value) in values.iter().enumerate() {
        let expected = left + bar as f64 * width;
        if (value - expected).abs() > 1.1 * ROUNDED_BY + 1e-6 * (right - left).abs() {
            return Err(values_at.entry(bar).error(format!(
                "is {value}; bars of equal width would have {expected}"
            )));
        }
    }
    // All middles may be rounded to the same number, and a feature may have one bar.
    if width <= 0.0 {
        return Ok(None);
    }
    let begin = (left - width / 2.0) / width;
    let first = begin.round();
    let widths = values_at.number(width)?;
    if first.abs() > f64::from(1 << 30) || widths <= 0.0 {
        return Err(values_at.error(format!(
            "has bars of width {width} at {left}, which is finer than activations are"
        )));
    }
    let offset = begin - first;
    let origin = if offset.abs() < 1e-6 {
        0.0
    } else {
        offset * width
    };
    Ok(Some(trimmed(origin as f32, widths, first as i64, counts)))
}

/// A histogram without empty bins at its ends.
fn trimmed(origin: f32, width: f32, first: i64, counts: Vec<u64>) -> Histogram {
    let begin = counts.iter().position(|count| *count > 0);
    let end = counts.iter().rposition(|count| *count > 0);
    let (Some(begin), Some(end)) = (begin, end) else {
        return Histogram::default();
    };
    Histogram {
        origin,
        width,
        first: (first + begin as i64).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32,
        counts: counts.get(begin..=end).unwrap_or_default().to_vec(),
    }
}

/// The viewer's bins: bin i counts values in (0.2 · (i - 1), 0.2 · i]. A bin of the atlas is counted where its middle lies.
pub fn to_bins(histogram: &Histogram) -> BTreeMap<i64, u64> {
    let (middles, heights) = to_bars(histogram);
    let mut bins = BTreeMap::new();
    for (middle, height) in middles.into_iter().zip(heights) {
        if height > 0 {
            let bin = (middle / f64::from(BIN)).ceil() as i64;
            *bins.entry(bin).or_insert(0) += height;
        }
    }
    bins
}

/// The histogram of the viewer's bins. Bin 0 counts the zeros of a feature that is never below 0, and is left out.
pub fn from_bins(at: &At<'_>, bins: &BTreeMap<String, f64>) -> Result<Option<Histogram>, Error> {
    let mut counts = BTreeMap::new();
    for (name, count) in bins {
        let at = at.field(name);
        let bin = name.trim_end_matches(".0").parse::<i64>().ok();
        let bin = bin.filter(|bin| bin.unsigned_abs() <= 1 << 30);
        let bin = bin.ok_or_else(|| at.error("is not the number of a bin"))?;
        if bin != 0 {
            *counts.entry(bin).or_insert(0) += at.count(*count)?;
        }
    }
    let ends = counts.first_key_value().zip(counts.last_key_value());
    let Some(((first, _), (last, _))) = ends else {
        return Ok((!bins.is_empty()).then(Histogram::default));
    };
    if last - first >= MOST_BARS as i64 {
        return Err(at.error(format!(
            "spans bins {first} to {last}, more than any histogram"
        )));
    }
    let all = (*first..=*last).map(|bin| counts.get(&bin).copied().unwrap_or(0));
    Ok(Some(trimmed(0.0, BIN, first - 1, all.collect())))
}
