//! The part of texts that an evaluation reads, as windows of tokens with their labels.

use corpus::Corpus;
use evaluation::tasks;
use explorer::Session;
use train_run::{SHORTEST, without_bos};
use wire::EvaluatedCorpus;

use crate::error::Error;
use crate::host::Host;

/// Documents between two turns of others.
const DOCUMENTS: usize = 16;

/// A window of a document.
pub struct Window {
    /// Its tokens, without BOS.
    pub tokens: Vec<u32>,
    /// The tasks that are true of each token, as bits.
    pub labels: Vec<u16>,
    /// The number of its document's source.
    pub source: usize,
}

/// What is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Tokens in all, of each file an equal share.
    pub tokens: usize,
    /// The most tokens of a document; None for all.
    pub document_tokens: Option<usize>,
    /// Tokens of a window, a BOS included; None is the model's context, at most 256.
    pub context: Option<usize>,
}

/// Windows of a corpus.
pub struct Windows {
    /// The windows, in the order of the corpus.
    pub windows: Vec<Window>,
    /// What was read.
    pub read: EvaluatedCorpus,
}

impl Windows {
    /// Reads `files` files, each of which `open` opens, with the tokens of the model that is loaded. Every window has room for a BOS, whether
    /// one goes first or not, so that all autoencoders see the same ones.
    ///
    /// # Errors
    /// [`Error::Corpus`], [`Error::Context`], [`Error::StoppedReading`], [`Error::NoWindows`], [`Error::Engine`].
    pub async fn read(
        session: &Session,
        reading: Reading,
        files: usize,
        mut open: impl FnMut(usize) -> Result<Corpus, corpus::Error>,
        host: &impl Host,
    ) -> Result<Self, Error> {
        let model = session.info().model.ok_or(explorer::Error::NoModel)?;
        let context = train_run::context(reading.context, model.n_ctx, true);
        let context = context.map_err(Error::Context)?;
        let reader = Reader {
            session,
            texts: texts(session)?,
            bos: model.bos,
            room: context - 1,
            of_document: reading.document_tokens.unwrap_or(usize::MAX),
        };
        let mut windows = Self {
            windows: Vec::new(),
            read: EvaluatedCorpus {
                context,
                ..EvaluatedCorpus::default()
            },
        };
        let share = reading.tokens.div_ceil(files.max(1));
        for file in 0..files {
            let left = reading.tokens - windows.read.tokens;
            let corpus = open(file)?;
            let read = reader.file(corpus, share.min(left), &mut windows, host);
            if let Err(error) = read.await {
                host.end();
                return Err(error);
            }
        }
        host.end();
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
}

impl Reader<'_> {
    /// Reads at most `most` tokens of a file.
    async fn file(
        &self,
        mut corpus: Corpus,
        most: usize,
        windows: &mut Windows,
        host: &impl Host,
    ) -> Result<(), Error> {
        let read = &mut windows.read;
        let names = corpus.files().iter().map(|(name, _)| name.clone());
        read.files.extend(names);
        let bytes = corpus.bytes();
        let mut left = most;
        let mut documents = 0;
        while left >= SHORTEST {
            let Some(document) = corpus.next() else {
                break;
            };
            let document = document?;
            documents += 1;
            if documents % DOCUMENTS == 1 {
                host.turn().await;
            }
            if host.is_stopped() {
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
            host.reading(corpus.bytes_read(), bytes, read.tokens);
        }
        Ok(())
    }
}
