//! Scans of a person's own texts: what each feature does over them, as the files of an atlas.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use atlas::files::Written;
use atlas::tally::TallySet;
use atlas::{ModelKey, Settings};
use explorer::{Bos, Progress, SaeInfo, Session};
use js_sys::Function;
use scan_folder::{CorpusFile, CorpusKey, Scan, ScanInfo, Shard};
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wire::{ScanProgress, Scanned, ScannedFile};

use crate::engine::Engine;
use crate::error::{answer, bad_option, fault, refused};
use crate::options;
use crate::part::{self, unreadable};

/// What is to be scanned, and how.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    files: Vec<CorpusFile>,
    model_name: String,
    model_sha256: String,
    sets: Vec<WantedSet>,
    name: Option<String>,
    /// Tokens of a window, a BOS included; 64, or as many as the model has, if absent.
    context: Option<u32>,
    bos: Option<String>,
    text_field: Option<String>,
    limit_tokens: Option<u64>,
    map: Option<bool>,
}

/// A loaded feature set.
#[derive(Deserialize)]
struct WantedSet {
    id: String,
    sha256: String,
}

/// Tokens of a window, where nobody says otherwise.
const CONTEXT: usize = 64;

#[wasm_bindgen]
// The session stays borrowed while a call waits for the device: that is what keeps a second call out.
#[allow(clippy::await_holding_refcell_ref)]
impl Engine {
    /// Scans texts, and gives the files of an atlas of what was found. `read(file, offset, length)` gives a part of a file as a
    /// Uint8Array at once; `on_progress` receives how far it is. Where it is cancelled after the first windows, it ends with
    /// what it has.
    ///
    /// # Errors
    /// `bad-option`, `bad-corpus` for texts that cannot be read, `unknown-sae`, `unsupported` for an SAE that stays in its
    /// file, `cancelled`, `device-lost`.
    pub async fn scan(
        &self,
        wanted: JsValue,
        read: Function,
        on_progress: Function,
    ) -> Result<JsValue, JsValue> {
        let wanted: Wanted = options::read("options", wanted)?;
        let mut session = self.session()?;
        let tell = Rc::new(Tell {
            on_progress,
            described: RefCell::default(),
        });
        let of_weights = tell.clone();
        session.set_on_progress(Rc::new(move |progress| of_weights.describing(progress)));
        let result = scan_texts(&session, &wanted, read, &tell).await;
        session.set_on_progress(Rc::new(|_| {}));
        result
    }
}

/// A call's progress, for JavaScript.
struct Tell {
    on_progress: Function,
    /// Feature sets that are described, of how many.
    described: RefCell<Option<(usize, usize)>>,
}

impl Tell {
    fn say(&self, progress: &ScanProgress) {
        // What a listener throws is its own affair.
        let told = answer(progress);
        let _ = told.and_then(|told| self.on_progress.call1(&JsValue::UNDEFINED, &told));
    }

    fn describing(&self, progress: Progress) {
        let Some((done, sets)) = &mut *self.described.borrow_mut() else {
            return;
        };
        let share = progress.done as f64 / progress.total.max(1) as f64;
        self.say(&ScanProgress::Describe {
            share: (*done as f64 + share) / *sets as f64,
        });
        *done += usize::from(progress.done == progress.total);
    }
}

async fn scan_texts(
    session: &Session,
    wanted: &Wanted,
    read: Function,
    tell: &Tell,
) -> Result<JsValue, JsValue> {
    let info = describe_scan(session, wanted)?;
    let loaded: Vec<String> = wanted.sets.iter().map(|set| set.id.clone()).collect();
    let sets = loaded.len();
    let files = info.corpus.files.iter();
    let files = files.map(|file| (file.name.clone(), file.bytes)).collect();
    let field = &info.corpus.text_field;
    let mut corpus = part::corpus(files, Some(field), &read)?;
    let total = corpus.bytes();
    let bytes = Rc::new(Cell::new(0));
    let counted = bytes.clone();
    let documents = std::iter::from_fn(move || {
        let document = corpus.next();
        counted.set(corpus.bytes_read());
        document
    });
    let mut scan = Scan::new(info);
    scan.loaded = loaded;
    let ended = scan::scan::<scan::Error>(session, &mut scan, documents, None, |scan| {
        let progress = &scan.info.progress;
        tell.say(&ScanProgress::Scan {
            tokens: progress.tokens,
            documents: progress.documents,
            bytes: bytes.get(),
            total_bytes: total,
        });
        Ok(())
    })
    .await;
    let stopped = match ended {
        Ok(_) => false,
        Err(scan::Error::Engine(explorer::Error::Cancelled)) if scan.info.progress.tokens > 0 => {
            true
        }
        Err(error) => return Err(failed(error)),
    };
    scan.end();
    *tell.described.borrow_mut() = Some((0, sets));
    let map = wanted.map.unwrap_or(false);
    let files = scan::atlas_files(session, &scan, map).await;
    let files = files.map_err(failed)?;
    let progress = &scan.info.progress;
    answer(&Scanned {
        name: scan.info.corpus.name.clone(),
        files: files.into_iter().map(written).collect(),
        tokens: progress.tokens,
        windows: progress.windows,
        documents: progress.documents,
        stopped,
    })
}

/// The description of a scan of what is loaded.
fn describe_scan(session: &Session, wanted: &Wanted) -> Result<ScanInfo, JsValue> {
    let loaded = session.info();
    let model = loaded.model.ok_or(explorer::Error::NoModel);
    let model = model.map_err(refused)?;
    let bos = options::bos(wanted.bos.as_deref())?;
    let decision = session.bos_decision(bos).map_err(refused)?;
    let vocabulary = session.vocabulary().map_err(refused)?;
    let context = wanted
        .context
        .unwrap_or_else(|| u32::try_from(CONTEXT.min(model.n_ctx)).unwrap_or(u32::MAX));
    let sets: Result<Vec<TallySet>, JsValue> = wanted
        .sets
        .iter()
        .map(|set| tally_set(set, &loaded.saes))
        .collect();
    Ok(ScanInfo {
        version: scan_folder::VERSION,
        complete: false,
        model: ModelKey {
            name: wanted.model_name.clone(),
            sha256: wanted.model_sha256.clone(),
            tokenizer_sha256: ModelKey::tokenizer_hash(&vocabulary),
            vocabulary: u32::try_from(vocabulary.len()).unwrap_or(u32::MAX),
        },
        corpus: CorpusKey::new(
            wanted.name.as_deref(),
            wanted.files.clone(),
            wanted.text_field.as_deref(),
        ),
        settings: Settings {
            context,
            // Where one is asked for that the tokenizer lacks, the scan says so.
            bos: decision.prepended && (model.bos.is_some() || bos == Bos::Yes),
            ..Settings::default()
        },
        shard: Shard::default(),
        limit_tokens: wanted.limit_tokens,
        progress: scan_folder::Progress::default(),
        sets: sets?,
        tallies: Vec::new(),
    })
}

fn tally_set(wanted: &WantedSet, loaded: &[SaeInfo]) -> Result<TallySet, JsValue> {
    let found = loaded.iter().find(|sae| sae.id == wanted.id);
    let sae = found.ok_or_else(|| bad_option("sets", format!("{} is not loaded", wanted.id)))?;
    let id = scan_folder::set_name(&sae.id);
    Ok(scan::identity::tally_set(id, sae, wanted.sha256.clone()))
}

fn written(file: Written) -> ScannedFile {
    ScannedFile {
        path: file.info.path,
        bytes: file.bytes,
    }
}

fn failed(error: scan::Error) -> JsValue {
    match error {
        scan::Error::Engine(error) => refused(error),
        scan::Error::Corpus(error) => unreadable(error),
        scan::Error::Context { .. } => bad_option("context", error),
        other => fault("internal", other, JsValue::UNDEFINED),
    }
}
