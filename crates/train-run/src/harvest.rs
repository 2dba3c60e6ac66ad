//! Activations of a model over a corpus, block by block.

use explorer::{Bos, ScanOptions, ScanValues, ScanWindow, Session};
use serde_json::{Value, json};
use train::checkpoint::Source;
use train::{Origin, Take};

use crate::error::Error;
use crate::windows::{Windows, context, without_bos};

/// The id under which the hook's activations are loaded.
const SET: &str = "activations";

/// Options of [`Harvest::new`].
#[derive(Debug, Clone, Copy)]
pub struct HarvestOptions<'a> {
    /// The hook's name.
    pub hook: &'a str,
    /// The choice whether a BOS goes before each window.
    pub bos: Bos,
    /// Tokens of a window, a BOS included. None is the model's context, at most 256.
    pub context: Option<usize>,
    /// True if the first position of a window is trained on where no BOS stands there; it is unlike all others.
    pub keep_first: bool,
    /// True if the model's id in the session, which says where its files are from, is a part of the source: another model of the same
    /// name is then another source.
    pub with_model_id: bool,
}

/// The windows of a corpus at a hook of the model that is loaded in a session.
pub struct Harvest {
    windows: Windows,
    /// The token that goes before each window.
    bos: Option<u32>,
    /// Tokens of a window, without BOS.
    room: usize,
    /// Positions at the beginning of a window that are left out.
    skipped: usize,
    width: usize,
    origin: Origin,
    /// Id of the model, where it is a part of the source.
    model_id: Option<String>,
    source: Source,
}

impl Harvest {
    /// A harvest without text. The hook's activations become a feature set of the session.
    ///
    /// # Errors
    /// [`Error::Engine`] without a model and for a hook that it lacks, [`Error::NoBos`], [`Error::Context`].
    pub fn new(session: &mut Session, options: HarvestOptions<'_>) -> Result<Self, Error> {
        let set = session.load_neurons(SET, options.hook)?;
        let model = session.info().model.ok_or(explorer::Error::NoModel)?;
        let decision = session.bos_decision(options.bos)?;
        if options.bos == Bos::Yes && model.bos.is_none() {
            return Err(Error::NoBos);
        }
        let bos = model.bos.filter(|_| decision.prepended);
        let before = usize::from(bos.is_some());
        let context = context(options.context, model.n_ctx, bos.is_some())?;
        let skips_first = bos.is_none() && !options.keep_first;
        Ok(Self {
            windows: Windows::default(),
            bos,
            room: context - before,
            skipped: usize::from(skips_first),
            width: set.d_in,
            model_id: options.with_model_id.then(|| model.id.clone()),
            origin: Origin {
                model_name: Some(model.name),
                hook_name: Some(set.hook),
                prepend_bos: Some(bos.is_some()),
                context_size: Some(context),
                skips_first,
            },
            source: Source::new(),
        })
    }

    /// Adds a document in windows.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn add(&mut self, session: &Session, text: &str) -> Result<(), Error> {
        let tokens = without_bos(session.document_tokens(text)?, self.bos);
        self.windows.add(&tokens, self.room);
        Ok(())
    }

    /// Tokens of all windows.
    pub fn tokens(&self) -> usize {
        self.windows.tokens()
    }

    /// The windows.
    pub fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Ends the reading of texts: `files` are their names and lengths in bytes. What has to be the same for a training to be resumed is
    /// known from now on.
    pub fn end(&mut self, files: &[(String, u64)]) {
        let files = files.iter().map(|(name, bytes)| json!([name, bytes]));
        let files: Vec<Value> = files.collect();
        let entries = [
            ("model", json!(self.origin.model_name)),
            ("hook", json!(self.origin.hook_name)),
            ("bos", json!(self.bos.is_some())),
            ("context", json!(self.origin.context_size)),
            ("skip_first", json!(self.skipped > 0)),
            ("corpus", json!(files)),
            ("corpus_tokens", json!(self.windows.tokens())),
            ("corpus_sha256", json!(self.windows.sha256())),
        ];
        let id = self.model_id.as_ref().map(|id| ("model_id", json!(id)));
        let entries = entries.into_iter().chain(id);
        self.source = entries
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
    }

    /// Takes windows that an earlier harvest at the same hook, with the same options, has made of `files`: `[[name, bytes], …]` as its
    /// source has them.
    pub fn take(&mut self, windows: Windows, files: &Value) {
        self.windows = windows;
        self.end(&[]);
        self.source.insert("corpus".to_owned(), files.clone());
    }

    /// Width of the activations.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The origin of the activations, for the autoencoder's file.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The source of the activations.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Rows of each window.
    pub fn lengths(&self) -> Vec<u32> {
        // A window is at most a context.
        let lengths = self.windows.lengths();
        lengths
            .map(|length| (length - self.skipped) as u32)
            .collect()
    }

    /// Writes the activations of a block `[rows, width]` to their places. `between` is called before each window; its error ends it.
    ///
    /// # Errors
    /// As [`Session::scan`]; whatever `between` returns.
    pub async fn fill<E: From<explorer::Error>>(
        &self,
        session: &Session,
        takes: &[Take],
        block: &mut [f32],
        between: impl Fn() -> Result<(), E>,
    ) -> Result<(), E> {
        let sets = [SET.to_owned()];
        let options = ScanOptions {
            sets: &sets,
            bos: match self.bos {
                Some(_) => Bos::Yes,
                None => Bos::No,
            },
            clock: None,
        };
        let mut next = takes.iter();
        let window = || {
            between()?;
            // Nothing behind the last row that is wanted changes it.
            Ok::<_, E>(next.next().map(|take| {
                let tokens = self
                    .windows
                    .beginning(take.piece, self.skipped + take.rows.end);
                ScanWindow {
                    tokens: tokens.to_vec(),
                    origin: take,
                }
            }))
        };
        let width = self.width;
        session
            .scan(&options, window, |batch| {
                for number in 0..batch.len() {
                    let (Some(take), Some(ScanValues::Dimensions(values))) =
                        (batch.origin(number), batch.values(0, number))
                    else {
                        continue;
                    };
                    for (row, place) in take.rows.clone().zip(&take.places) {
                        let row = &values[(row + self.skipped) * width..][..width];
                        block[*place as usize * width..][..width].copy_from_slice(row);
                    }
                }
                Ok(())
            })
            .await?;
        Ok(())
    }
}
