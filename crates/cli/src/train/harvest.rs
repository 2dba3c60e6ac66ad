//! The model and the corpus of the command line.

use std::path::PathBuf;

use corpus::{Corpus, Options};
use explorer::{LimitsChoice, Session};
use train::Take;
use train_run::{Harvest, HarvestOptions};

use super::error::TrainError;
use super::progress::Progress;
use super::signal::Stop;
use crate::args::Common;
use crate::error::Error;
use crate::load;
use crate::place::Places;

/// A corpus, and what of a model is computed over it.
pub struct TextOptions<'a> {
    /// Options of every command that runs a model.
    pub common: &'a Common,
    /// The hook's name.
    pub hook: &'a str,
    /// The files of the corpus.
    pub corpus: &'a [PathBuf],
    /// The field of a record, or the column of a table, that holds the text.
    pub text_field: &'a str,
    /// Tokens per window, a BOS included.
    pub context: Option<usize>,
    /// True if the first position of a window is trained on where no BOS stands there.
    pub keep_first: bool,
    /// The most tokens that are read.
    pub corpus_tokens: u64,
}

/// A model with the windows of a corpus.
pub struct Texts {
    session: Session,
    harvest: Harvest,
}

impl Texts {
    /// Loads the model and reads the corpus.
    pub async fn open(given: &TextOptions<'_>, stop: &Stop) -> Result<Self, Error> {
        let common = given.common;
        let options = Options {
            text_field: given.text_field.to_owned(),
            ..Options::default()
        };
        // What can be wrong without the model is said before it is loaded.
        let corpus = Corpus::open(given.corpus, options)?;
        let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
        let places = Places::new(&common.downloads);
        load::model(&mut session, &places, &common.model).await?;
        let options = HarvestOptions {
            hook: given.hook,
            bos: common.bos.into(),
            context: given.context,
            keep_first: given.keep_first,
            with_model_id: false,
        };
        let harvest = Harvest::new(&mut session, options)?;
        let mut texts = Self { session, harvest };
        let files: Vec<(String, u64)> = corpus.files().to_vec();
        texts.read(corpus, given.corpus_tokens, stop)?;
        texts.harvest.end(&files);
        Ok(texts)
    }

    /// Reads documents until there are `most` tokens.
    fn read(&mut self, mut corpus: Corpus, most: u64, stop: &Stop) -> Result<(), Error> {
        let progress = Progress::new();
        let bytes = corpus.bytes();
        while let Some(document) = corpus.next() {
            let document = document?;
            if stop.is_wanted() {
                progress.end();
                return Err(TrainError::Stopped.into());
            }
            self.harvest.add(&self.session, &document.text)?;
            let tokens = self.harvest.tokens();
            progress.reading(corpus.bytes_read(), bytes, tokens);
            if tokens as u64 >= most {
                progress.end();
                progress.note(&format!(
                    "the first {tokens} tokens of the corpus are used, and nothing behind them (--corpus-tokens)",
                ));
                return Ok(());
            }
        }
        progress.end();
        Ok(())
    }

    /// The windows.
    pub fn harvest(&self) -> &Harvest {
        &self.harvest
    }

    /// Bytes of the corpus, and of the model on its device.
    pub fn memory(&self) -> (u64, u64) {
        let corpus = self.harvest.windows().memory();
        (corpus, self.session.info().loaded_bytes)
    }

    /// The device.
    pub fn device(&self) -> String {
        let info = self.session.info();
        format!("{} ({})", info.backend.to_uppercase(), info.adapter)
    }

    /// Writes the activations of a block to their places.
    pub async fn fill(&self, takes: &[Take], block: &mut [f32], stop: &Stop) -> Result<(), Error> {
        let between = || match stop.is_wanted() {
            true => Err(Error::from(TrainError::Stopped)),
            false => Ok(()),
        };
        let filled = self.harvest.fill(&self.session, takes, block, between);
        filled.await
    }
}
