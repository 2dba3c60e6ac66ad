//! Scans of a person's own texts: what is to be read, how far it is, and the atlases that were made here.

use ::atlas::AtlasInfo;

use super::{History, State};

/// Folder of atlases of one's own, in addresses relative to the page.
pub const FOLDER: &str = "own-atlas/";

/// Most tokens that the model sees at a time, unless the person chooses otherwise.
pub const CONTEXT: usize = 64;

/// The address of the index of an atlas of one's own.
pub fn index_of(id: &str) -> String {
    format!("{FOLDER}{id}/{}", ::atlas::files::INDEX)
}

/// A chosen text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Name of its file.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// True for the name of a file that can be scanned here.
pub fn is_text(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".txt", ".jsonl", ".ndjson"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// True for the name of a file that may be an exported atlas.
pub fn is_archive(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".zip")
}

/// What is scanned, and how, as the person chose it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The files.
    pub texts: Vec<Text>,
    /// Ids of loaded sets that are left out.
    pub without: Vec<String>,
    /// Tokens of a window, as chosen; nothing leaves it to the page.
    pub context: Option<usize>,
    /// Tokens after which it ends, as typed.
    pub limit: String,
    /// True if coordinates for the map are made.
    pub map: bool,
}

impl Choice {
    /// The limit; nothing for none, an error for what is no number.
    ///
    /// # Errors
    /// What is wrong with what was typed.
    pub fn limit_tokens(&self) -> Result<Option<u64>, &'static str> {
        let typed: String = self
            .limit
            .chars()
            .filter(|c| !" ,_'’".contains(*c))
            .collect();
        match typed.parse() {
            _ if typed.is_empty() => Ok(None),
            Ok(0) | Err(_) => {
                Err("A whole number of tokens from 1 on, or nothing for all of them.")
            }
            Ok(tokens) => Ok(Some(tokens)),
        }
    }
}

/// A scan that can begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Ids of loaded sets.
    pub sets: Vec<String>,
    /// Tokens of a window.
    pub context: usize,
    /// Tokens after which it ends.
    pub limit: Option<u64>,
    /// True if coordinates for the map are made.
    pub map: bool,
}

/// What a running scan reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// Weights are loaded, and read for their hashes.
    Load {
        /// Bytes so far.
        bytes: f64,
        /// Bytes in all.
        total: f64,
    },
    /// Texts are read.
    Scan {
        /// Tokens so far.
        tokens: f64,
        /// Bytes of the texts so far.
        bytes: f64,
        /// Bytes in all.
        total: f64,
    },
    /// Features are described.
    Describe {
        /// Share that is done, from 0 to 1.
        share: f64,
    },
    /// The result is stored.
    Save,
}

/// A scan that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// How far it is.
    pub stage: Stage,
    /// Time at which this stage was first reported, milliseconds.
    since: f64,
    /// Tokens and bytes by then.
    first: (f64, f64),
    /// Time of the last report, milliseconds.
    now: f64,
    /// True once the person has asked for its end.
    pub stopping: bool,
}

impl Running {
    /// A scan that begins.
    pub fn new(now: f64) -> Self {
        Self {
            stage: Stage::Load {
                bytes: 0.0,
                total: 0.0,
            },
            since: now,
            first: (0.0, 0.0),
            now,
            stopping: false,
        }
    }

    fn report(&mut self, stage: Stage, now: f64) {
        if std::mem::discriminant(&stage) != std::mem::discriminant(&self.stage) {
            self.since = now;
            self.first = match stage {
                Stage::Scan { tokens, bytes, .. } => (tokens, bytes),
                _ => (0.0, 0.0),
            };
        }
        self.stage = stage;
        self.now = now;
    }

    /// Share of the stage that is done, from 0 to 1; nothing where that is not known.
    pub fn share(&self) -> Option<f64> {
        let of = |done: f64, total: f64| (total > 0.0).then(|| (done / total).clamp(0.0, 1.0));
        match self.stage {
            Stage::Load { bytes, total } | Stage::Scan { bytes, total, .. } => of(bytes, total),
            Stage::Describe { share } => of(share, 1.0),
            Stage::Save => None,
        }
    }

    /// Tokens per second since texts are read.
    pub fn rate(&self) -> Option<f64> {
        let Stage::Scan { tokens, .. } = self.stage else {
            return None;
        };
        let seconds = (self.now - self.since) / 1000.0;
        (seconds > 0.0).then(|| (tokens - self.first.0) / seconds)
    }

    /// Seconds that the texts still take, by the bytes that are left; with a limit of tokens, by those if they are sooner through.
    pub fn left(&self, limit: Option<u64>) -> Option<f64> {
        let Stage::Scan {
            tokens,
            bytes,
            total,
        } = self.stage
        else {
            return None;
        };
        let seconds = (self.now - self.since) / 1000.0;
        let read = bytes - self.first.1;
        let by_bytes = (read > 0.0).then(|| seconds * (total - bytes).max(0.0) / read);
        let by_tokens = limit
            .zip(self.rate().filter(|rate| *rate > 0.0))
            .map(|(limit, rate)| (limit as f64 - tokens).max(0.0) / rate);
        match (by_bytes, by_tokens) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

/// An atlas that was made here.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnAtlas {
    /// Its id: the first digits of the SHA-256 of its index.
    pub id: String,
    /// Name of the texts.
    pub name: String,
    /// Tokens of them.
    pub tokens: u64,
    /// Bytes of its files, without the index.
    pub bytes: u64,
}

impl OwnAtlas {
    /// What the page needs to know of an atlas: its index, which names thousands of files, stays where it is stored.
    pub fn of(id: String, info: &AtlasInfo) -> Self {
        let files = ::atlas::files::all_files(info);
        Self {
            id,
            name: info.corpus.name.clone(),
            tokens: info.corpus.tokens,
            bytes: files.map(|file| file.bytes).sum(),
        }
    }
}

/// Scans, and what they made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScanState {
    /// True if the panel is open.
    pub open: bool,
    /// What is to be scanned.
    pub choice: Choice,
    /// The scan that runs.
    pub running: Option<Running>,
    /// Why the last one failed.
    pub failed: Option<String>,
    /// Atlases in this browser.
    pub own: Vec<OwnAtlas>,
    /// True while one is taken out of a zip file.
    pub opening: bool,
}

/// Something about scans.
#[derive(Clone, Debug)]
pub enum ScanAction {
    /// Opens or closes the panel.
    Open(bool),
    /// Texts were chosen.
    Choose(Vec<Text>),
    /// A set is scanned, or left out.
    Include(String, bool),
    /// Tokens of a window.
    Context(usize),
    /// Tokens after which it ends, as typed.
    Limit(String),
    /// Whether coordinates are made.
    Map(bool),
    /// A scan begins, at a time in milliseconds.
    Started(f64),
    /// How far it is, at a time in milliseconds.
    Progress(Stage, f64),
    /// The person asked for its end.
    Stopping,
    /// It made an atlas, or failed; nothing where it was given up before there was anything.
    Ended(Result<Option<OwnAtlas>, String>),
    /// Atlases that are in this browser.
    Listed(Vec<OwnAtlas>),
    /// One is taken out of a zip file, or no longer.
    Opening(bool),
    /// One came out of a zip file.
    Opened(OwnAtlas),
    /// One of them is shown, or, of none, the site's.
    Use(Option<String>),
    /// One was removed.
    Removed(String),
    /// Something about them failed.
    Failed(String),
}

impl State {
    pub(super) fn scan_action(&mut self, action: ScanAction) {
        let scan = &mut self.scan;
        match action {
            ScanAction::Open(open) => scan.open = open,
            ScanAction::Choose(texts) => {
                scan.choice.texts = texts;
                scan.open = true;
                scan.failed = None;
            }
            ScanAction::Include(id, true) => scan.choice.without.retain(|one| *one != id),
            ScanAction::Include(id, false) => scan.choice.without.push(id),
            ScanAction::Context(context) => scan.choice.context = Some(context),
            ScanAction::Limit(typed) => scan.choice.limit = typed,
            ScanAction::Map(map) => scan.choice.map = map,
            ScanAction::Started(now) => {
                scan.failed = None;
                scan.running = Some(Running::new(now));
            }
            ScanAction::Progress(stage, now) => {
                if let Some(running) = &mut scan.running {
                    running.report(stage, now);
                }
            }
            ScanAction::Stopping => {
                if let Some(running) = &mut scan.running {
                    running.stopping = true;
                }
            }
            ScanAction::Ended(ended) => {
                scan.running = None;
                match ended {
                    Ok(Some(atlas)) => {
                        scan.open = false;
                        self.add_atlas(atlas);
                    }
                    Ok(None) => {}
                    Err(why) => scan.failed = Some(why),
                }
            }
            ScanAction::Opening(opening) => {
                scan.opening = opening;
                scan.failed = None;
            }
            ScanAction::Opened(atlas) => self.add_atlas(atlas),
            ScanAction::Listed(own) => scan.own = own,
            ScanAction::Use(id) => self.use_atlas(id),
            ScanAction::Removed(id) => {
                scan.own.retain(|one| one.id != id);
                if self.place.atlas.as_ref() == Some(&id) {
                    self.use_atlas(None);
                }
            }
            ScanAction::Failed(why) => scan.failed = Some(why),
        }
    }

    /// An atlas is in this browser now, and shown.
    fn add_atlas(&mut self, atlas: OwnAtlas) {
        self.scan.own.retain(|one| one.id != atlas.id);
        let id = atlas.id.clone();
        self.scan.own.push(atlas);
        self.use_atlas(Some(id));
    }

    /// Another atlas is shown. What the address says of the one before means nothing in it.
    fn use_atlas(&mut self, id: Option<String>) {
        if self.place.atlas == id {
            return;
        }
        self.place.atlas = id;
        self.place.page = None;
        self.place.listed = None;
        self.place.browse = crate::browse::Query::default();
        self.history = History::Push;
    }

    /// The scan of what is chosen.
    ///
    /// # Errors
    /// What is missing for it.
    pub fn wanted_scan(&self) -> Result<Wanted, &'static str> {
        let choice = &self.scan.choice;
        if choice.texts.is_empty() {
            return Err("Choose a text first.");
        }
        let model = self.model.as_ref();
        let model = model.ok_or("The model is not there yet.")?;
        let saes = self.saes.iter().map(|sae| &sae.id);
        let sets = saes.filter(|id| !choice.without.contains(id));
        let sets: Vec<String> = sets.cloned().collect();
        if sets.is_empty() {
            return Err("Choose at least one feature set.");
        }
        Ok(Wanted {
            sets,
            context: choice.context.unwrap_or(CONTEXT).min(model.n_ctx),
            limit: choice.limit_tokens()?,
            map: choice.map,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Place};
    use super::*;

    #[test]
    fn rate_and_time_left_are_those_of_the_stage() {
        let mut running = Running::new(0.0);
        running.report(
            Stage::Load {
                bytes: 5.0,
                total: 10.0,
            },
            4000.0,
        );
        assert_eq!((running.share(), running.rate()), (Some(0.5), None));
        let at = |tokens: f64, bytes: f64| Stage::Scan {
            tokens,
            bytes,
            total: 1000.0,
        };
        running.report(at(20.0, 100.0), 10_000.0);
        assert_eq!((running.rate(), running.left(None)), (None, None));
        running.report(at(120.0, 400.0), 12_000.0);
        assert_eq!(running.rate(), Some(50.0));
        // 300 bytes in 2 s, 600 to go.
        assert_eq!(running.left(None), Some(4.0));
        assert_eq!(running.left(Some(170)), Some(1.0));
        assert_eq!(running.left(Some(10_000)), Some(4.0));
        running.report(Stage::Describe { share: 0.25 }, 20_000.0);
        assert_eq!((running.share(), running.left(None)), (Some(0.25), None));
        running.report(Stage::Save, 21_000.0);
        assert_eq!(running.share(), None);
        // Without texts there is nothing to divide by.
        let mut empty = Running::new(0.0);
        empty.report(
            Stage::Scan {
                tokens: 0.0,
                bytes: 0.0,
                total: 0.0,
            },
            1.0,
        );
        assert_eq!((empty.share(), empty.left(Some(5))), (None, None));
    }

    #[test]
    fn a_limit_is_a_number_or_nothing() {
        let limit = |typed: &str| {
            let choice = Choice {
                limit: typed.to_owned(),
                ..Choice::default()
            };
            choice.limit_tokens()
        };
        assert_eq!(limit(" "), Ok(None));
        assert_eq!(limit("200,000"), Ok(Some(200_000)));
        for wrong in ["0", "-3", "many", "1.5"] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
        assert!(is_text("a.TXT.gz") && is_text("b.jsonl") && !is_text("c.parquet"));
    }

    #[test]
    fn a_scan_says_what_it_lacks() {
        let scan = |state: State, action| state.after(Action::Scan(action));
        let text = Text {
            name: "a.txt".to_owned(),
            bytes: 5,
        };
        let state = State::new(Place::default());
        assert!(state.wanted_scan().unwrap_err().contains("text"));
        let state = scan(state, ScanAction::Choose(vec![text]));
        assert!(state.wanted_scan().unwrap_err().contains("model"));
        let model = crate::data::ModelInfo {
            n_ctx: 48,
            ..Default::default()
        };
        let saes = ["a", "b"].map(|id| crate::data::SaeInfo {
            id: id.to_owned(),
            ..Default::default()
        });
        let state = state.after(Action::EngineReady(model, saes.into()));
        let state = scan(state, ScanAction::Include("a".to_owned(), false));
        let wanted = state.wanted_scan().unwrap();
        assert_eq!((wanted.sets, wanted.context), (vec!["b".to_owned()], 48));
        let none = scan(state.clone(), ScanAction::Include("b".to_owned(), false));
        assert!(none.wanted_scan().unwrap_err().contains("feature set"));
        let wrong = scan(state, ScanAction::Limit("many".to_owned()));
        assert!(wrong.wanted_scan().is_err());
    }

    #[test]
    fn another_atlas_is_another_step_and_keeps_nothing_of_the_one_before() {
        let state = State::new(Place::from_hash("#/features/layer-3/4?on=king&token=1"));
        let state = state.after(Action::Scan(ScanAction::Use(Some("0123".to_owned()))));
        let hash = state.place.to_hash();
        assert!(hash.starts_with("#/features?atlas=0123"), "{hash}");
        assert_eq!(Place::from_hash(&hash).atlas.as_deref(), Some("0123"));
        assert!(
            matches!(state.atlas.address.get(), Some(address) if **address == "own-atlas/0123/atlas.json")
        );
        assert_eq!((state.history, state.place.token), (History::Push, Some(1)));
        // The site's, of which nothing is known yet.
        let state = state.after(Action::Scan(ScanAction::Removed("0123".to_owned())));
        assert_eq!(state.place.atlas, None);
        assert!(state.atlas.address.get().is_none());
        // An address that names no file of this browser's is none.
        assert_eq!(Place::from_hash("#/features?atlas=../x").atlas, None);
    }
}
