//! A scan while it runs.

use atlas::Tally;
use atlas::tally::TallySet;

use crate::info::{Progress, ScanInfo};

/// A scan while it runs: a tally per feature set, and how far it is. Between two batches of windows it can be saved, and taken up
/// again from there.
pub struct Scan {
    /// Its description. [`ScanInfo::progress`] is as of the last batch.
    pub info: ScanInfo,
    /// The tallies, in the order of [`ScanInfo::sets`].
    pub tallies: Vec<Tally>,
    /// Ids under which the sets are loaded in the session, in the same order: those of the sets themselves, unless the caller
    /// says otherwise.
    pub loaded: Vec<String>,
}

impl Scan {
    /// A scan that has read nothing.
    pub fn new(info: ScanInfo) -> Self {
        let tally = |set: &TallySet| {
            let (model, name) = (info.model.clone(), info.corpus.name.clone());
            Tally::new(model, set.clone(), name, info.settings.clone())
        };
        let tallies = info.sets.iter().map(tally).collect();
        let info = ScanInfo {
            complete: false,
            progress: Progress::default(),
            tallies: Vec::new(),
            ..info
        };
        Self::of(info, tallies)
    }

    /// A scan that goes on with what was counted already.
    pub fn of(info: ScanInfo, tallies: Vec<Tally>) -> Self {
        let loaded = info.sets.iter().map(|set| set.id.clone());
        Self {
            loaded: loaded.collect(),
            info,
            tallies,
        }
    }

    /// Ends it: its tallies are then those of any other division of the same documents, to the byte.
    pub fn end(&mut self) {
        self.tallies.iter_mut().for_each(Tally::end);
        self.info.complete = true;
    }
}
