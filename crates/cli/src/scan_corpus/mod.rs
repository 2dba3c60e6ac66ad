//! `scan`: what each feature does over a corpus, saved now and then, resumed where it was stopped.

mod progress;
pub mod sets;

use std::io::{self, Write as _};
use std::rc::Rc;
use std::time::{Duration, Instant};

use atlas::Settings;
use corpus::{Corpus, Options};
use explorer::{Clock, LimitsChoice, Session};
use scan_folder::disk::{Folder, Found};
use scan_folder::{CorpusFile, CorpusKey, ScanInfo};
use serde::Serialize;

use crate::args;
use crate::error::Error;
use crate::print_json;
use progress::Progress;

/// A scan that has ended, as `--json` prints it.
#[derive(Serialize)]
struct Summary {
    /// Its folder.
    out: String,
    /// As in `scan.json`.
    #[serde(flatten)]
    info: ScanInfo,
    /// Tokens that were read already when this run began.
    resumed_at_tokens: u64,
    /// Of this run, loading left out.
    seconds: Seconds,
    /// Of this run, with everything that `seconds` has; None where nothing was left to do.
    tokens_per_second: Option<f64>,
    backend: String,
    adapter: String,
}

/// Seconds that the parts of a scan took.
#[derive(Serialize, Default)]
struct Seconds {
    /// Reading and tokenising documents.
    corpus: f64,
    /// The model and the feature sets.
    model: f64,
    /// Reading values back from the device; 0 or nearly so on the CPU.
    read_back: f64,
    /// Adding values to the tallies, which threads do beside the model: their seconds added up.
    bookkeeping: f64,
    /// What the model waited for them.
    waiting: f64,
    /// Saving the state, and writing the result.
    saving: f64,
}

/// Reads a corpus and writes the folder of its scan.
pub async fn scan(arguments: &args::Scan) -> Result<(), Error> {
    let common = &arguments.common;
    // What can be wrong without the model is said before it is loaded.
    let options = Options {
        text_field: arguments.text_field.clone(),
        ..Options::default()
    };
    let mut corpus = Corpus::open(&arguments.corpus, options)?;
    let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
    let (model, sets) = sets::load(&arguments.into(), &mut session).await?;
    let device = session.info().model.ok_or(explorer::Error::NoModel)?;
    let decision = session.bos_decision(common.bos.into())?;
    let wanted = ScanInfo {
        version: scan_folder::VERSION,
        complete: false,
        model,
        corpus: corpus_key(arguments, &corpus),
        settings: Settings {
            context: arguments.context,
            // Where one is asked for that the tokenizer lacks, the scan says so.
            bos: decision.prepended && (device.bos.is_some() || common.bos == args::Bos::Yes),
            seed: arguments.seed,
            ..Settings::default()
        },
        shard: arguments.shard,
        limit_tokens: arguments.limit_tokens,
        progress: scan_folder::Progress::default(),
        sets,
        tallies: Vec::new(),
    };
    scan::check_context(&wanted.settings, device.n_ctx)?;
    let (mut folder, found) = Folder::open(&arguments.out, &wanted)?;
    let mut scan = match found {
        Found::Complete(info) => {
            return tell(arguments, &session, (*info, None, Seconds::default()));
        }
        Found::Unfinished(scan) => *scan,
        Found::Nothing => scan_folder::Scan::new(wanted),
    };
    let before = scan.info.progress.tokens;
    let progress = Progress::new(&corpus, arguments.limit_tokens, before);
    let begun = Instant::now();
    let mut saved = Saved::new(arguments, &scan);
    let counted = progress.bytes_of(&mut corpus);
    let seconds = scan::scan(&session, &mut scan, counted, Some(clock()), |scan| {
        progress.tell(scan);
        if saved.is_due(scan) {
            saved.save(&mut folder, scan)?;
        }
        Ok::<(), Error>(())
    })
    .await;
    let ended = match seconds {
        Ok(seconds) => end(&mut scan, &mut folder).map(|(info, saving)| (info, seconds, saving)),
        Err(error) => Err(error),
    };
    progress.end();
    let (info, seconds, saving) = ended?;
    let total = begun.elapsed().as_secs_f64();
    let seconds = parts(seconds, saved.seconds, saving);
    tell(arguments, &session, (info, Some((before, total)), seconds))
}

fn end(scan: &mut scan_folder::Scan, folder: &mut Folder) -> Result<(ScanInfo, f64), Error> {
    let begun = Instant::now();
    scan.end();
    let info = folder.finish(scan)?;
    Ok((info, begun.elapsed().as_secs_f64()))
}

fn parts(scan: scan::Seconds, checkpoints: f64, finish: f64) -> Seconds {
    let scan::Seconds {
        engine,
        bookkeeping,
    } = scan;
    Seconds {
        corpus: engine.windows,
        model: engine.run,
        read_back: engine.read_back,
        bookkeeping,
        // Checkpoints are made by the visitor.
        waiting: (engine.visit - checkpoints).max(0.0),
        saving: checkpoints + finish,
    }
}

fn clock() -> Clock {
    let begun = Instant::now();
    Rc::new(move || begun.elapsed().as_secs_f64())
}

fn corpus_key(arguments: &args::Scan, corpus: &Corpus) -> CorpusKey {
    let files = corpus.files().iter().map(|(name, bytes)| CorpusFile {
        name: name.clone(),
        bytes: *bytes,
    });
    CorpusKey::new(
        arguments.corpus_name.as_deref(),
        files.collect(),
        Some(&arguments.text_field),
    )
}

/// When the state was last saved.
struct Saved {
    every: Duration,
    every_windows: Option<u64>,
    at: Instant,
    at_windows: u64,
    /// Time that saving took.
    seconds: f64,
}

impl Saved {
    fn new(arguments: &args::Scan, scan: &scan_folder::Scan) -> Self {
        let every = Duration::try_from_secs_f64(arguments.checkpoint * 60.0);
        Self {
            every: every.unwrap_or(Duration::MAX),
            every_windows: arguments.checkpoint_windows,
            at: Instant::now(),
            at_windows: scan.info.progress.windows,
            seconds: 0.0,
        }
    }

    fn is_due(&self, scan: &scan_folder::Scan) -> bool {
        let windows = scan.info.progress.windows - self.at_windows;
        self.at.elapsed() >= self.every || self.every_windows.is_some_and(|every| windows >= every)
    }

    fn save(&mut self, folder: &mut Folder, scan: &scan_folder::Scan) -> Result<(), Error> {
        let begun = Instant::now();
        folder.checkpoint(scan)?;
        self.seconds += begun.elapsed().as_secs_f64();
        self.at = Instant::now();
        self.at_windows = scan.info.progress.windows;
        Ok(())
    }
}

/// Prints what was done: `run` has the tokens that were there before, and the seconds of this run.
fn tell(
    arguments: &args::Scan,
    session: &Session,
    (info, run, seconds): (ScanInfo, Option<(u64, f64)>, Seconds),
) -> Result<(), Error> {
    let device = session.info();
    let tokens = info.progress.tokens;
    let rate = |(before, total): (u64, f64)| (tokens - before) as f64 / total.max(1e-9);
    let summary = Summary {
        out: arguments.out.display().to_string(),
        resumed_at_tokens: run.map_or(tokens, |(before, _)| before),
        seconds,
        tokens_per_second: run.map(rate),
        backend: device.backend,
        adapter: device.adapter,
        info,
    };
    let mut out = io::stdout().lock();
    if arguments.common.json {
        return print_json(&mut out, &summary);
    }
    let progress = &summary.info.progress;
    writeln!(
        out,
        "{}: {} tokens in {} windows of {} documents; {} ends of documents with {} tokens were too short",
        summary.out,
        progress.tokens,
        progress.windows,
        progress.documents,
        progress.short_windows,
        progress.short_tokens,
    )?;
    match summary.tokens_per_second {
        None => writeln!(out, "the scan had ended already")?,
        Some(rate) => {
            let Seconds {
                corpus,
                model,
                read_back,
                bookkeeping,
                waiting,
                saving,
            } = summary.seconds;
            writeln!(
                out,
                "{rate:.0} tokens per second on the {} ({}): corpus {corpus:.1} s, model and feature sets {model:.1} s, read-back {read_back:.1} s, waiting for bookkeeping {waiting:.1} s, saving {saving:.1} s; bookkeeping beside it {bookkeeping:.1} s",
                summary.backend.to_uppercase(),
                summary.adapter,
            )?;
        }
    }
    for tally in &summary.info.tallies {
        let file = &tally.file;
        writeln!(out, "{} ({})", file.path, crate::progress::size(file.bytes))?;
    }
    Ok(())
}
