//! A scan: windows through the engine into tallies.

use atlas::Settings;
use corpus::Document;
use explorer::{Bos, Clock, ScanOptions, ScanSeconds, Session};
use scan_folder::Scan;

use crate::bookkeeping::Bookkeeping;
use crate::division::{Division, SHORTEST};
use crate::error::Error;

/// Seconds that a scan took.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seconds {
    /// Of the engine. Its visitor is what waits for bookkeeping, and whatever is done between two batches.
    pub engine: ScanSeconds,
    /// Of all threads that added values to tallies, which they do while the engine runs the next batch; 0 in a browser.
    pub bookkeeping: f64,
}

/// Refuses a context that a model of `n_ctx` positions cannot have, or in which no window fits.
///
/// # Errors
/// [`Error::Context`].
pub fn check_context(settings: &Settings, n_ctx: usize) -> Result<(), Error> {
    let least = SHORTEST + usize::from(settings.bos);
    let context = settings.context as usize;
    if context < least || context > n_ctx {
        return Err(Error::Context {
            context: settings.context,
            least,
            most: n_ctx,
        });
    }
    Ok(())
}

/// Reads the documents of a corpus, from its beginning, and adds what is new to a scan. The model and the feature sets, by
/// [`Scan::loaded`], are loaded in the session. `between` is called with the scan after each batch of windows, and may save it; an
/// error of it ends the scan, which is then as it was after that batch.
///
/// # Errors
/// [`Error::Context`], [`Error::Engine`] as [`Session::scan`], [`Error::Corpus`], [`Error::Atlas`]; whatever `between` returns.
/// The scan then has all batches that were run.
pub async fn scan<E: From<Error> + From<explorer::Error>>(
    session: &Session,
    scan: &mut Scan,
    documents: impl Iterator<Item = Result<Document, corpus::Error>>,
    clock: Option<Clock>,
    mut between: impl FnMut(&Scan) -> Result<(), E>,
) -> Result<Seconds, E> {
    let model = session.info().model.ok_or(explorer::Error::NoModel)?;
    let settings = &scan.info.settings;
    check_context(settings, model.n_ctx)?;
    let before = usize::from(settings.bos);
    let context = settings.context as usize;
    let loaded = scan.loaded.clone();
    let options = ScanOptions {
        sets: &loaded,
        bos: if settings.bos { Bos::Yes } else { Bos::No },
        clock,
    };
    let mut division = Division {
        documents,
        tokenize: |text: &str| session.document_tokens(text),
        bos: model.bos.filter(|_| settings.bos),
        room: context - before,
        shard: scan.info.shard,
        limit: scan.info.limit_tokens,
        progress: scan.info.progress,
        open: None,
    };
    let next = || division.next().map_err(E::from);
    let mut bookkeeping = Bookkeeping::default();
    let engine = session
        .scan(&options, next, |batch| {
            if bookkeeping.end(scan)? {
                between(scan)?;
            }
            bookkeeping.begin(scan, batch);
            Ok::<(), E>(())
        })
        .await;
    // The last batch counts, also where the engine has failed behind it.
    if bookkeeping.end(scan)? {
        between(scan)?;
    }
    let engine = engine?;
    // What came after the last window: documents of other shards, or too short.
    scan.info.progress = division.progress;
    Ok(Seconds {
        engine,
        bookkeeping: bookkeeping.seconds,
    })
}
