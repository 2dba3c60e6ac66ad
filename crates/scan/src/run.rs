//! A scan: windows through the engine into tallies.

use atlas::tally::{Values, Window};
use atlas::{Settings, Tally};
use corpus::Document;
use explorer::{Bos, Clock, ScanBatch, ScanOptions, ScanSeconds, ScanValues, Session};
#[cfg(not(target_arch = "wasm32"))]
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefMutIterator as _, ParallelIterator as _,
};
use scan_folder::Scan;

use crate::division::{Division, Origin, SHORTEST};
use crate::error::Error;

fn add_batch(scan: &mut Scan, batch: &ScanBatch<'_, Origin>) -> Result<(), Error> {
    let of_set = |(set, tally): (usize, &mut Tally)| {
        (0..batch.len()).try_for_each(|window| add(tally, batch, set, window))
    };
    // Sets have nothing to do with each other; in a browser there is one thread.
    #[cfg(not(target_arch = "wasm32"))]
    scan.tallies
        .par_iter_mut()
        .enumerate()
        .try_for_each(of_set)?;
    #[cfg(target_arch = "wasm32")]
    scan.tallies.iter_mut().enumerate().try_for_each(of_set)?;
    if let Some(last) = batch.origin(batch.len().saturating_sub(1)) {
        scan.info.progress = last.after;
    }
    Ok(())
}

fn add(
    tally: &mut Tally,
    batch: &ScanBatch<'_, Origin>,
    set: usize,
    window: usize,
) -> Result<(), atlas::Error> {
    let (Some(origin), Some(tokens), Some(counted), Some(values)) = (
        batch.origin(window),
        batch.tokens(window),
        batch.counted(set, window),
        batch.values(set, window),
    ) else {
        return Ok(());
    };
    if let Some((name, source)) = &origin.named {
        tally.document(origin.document, name, source);
    }
    let window = Window {
        document: origin.document,
        start: origin.start,
        tokens,
        counted,
    };
    let values = match values {
        ScanValues::Listed {
            slots,
            latents,
            activations,
        } => Values::Sparse {
            slots,
            latents,
            activations,
        },
        ScanValues::Dimensions(values) => Values::Dense(values),
    };
    tally.add(&window, &values)
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
/// [`Scan::loaded`], are loaded in the session. `between` is called after each batch of windows, and may save the scan; an error of it
/// ends the scan, which is then as it was after that batch.
///
/// # Errors
/// [`Error::Context`], [`Error::Engine`] as [`Session::scan`], [`Error::Corpus`], [`Error::Atlas`]; whatever `between` returns.
pub async fn scan<E: From<Error> + From<explorer::Error>>(
    session: &Session,
    scan: &mut Scan,
    documents: impl Iterator<Item = Result<Document, corpus::Error>>,
    clock: Option<Clock>,
    mut between: impl FnMut(&Scan) -> Result<(), E>,
) -> Result<ScanSeconds, E> {
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
    let seconds = session
        .scan(&options, next, |batch| {
            add_batch(scan, batch)?;
            between(scan)
        })
        .await?;
    // What came after the last window: documents of other shards, or too short.
    scan.info.progress = division.progress;
    Ok(seconds)
}
