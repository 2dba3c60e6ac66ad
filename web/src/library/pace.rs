//! Estimates of the time of a download.

use crate::format::{bytes, time_left};

/// Rate that is assumed where nothing is known, in bytes per second: 25 Mbit/s.
const ASSUMED: f64 = 25e6 / 8.0;

/// Browsers state no higher rate than this, in Mbit/s, so that it does not tell people apart.
const MOST_STATED: f64 = 10.0;

/// Source of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The page's last download.
    Measured,
    /// The browser's estimate for the connection.
    Browser,
    /// Nothing is known of the connection.
    Assumed,
}

/// A rate at which a download is expected to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Bytes per second.
    pub rate: f64,
    /// Source of the rate.
    pub basis: Basis,
}

impl Pace {
    /// The rate of the last download in bytes per second, or else the browser's estimate in Mbit/s, or else an assumption.
    pub fn of(measured: Option<f64>, stated: Option<f64>) -> Self {
        let sound = |rate: &f64| rate.is_finite() && *rate > 0.0;
        match (measured.filter(sound), stated.filter(sound)) {
            (Some(rate), _) => Self {
                rate,
                basis: Basis::Measured,
            },
            (None, Some(stated)) => Self {
                rate: stated * 1e6 / 8.0,
                basis: Basis::Browser,
            },
            (None, None) => Self {
                rate: ASSUMED,
                basis: Basis::Assumed,
            },
        }
    }

    /// Time for a number of bytes, and how it is estimated: `about 4 min at 3.1 MB/s, …`.
    pub fn sentence(&self, size: f64) -> String {
        let how = match self.basis {
            Basis::Measured => "measured on the last download".to_owned(),
            Basis::Browser if self.rate * 8.0 / 1e6 >= MOST_STATED => {
                format!("the most that the browser states for a connection ({MOST_STATED} Mbit/s)")
            }
            Basis::Browser => "the browser's estimate for this connection".to_owned(),
            Basis::Assumed => "assumed: nothing was downloaded yet in this visit".to_owned(),
        };
        format!(
            "about {} at {}/s, {how}",
            time_left(size / self.rate),
            bytes(self.rate)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_follows_from_the_best_known_rate_and_says_from_which() {
        let measured = Pace::of(Some(2e6), Some(10.0));
        assert_eq!(
            measured.sentence(60e6),
            "about 30 s at 2.0 MB/s, measured on the last download"
        );
        let stated = Pace::of(None, Some(4.0));
        assert_eq!(
            stated.sentence(60e6),
            "about 2 min at 500.0 kB/s, the browser's estimate for this connection"
        );
        let most = Pace::of(None, Some(10.0)).sentence(1e6);
        assert!(
            most.ends_with("states for a connection (10 Mbit/s)"),
            "{most}"
        );
        let assumed = Pace::of(None, None).sentence(548e6);
        assert!(
            assumed.starts_with("about 3 min at 3.1 MB/s, assumed"),
            "{assumed}"
        );
        // No rate at all is nothing to divide by.
        assert_eq!(Pace::of(Some(0.0), Some(f64::NAN)), Pace::of(None, None));
    }
}
