//! A load under way, with one total over all of its parts.

use super::meter::Meter;
use super::task::Task;

/// A load under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Job {
    /// Names of its parts, and the sizes of their downloads in bytes where those are known beforehand.
    pub parts: Vec<(String, Option<f64>)>,
    /// Index of the part under way.
    pub at: usize,
    /// Bytes of the parts before it.
    pub done: f64,
}

impl Job {
    /// A job that loads one thing after the other, before the first of them.
    pub fn of(tasks: &[Task]) -> Self {
        let part = |task: &Task| (task.name.clone(), task.bytes);
        Self {
            parts: tasks.iter().map(part).collect(),
            ..Self::default()
        }
    }

    /// Name of the part under way.
    pub fn name(&self) -> &str {
        self.parts.get(self.at).map_or("", |part| &part.0)
    }

    /// Goes on to a part, when the one before has come as its meter says.
    pub fn go_on(&mut self, at: usize, meter: &Meter) {
        if at > self.at {
            self.done += meter.progress.total;
            self.at = at;
        }
    }

    /// Bytes of all parts so far.
    pub fn loaded(&self, meter: &Meter) -> f64 {
        self.done + meter.progress.loaded
    }

    /// Bytes of all parts; nothing while the size of one of them is not known. Of the part under way the meter knows the sizes of
    /// those files that have been opened.
    pub fn total(&self, meter: &Meter) -> Option<f64> {
        let opened = Some(meter.progress.total).filter(|&total| total > 0.0);
        let now = match (opened, self.parts.get(self.at)?.1) {
            (Some(opened), Some(stated)) => opened.max(stated),
            (opened, stated) => opened.or(stated)?,
        };
        let later = self.parts.get(self.at + 1..).unwrap_or_default();
        let later: Option<f64> = later.iter().map(|part| part.1).sum();
        Some(self.done + now + later?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(loaded: f64, total: f64) -> Meter {
        let mut meter = Meter::default();
        meter.progress.loaded = loaded;
        meter.progress.total = total;
        meter
    }

    fn job(sizes: &[Option<f64>]) -> Job {
        Job {
            parts: sizes
                .iter()
                .map(|&size| ("part".to_owned(), size))
                .collect(),
            ..Job::default()
        }
    }

    #[test]
    fn one_total_goes_over_all_parts() {
        let mut job = job(&[Some(500.0), Some(100.0), Some(100.0)]);
        assert_eq!(job.total(&Meter::default()), Some(700.0));
        // Small files are opened first.
        assert_eq!(job.total(&meter(1.0, 2.0)), Some(700.0));
        // The first has a little more than was stated.
        assert_eq!(job.total(&meter(20.0, 510.0)), Some(710.0));
        job.go_on(1, &meter(510.0, 510.0));
        assert_eq!(job.loaded(&meter(30.0, 100.0)), 540.0);
        assert_eq!(job.total(&meter(30.0, 100.0)), Some(710.0));
        job.go_on(1, &meter(30.0, 100.0));
        assert_eq!(job.done, 510.0, "it is that part already");
    }

    #[test]
    fn without_all_sizes_there_is_no_total_until_they_are_known() {
        let mut job = job(&[Some(500.0), None]);
        assert_eq!(job.total(&meter(20.0, 510.0)), None);
        job.go_on(1, &meter(510.0, 510.0));
        assert_eq!(job.total(&Meter::default()), None);
        assert_eq!(job.total(&meter(0.0, 40.0)), Some(550.0));
    }
}
