//! The text of the command line, as tokens.

use std::path::PathBuf;

use corpus::{Corpus, Options};
use serde_json::{Value, json};
use train::Folder;
use train::checkpoint::Source;
use train_model::{Config, TokenizerFiles, checkpoint, held_out};

use super::args::TrainModel;
use crate::error::Error;
use crate::progress::size;
use crate::status_line::StatusLine;
use crate::train::error::TrainError;
use crate::train::note;
use crate::train::signal::Stop;

/// Bytes of text of which a tokenizer is made: it is in memory meanwhile.
const TOKENIZER_BYTES: usize = 1 << 28;

/// A text whose files have names that can be read.
pub struct Text {
    corpus: Corpus,
    validation: Option<Corpus>,
}

/// A text as tokens, with its tokenizer.
pub struct Tokens {
    /// The tokenizer.
    pub tokenizer: TokenizerFiles,
    /// Documents that are trained on.
    pub trained: train_model::Corpus,
    /// Documents that are held out.
    pub held_out: train_model::Corpus,
    /// What has to be the same for a training to be resumed.
    pub source: Source,
}

impl Text {
    /// Looks at the names of all files.
    pub fn open(arguments: &TrainModel) -> Result<Self, Error> {
        let validation = match &arguments.validation[..] {
            [] => None,
            files => Some(open(files, arguments)?),
        };
        Ok(Self {
            corpus: open(&arguments.corpus, arguments)?,
            validation,
        })
    }

    /// Reads it, with the tokenizer of the options, or that of the folder whose training goes on.
    pub fn read(
        self,
        arguments: &TrainModel,
        config: &Config,
        folder: Option<&Folder>,
        stop: &Stop,
    ) -> Result<Tokens, Error> {
        let tokenizer = match (&arguments.tokenizer, folder.filter(|_| arguments.resume)) {
            (Some(folder), _) => TokenizerFiles::of_folder(folder)?,
            (None, Some(folder)) => checkpoint::tokenizer(folder)?,
            (None, None) => make_tokenizer(arguments, config, self.validation.is_some(), stop)?,
        };
        let files = names(&self.corpus);
        let most = arguments.corpus_tokens;
        let all = encode(self.corpus, &tokenizer, most, stop)?;
        let (trained, held_out) = match self.validation {
            None => all.hold_out(config.validation_fraction, config.seed),
            Some(validation) => (all, encode(validation, &tokenizer, most, stop)?),
        };
        let entries = [
            ("corpus", json!(files)),
            ("corpus_tokens", json!(trained.tokens())),
            ("corpus_sha256", json!(trained.sha256())),
            ("validation_tokens", json!(held_out.tokens())),
            ("validation_sha256", json!(held_out.sha256())),
            ("vocabulary", json!(tokenizer.vocabulary())),
            ("tokenizer_sha256", json!(tokenizer.sha256())),
        ];
        let source = entries.map(|(key, value)| (key.to_owned(), value)).into();
        Ok(Tokens {
            tokenizer,
            trained,
            held_out,
            source,
        })
    }
}

fn open(files: &[PathBuf], arguments: &TrainModel) -> Result<Corpus, Error> {
    let options = Options {
        text_field: arguments.text_field.clone(),
        ..Options::default()
    };
    Ok(Corpus::open(files, options)?)
}

fn names(corpus: &Corpus) -> Vec<Value> {
    let files = corpus.files().iter();
    files.map(|(name, bytes)| json!([name, bytes])).collect()
}

fn stopped(stop: &Stop) -> Result<(), Error> {
    match stop.is_wanted() {
        true => Err(TrainError::Stopped.into()),
        false => Ok(()),
    }
}

/// Makes a tokenizer of the documents that are trained on.
fn make_tokenizer(
    arguments: &TrainModel,
    config: &Config,
    holds_out_none: bool,
    stop: &Stop,
) -> Result<TokenizerFiles, Error> {
    let corpus = open(&arguments.corpus, arguments)?;
    let (mut texts, mut bytes) = (Vec::new(), 0);
    for document in corpus {
        stopped(stop)?;
        let document = document?;
        bytes += document.text.len();
        texts.push(document.text);
        if bytes >= TOKENIZER_BYTES {
            let (bytes, words) = (size(bytes as u64), "of the corpus");
            note(&format!(
                "the tokenizer is made of the first {bytes} {words}"
            ));
            break;
        }
    }
    note(&format!(
        "making a tokenizer of {} tokens of {} of text",
        arguments.vocabulary,
        size(bytes as u64)
    ));
    let fraction = match holds_out_none {
        true => 0.0,
        false => config.validation_fraction,
    };
    let is_out = held_out(texts.len(), fraction, config.seed);
    let mut is_out = is_out.into_iter();
    texts.retain(|_| is_out.next() != Some(true));
    let context = config.n_positions;
    let made = TokenizerFiles::train(texts.into_iter(), arguments.vocabulary, context)?;
    Ok(made)
}

/// The documents of a corpus as tokens, up to about `most`.
fn encode(
    mut corpus: Corpus,
    tokenizer: &TokenizerFiles,
    most: u64,
    stop: &Stop,
) -> Result<train_model::Corpus, Error> {
    let line = StatusLine::new();
    let bytes = corpus.bytes();
    let mut tokens = train_model::Corpus::new(tokenizer.end_of_text());
    while let Some(document) = corpus.next() {
        let document = document?;
        if stop.is_wanted() {
            line.end();
            stopped(stop)?;
        }
        tokens.add(&tokenizer.encode(&document.text));
        line.reading(corpus.bytes_read(), bytes, tokens.tokens());
        if tokens.tokens() as u64 >= most {
            line.end();
            note(&format!(
                "the first {} tokens of the corpus are used, and nothing behind them (--corpus-tokens)",
                tokens.tokens()
            ));
            break;
        }
    }
    line.end();
    Ok(tokens)
}
