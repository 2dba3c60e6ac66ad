//! Measurement of the speed of a download.

use crate::data::Progress;

/// The rate is that of the last seconds, so that it follows what the network does: milliseconds.
const WINDOW: f64 = 3000.0;

/// State of a download under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meter {
    /// Bytes so far.
    pub progress: Progress,
    /// When, in milliseconds, and with how many bytes the measuring began; and the same, a window later.
    from: (f64, f64),
    next: (f64, f64),
    now: f64,
}

impl Meter {
    /// More has come, at a time in milliseconds.
    pub fn update(&mut self, progress: Progress, now: f64) {
        let again = progress.stage != self.progress.stage || progress.loaded < self.progress.loaded;
        let here = (now, progress.loaded);
        // What lay in the cache says nothing about the network.
        if again || progress.source != self.progress.source {
            (self.from, self.next) = (here, here);
        } else if now - self.next.0 > WINDOW {
            (self.from, self.next) = (self.next, here);
        }
        self.now = now;
        self.progress = progress;
    }

    /// Bytes a second; nothing before there is something to measure.
    pub fn rate(&self) -> Option<f64> {
        let (time, bytes) = (self.now - self.from.0, self.progress.loaded - self.from.1);
        (time > 500.0 && bytes > 0.0).then(|| bytes / time * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(meter: &mut Meter, loaded: f64, source: &str, now: f64) {
        let progress = Progress {
            stage: "model".to_owned(),
            loaded,
            total: 1000.0,
            source: source.to_owned(),
            ..Progress::default()
        };
        meter.update(progress, now);
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds_and_of_one_source() {
        let mut meter = Meter::default();
        update(&mut meter, 0.0, "network", 10_000.0);
        assert_eq!(meter.rate(), None);
        for second in 1..=10 {
            update(
                &mut meter,
                10.0 * f64::from(second),
                "network",
                10_000.0 + 1000.0 * f64::from(second),
            );
        }
        assert_eq!(meter.rate(), Some(10.0));
        // Twice as fast from here on.
        for second in 11..=20 {
            update(
                &mut meter,
                100.0 + 20.0 * f64::from(second - 10),
                "network",
                10_000.0 + 1000.0 * f64::from(second),
            );
        }
        assert_eq!(meter.rate(), Some(20.0));
        update(&mut meter, 900.0, "cache", 31_000.0);
        assert_eq!(meter.rate(), None);
    }
}
