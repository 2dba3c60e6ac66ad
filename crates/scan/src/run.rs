//! A scan: windows through the engine into tallies.

use atlas::tally::{TallySet, Values, Window};
use atlas::{Settings, Tally};
use corpus::Document;
use explorer::{Bos, Clock, ScanBatch, ScanOptions, ScanSeconds, ScanValues, Session};
#[cfg(not(target_arch = "wasm32"))]
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefMutIterator as _, ParallelIterator as _,
};

use crate::division::{Division, Origin, SHORTEST};
use crate::error::Error;
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
    pub(crate) fn of(info: ScanInfo, tallies: Vec<Tally>) -> Self {
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

    fn add(&mut self, batch: &ScanBatch<'_, Origin>) -> Result<(), Error> {
        let of_set = |(set, tally): (usize, &mut Tally)| {
            (0..batch.len()).try_for_each(|window| add(tally, batch, set, window))
        };
        // Sets have nothing to do with each other; in a browser there is one thread.
        #[cfg(not(target_arch = "wasm32"))]
        self.tallies
            .par_iter_mut()
            .enumerate()
            .try_for_each(of_set)?;
        #[cfg(target_arch = "wasm32")]
        self.tallies.iter_mut().enumerate().try_for_each(of_set)?;
        if let Some(last) = batch.origin(batch.len().saturating_sub(1)) {
            self.info.progress = last.after;
        }
        Ok(())
    }
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
            scan.add(batch)?;
            between(scan)
        })
        .await?;
    // What came after the last window: documents of other shards, or too short.
    scan.info.progress = division.progress;
    Ok(seconds)
}
