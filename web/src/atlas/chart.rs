//! A histogram as bars of a chart.

use ::atlas::record::Histogram;

/// A bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// Lower end, included.
    pub low: f64,
    /// Upper end, excluded.
    pub high: f64,
    /// Values between them.
    pub count: u64,
}

/// Bars of equal width, side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// The bars.
    pub columns: Vec<Column>,
    /// The largest count.
    pub most: u64,
}

/// A histogram with at most so many bars: neighbouring bins are joined, 2, 4, 8, … at a time. Nothing where it counts nothing.
pub fn bars(histogram: &Histogram, at_most: usize) -> Option<Bars> {
    let (origin, width) = (f64::from(histogram.origin), f64::from(histogram.width));
    if !origin.is_finite() || histogram.counts.is_empty() || width <= 0.0 || !width.is_finite() {
        return None;
    }
    let first = i64::from(histogram.first);
    let last = first + histogram.counts.len() as i64 - 1;
    let mut joined = 1i64;
    while last.div_euclid(joined) - first.div_euclid(joined) >= at_most.max(1) as i64 {
        joined *= 2;
    }
    let start = first.div_euclid(joined);
    let column = |number: i64| Column {
        low: origin + (number * joined) as f64 * width,
        high: origin + ((number + 1) * joined) as f64 * width,
        count: 0,
    };
    let mut columns: Vec<_> = (start..=last.div_euclid(joined)).map(column).collect();
    for (bin, &count) in (first..).zip(&histogram.counts) {
        let at = usize::try_from(bin.div_euclid(joined) - start).ok()?;
        if let Some(column) = columns.get_mut(at) {
            column.count = column.count.saturating_add(count);
        }
    }
    let most = columns.iter().map(|column| column.count).max()?;
    (most > 0).then_some(Bars { columns, most })
}

impl Bars {
    /// The lower end of the first bar and the upper end of the last one.
    pub fn ends(&self) -> (f64, f64) {
        let low = self.columns.first().map_or(0.0, |column| column.low);
        (low, self.columns.last().map_or(low, |column| column.high))
    }

    /// Height of a count, from 0 to 1: its share of the largest, or that of ln(1 + count).
    pub fn height(&self, count: u64, logarithmic: bool) -> f64 {
        let scaled = |count: u64| {
            if logarithmic {
                (count as f64).ln_1p()
            } else {
                count as f64
            }
        };
        scaled(count) / scaled(self.most.max(1))
    }

    /// Place of a value, in bars from the left end; one outside stands at the end.
    pub fn place(&self, value: f64) -> f64 {
        let (low, high) = self.ends();
        let share = (value - low) / (high - low);
        let bars = self.columns.len() as f64;
        if share.is_nan() {
            0.0
        } else {
            share.clamp(0.0, 1.0) * bars
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_joined_where_they_are_too_many() {
        let histogram = Histogram {
            origin: 0.0,
            width: 0.25,
            first: -3,
            counts: vec![1, 2, 3, 4, 5, 6, 7],
        };
        let whole = bars(&histogram, 50).unwrap();
        assert_eq!(whole.columns.len(), 7);
        assert_eq!(whole.ends(), (-0.75, 1.0));
        let few = bars(&histogram, 4).unwrap();
        // Bins −3 to 3 by twos from −4 on: each bar begins at a multiple of its width.
        let counts: Vec<_> = few.columns.iter().map(|column| column.count).collect();
        assert_eq!(counts, [1, 5, 9, 13]);
        assert_eq!(few.ends(), (-1.0, 1.0));
        assert_eq!(few.most, 13);
        assert_eq!(few.place(0.0), 2.0);
        assert_eq!((few.place(-9.0), few.place(9.0)), (0.0, 4.0));
        assert_eq!(few.height(13, true), 1.0);
        assert!((few.height(5, false) - 5.0 / 13.0).abs() < 1e-12);
        assert!((few.height(5, true) - 6f64.ln() / 14f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn bins_of_another_format_begin_where_it_says() {
        let histogram = Histogram {
            origin: 0.5,
            width: 2.0,
            first: 0,
            counts: vec![3, 1],
        };
        assert_eq!(bars(&histogram, 10).unwrap().ends(), (0.5, 4.5));
    }

    #[test]
    fn what_counts_nothing_has_no_bars() {
        assert_eq!(bars(&Histogram::default(), 10), None);
        let empty = Histogram {
            origin: 0.0,
            width: 1.0,
            first: 0,
            counts: vec![0, 0],
        };
        assert_eq!(bars(&empty, 10), None);
        let endless = Histogram {
            origin: 0.0,
            width: f32::NAN,
            first: 0,
            counts: vec![1],
        };
        assert_eq!(bars(&endless, 10), None);
        // Values at the ends of the range do not overflow.
        let far = Histogram {
            origin: 0.0,
            width: 1e30,
            first: i32::MAX - 1,
            counts: vec![1, 1],
        };
        assert_eq!(bars(&far, 1).unwrap().most, 2);
    }
}
