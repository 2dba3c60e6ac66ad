//! The part of a corpus that an evaluation reads, as windows of tokens with their labels.

use std::path::Path;

use corpus::{Corpus, Options};
use evaluation::tasks;
use explorer::Session;
use train_run::{SHORTEST, without_bos};
use wire::EvaluatedCorpus;

use super::args::Evaluate;
use super::progress::Progress;
use crate::error::Error;
use crate::train::signal::Stop;

/// A window of a document.
pub struct Window {
    /// Its tokens, without BOS.
    pub tokens: Vec<u32>,
    /// The tasks that are true of each token, as bits.
    pub labels: Vec<u16>,
    /// The number of its document's source.
    pub source: usize,
}

/// Windows of a corpus.
pub struct Windows {
    /// The windows, in the order of the corpus.
    pub windows: Vec<Window>,
    /// What was read.
    pub read: EvaluatedCorpus,
}

impl Windows {
    /// Reads the corpus, of each file an equal share of `--tokens`. Every window has room for a BOS, whether one goes first or not, so
    /// that all autoencoders see the same ones.
    ///
    /// # Errors
    /// [`Error::Corpus`], [`train_run::Error::Context`], [`Error::StoppedReading`], [`Error::NoWindows`].
    pub fn read(
        arguments: &Evaluate,
        session: &Session,
        stop: &Stop,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let model = session.info().model.ok_or(explorer::Error::NoModel)?;
        let context = train_run::context(arguments.context, model.n_ctx, true)?;
        let reader = Reader {
            session,
            texts: texts(session)?,
            bos: model.bos,
            room: context - 1,
            of_document: arguments.document_tokens.unwrap_or(usize::MAX),
            stop,
        };
        let mut windows = Self {
            windows: Vec::new(),
            read: EvaluatedCorpus {
                context,
                ..EvaluatedCorpus::default()
            },
        };
        let share = arguments.tokens.div_ceil(arguments.corpus.len());
        for path in &arguments.corpus {
            let left = arguments.tokens - windows.read.tokens;
            let text_field = arguments.text_field.clone();
            reader.file(path, text_field, share.min(left), &mut windows, progress)?;
        }
        progress.end();
        windows.read.windows = windows.windows.len();
        if windows.windows.is_empty() {
            return Err(Error::NoWindows {
                files: windows.read.files.join(", "),
                least: SHORTEST,
            });
        }
        Ok(windows)
    }
}

/// The text of each token of the vocabulary; what is no text by itself has a replacement character.
fn texts(session: &Session) -> Result<Vec<String>, Error> {
    let tokens = session.vocabulary()?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(tokens.into_iter().map(text).collect())
}

struct Reader<'a> {
    session: &'a Session,
    texts: Vec<String>,
    bos: Option<u32>,
    /// Tokens of a window, without BOS.
    room: usize,
    /// The most tokens of a document.
    of_document: usize,
    stop: &'a Stop,
}

impl Reader<'_> {
    /// Reads at most `most` tokens of a file.
    fn file(
        &self,
        path: &Path,
        text_field: String,
        most: usize,
        windows: &mut Windows,
        progress: &Progress,
    ) -> Result<(), Error> {
        let options = Options {
            text_field,
            ..Options::default()
        };
        let mut corpus = Corpus::open(&[path.to_owned()], options)?;
        let read = &mut windows.read;
        let names = corpus.files().iter().map(|(name, _)| name.clone());
        read.files.extend(names);
        let bytes = corpus.bytes();
        let mut left = most;
        while left >= SHORTEST {
            let Some(document) = corpus.next() else {
                break;
            };
            let document = document?;
            if self.stop.is_wanted() {
                progress.end();
                return Err(Error::StoppedReading);
            }
            let tokens = self.session.document_tokens(&document.text)?;
            let mut tokens = without_bos(tokens, self.bos);
            let text = |id: &u32| self.texts.get(*id as usize).map_or("", String::as_str);
            let labels = tasks::labels(&tokens.iter().map(text).collect::<Vec<_>>());
            let source = read
                .sources
                .iter()
                .position(|source| *source == document.source);
            let source = source.unwrap_or_else(|| {
                read.sources.push(document.source);
                read.sources.len() - 1
            });
            tokens.truncate(left.min(self.of_document));
            let mut used = 0;
            for (tokens, labels) in tokens.chunks(self.room).zip(labels.chunks(self.room)) {
                if tokens.len() < SHORTEST {
                    continue;
                }
                used += tokens.len();
                windows.windows.push(Window {
                    tokens: tokens.to_vec(),
                    labels: labels[..tokens.len()].to_vec(),
                    source,
                });
            }
            left -= used;
            read.tokens += used;
            read.documents += usize::from(used > 0);
            progress.reading(corpus.bytes_read(), bytes, read.tokens);
        }
        Ok(())
    }
}
