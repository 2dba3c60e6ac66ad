//! Activations of a model over a corpus, block by block.

use std::path::PathBuf;

use corpus::{Corpus, Options};
use explorer::{Bos, LimitsChoice, ScanOptions, ScanValues, ScanWindow, Session};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use train::checkpoint::Source;
use train::{Origin, Take};

use super::args::Train;
use super::error::TrainError;
use super::progress::Progress;
use super::signal::Stop;
use crate::error::Error;
use crate::load;
use crate::place::Places;

/// The id under which the hook's activations are loaded.
const SET: &str = "activations";

/// Tokens of the shortest window; the end of a document that is shorter is left out, as in a scan.
const SHORTEST: usize = 8;

/// Tokens of a window where nothing else is said.
const CONTEXT: usize = 256;

/// A model with the windows of a corpus.
pub struct Harvest {
    session: Session,
    /// Tokens of all windows, one after the other.
    tokens: Vec<u32>,
    /// First token of each window, and the end.
    starts: Vec<usize>,
    bos: bool,
    /// Positions at the beginning of a window that are left out.
    skipped: usize,
    width: usize,
    origin: Origin,
    source: Source,
}

impl Harvest {
    /// Loads the model and reads the corpus.
    pub async fn open(arguments: &Train, hook: &str, stop: &Stop) -> Result<Self, Error> {
        let common = &arguments.common;
        let options = Options {
            text_field: arguments.text_field.clone(),
            ..Options::default()
        };
        // What can be wrong without the model is said before it is loaded.
        let corpus = Corpus::open(&arguments.corpus, options)?;
        let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
        let places = Places::new(&common.downloads);
        load::model(&mut session, &places, &common.model).await?;
        let set = session.load_neurons(SET, hook)?;
        let model = session.info().model.ok_or(explorer::Error::NoModel)?;
        let decision = session.bos_decision(common.bos.into())?;
        if common.bos == crate::args::Bos::Yes && model.bos.is_none() {
            return Err(TrainError::NoBos.into());
        }
        let bos = model.bos.filter(|_| decision.prepended);
        let before = usize::from(bos.is_some());
        let context = arguments.context.unwrap_or(CONTEXT.min(model.n_ctx));
        let least = SHORTEST + before;
        if context < least || context > model.n_ctx {
            let most = model.n_ctx;
            return Err(TrainError::Context {
                context,
                least,
                most,
            }
            .into());
        }
        let skips_first = bos.is_none() && !arguments.keep_first;
        let mut harvest = Self {
            session,
            tokens: Vec::new(),
            starts: vec![0],
            bos: bos.is_some(),
            skipped: usize::from(skips_first),
            width: set.d_in,
            origin: Origin {
                model_name: Some(model.name),
                hook_name: Some(set.hook),
                prepend_bos: Some(bos.is_some()),
                context_size: Some(context),
                skips_first,
            },
            source: Source::new(),
        };
        let files: Vec<(String, u64)> = corpus.files().to_vec();
        let sizes = (context - before, arguments.corpus_tokens);
        harvest.read(corpus, bos, sizes, stop)?;
        harvest.describe(&files, &arguments.corpus);
        Ok(harvest)
    }

    /// Reads windows of at most `room` tokens until there are `most` tokens.
    fn read(
        &mut self,
        mut corpus: Corpus,
        bos: Option<u32>,
        (room, most): (usize, u64),
        stop: &Stop,
    ) -> Result<(), Error> {
        let progress = Progress::new();
        let bytes = corpus.bytes();
        while let Some(document) = corpus.next() {
            let document = document?;
            if stop.is_wanted() {
                progress.end();
                return Err(TrainError::Stopped.into());
            }
            let mut tokens = self.session.document_tokens(&document.text)?;
            // It goes before every window.
            let own = tokens.iter().take_while(|token| Some(**token) == bos);
            let own = own.count();
            tokens.drain(..own);
            for window in tokens.chunks(room).filter(|w| w.len() >= SHORTEST) {
                self.tokens.extend_from_slice(window);
                self.starts.push(self.tokens.len());
            }
            progress.reading(corpus.bytes_read(), bytes, self.tokens.len());
            if self.tokens.len() as u64 >= most {
                progress.end();
                progress.note(&format!(
                    "the first {} tokens of the corpus are used, and nothing behind them (--corpus-tokens)",
                    self.tokens.len()
                ));
                return Ok(());
            }
        }
        progress.end();
        Ok(())
    }

    /// What has to be the same for a training to be resumed.
    fn describe(&mut self, files: &[(String, u64)], paths: &[PathBuf]) {
        let mut hash = Sha256::new();
        for start in &self.starts {
            hash.update((*start as u64).to_le_bytes());
        }
        for token in &self.tokens {
            hash.update(token.to_le_bytes());
        }
        let digest: String = hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        debug_assert_eq!(files.len(), paths.len());
        let files: Vec<Value> = files
            .iter()
            .map(|(name, bytes)| json!([name, bytes]))
            .collect();
        let entries = [
            ("model", json!(self.origin.model_name)),
            ("hook", json!(self.origin.hook_name)),
            ("bos", json!(self.bos)),
            ("context", json!(self.origin.context_size)),
            ("skip_first", json!(self.skipped > 0)),
            ("corpus", json!(files)),
            ("corpus_tokens", json!(self.tokens.len())),
            ("corpus_sha256", json!(digest)),
        ];
        self.source = entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
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
        let lengths = self.starts.windows(2).map(|bounds| bounds[1] - bounds[0]);
        // A window is at most a context.
        lengths
            .map(|length| (length - self.skipped) as u32)
            .collect()
    }

    /// Bytes of the corpus, and of the model on its device.
    pub fn memory(&self) -> (u64, u64) {
        let corpus = 4 * self.tokens.len() + 8 * self.starts.len();
        (corpus as u64, self.session.info().loaded_bytes)
    }

    /// The device.
    pub fn device(&self) -> String {
        let info = self.session.info();
        format!("{} ({})", info.backend.to_uppercase(), info.adapter)
    }

    /// Writes the activations of a block to their places.
    pub async fn fill(&self, takes: &[Take], block: &mut [f32], stop: &Stop) -> Result<(), Error> {
        let sets = [SET.to_owned()];
        let options = ScanOptions {
            sets: &sets,
            bos: if self.bos { Bos::Yes } else { Bos::No },
            clock: None,
        };
        let mut next = takes.iter();
        let window = || {
            if stop.is_wanted() {
                return Err(TrainError::Stopped.into());
            }
            // Nothing behind the last row that is wanted changes it.
            Ok::<_, Error>(next.next().map(|take| {
                let first = self.starts[take.piece];
                let end = first + self.skipped + take.rows.end;
                ScanWindow {
                    tokens: self.tokens[first..end].to_vec(),
                    origin: take,
                }
            }))
        };
        let width = self.width;
        self.session
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
