//! Division of documents into windows of tokens.

use corpus::Document;
use explorer::ScanWindow;

use crate::error::Error;
use scan_folder::{Progress, Shard};

/// Tokens of the shortest window. A document's last window is left out where it is shorter.
pub const SHORTEST: usize = 8;

/// The origin of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Number of the document.
    pub document: u64,
    /// Index of its first token in the document.
    pub start: u32,
    /// Name and source of the document, with its first window.
    pub named: Option<(String, String)>,
    /// How far the scan is when this window has been added.
    pub after: Progress,
}

/// Documents as windows, never across documents.
pub(crate) struct Division<D, T> {
    /// The documents of the whole corpus, from its beginning.
    pub documents: D,
    /// From a text to its tokens, without BOS.
    pub tokenize: T,
    /// A token that is left out where documents begin with it, because it is put before every window.
    pub bos: Option<u32>,
    /// Tokens of a window, without BOS.
    pub room: usize,
    /// The part of the corpus.
    pub shard: Shard,
    /// Tokens after which there are no more windows.
    pub limit: Option<u64>,
    /// How far it is, windows that were given out included.
    pub progress: Progress,
    /// The document that is being divided.
    pub open: Option<Open>,
}

/// A document that is being divided.
pub(crate) struct Open {
    number: u64,
    named: (String, String),
    tokens: Vec<u32>,
    /// Windows that it has.
    windows: usize,
    /// The next one.
    next: usize,
}

impl<D, T> Division<D, T>
where
    D: Iterator<Item = Result<Document, corpus::Error>>,
    T: FnMut(&str) -> Result<Vec<u32>, explorer::Error>,
{
    /// The next window; None at the end.
    ///
    /// # Errors
    /// [`Error::Corpus`], [`Error::Engine`].
    pub fn next(&mut self) -> Result<Option<ScanWindow<Origin>>, Error> {
        if self
            .limit
            .is_some_and(|limit| self.progress.tokens >= limit)
        {
            return Ok(None);
        }
        while self.open.is_none() {
            if !self.open_next()? {
                return Ok(None);
            }
        }
        let Some(open) = &mut self.open else {
            return Ok(None);
        };
        let start = open.next * self.room;
        let end = open.tokens.len().min(start + self.room);
        let tokens = open.tokens.get(start..end).unwrap_or_default().to_vec();
        let named = (open.next == 0).then(|| std::mem::take(&mut open.named));
        let number = open.number;
        open.next += 1;
        self.progress.windows += 1;
        self.progress.tokens += tokens.len() as u64;
        self.progress.windows_of_next = open.next as u64;
        if open.next == open.windows {
            self.close(end);
        }
        Ok(Some(ScanWindow {
            tokens,
            origin: Origin {
                document: number,
                // Documents are in memory, and so shorter than 2³² tokens.
                start: start as u32,
                named,
                after: self.progress,
            },
        }))
    }

    /// Opens the next document of this shard that has a window; false where the corpus ends.
    fn open_next(&mut self) -> Result<bool, Error> {
        let Some(document) = self.documents.next() else {
            return Ok(false);
        };
        let Document {
            number,
            name,
            source,
            text,
        } = document?;
        // Read before this scan was resumed.
        if number < self.progress.documents {
            return Ok(true);
        }
        if !self.shard.has(number) {
            self.progress.documents = number + 1;
            return Ok(true);
        }
        let mut tokens = (self.tokenize)(&text)?;
        if let Some(bos) = self.bos {
            let own = tokens.iter().take_while(|token| **token == bos).count();
            tokens.drain(..own);
        }
        let whole = tokens.len() / self.room;
        let windows = whole + usize::from(tokens.len() % self.room >= SHORTEST);
        let next = self.progress.windows_of_next as usize;
        self.open = Some(Open {
            number,
            named: (name, source),
            tokens,
            windows,
            next,
        });
        if next >= windows {
            self.close(next * self.room);
        }
        Ok(true)
    }

    /// Notes that the open document was read; `end` is the end of its last window.
    fn close(&mut self, end: usize) {
        let Some(open) = self.open.take() else {
            return;
        };
        let short = open.tokens.len().saturating_sub(end);
        self.progress.short_windows += u64::from(short > 0);
        self.progress.short_tokens += short as u64;
        self.progress.documents = open.number + 1;
        self.progress.windows_of_next = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Documents of so many tokens, each a letter.
    fn divide(
        lengths: &[usize],
        (room, shard, limit): (usize, Shard, Option<u64>),
        from: Progress,
    ) -> (Vec<ScanWindow<Origin>>, Progress) {
        let documents = (0..).zip(lengths).map(|(number, length)| {
            Ok(Document {
                number,
                name: format!("document {number}"),
                source: "source".to_owned(),
                text: "x".repeat(*length),
            })
        });
        let mut division = Division {
            documents,
            tokenize: |text: &str| Ok((1..=text.len() as u32).collect()),
            bos: Some(0),
            room,
            shard,
            limit,
            progress: from,
            open: None,
        };
        let mut windows = Vec::new();
        while let Some(window) = division.next().unwrap() {
            windows.push(window);
        }
        (windows, division.progress)
    }

    proptest! {
        #[test]
        fn every_token_is_in_one_window_or_counted_as_left_out(
            lengths in prop::collection::vec(0usize..100, 0..12),
            room in 8usize..40,
            of in 1u32..4,
        ) {
            let mut tokens = 0;
            for index in 0..of {
                let shard = Shard { index, of };
                let (windows, progress) = divide(&lengths, (room, shard, None), Progress::default());
                prop_assert_eq!(progress.documents, lengths.len() as u64);
                prop_assert_eq!(progress.windows_of_next, 0);
                prop_assert_eq!(progress.windows, windows.len() as u64);
                let inside: u64 = windows.iter().map(|window| window.tokens.len() as u64).sum();
                prop_assert_eq!(progress.tokens, inside);
                tokens += inside + progress.short_tokens;
                for window in &windows {
                    let origin = &window.origin;
                    prop_assert!(shard.has(origin.document));
                    prop_assert!((SHORTEST..=room).contains(&window.tokens.len()));
                    // Tokens are numbered from 1 in each document.
                    prop_assert_eq!(window.tokens[0], origin.start + 1);
                    prop_assert_eq!(origin.named.is_some(), origin.start == 0);
                    let end = origin.start as usize + window.tokens.len();
                    prop_assert!(end <= lengths[origin.document as usize]);
                }
            }
            prop_assert_eq!(tokens, lengths.iter().sum::<usize>() as u64);
        }

        #[test]
        fn a_division_that_is_taken_up_anywhere_goes_on_as_if_it_had_not_stopped(
            lengths in prop::collection::vec(0usize..100, 1..12),
            room in 8usize..40,
            of in 1u32..4,
            limit in prop::option::of(0u64..300),
            at in 0usize..40,
        ) {
            let how = (room, Shard { index: 0, of }, limit);
            let (windows, end) = divide(&lengths, how, Progress::default());
            let Some(last) = windows.get(at) else { return Ok(()) };
            let (rest, end_again) = divide(&lengths, how, last.origin.after);
            prop_assert_eq!(end, end_again);
            let as_it_was = &windows[at + 1..];
            prop_assert_eq!(rest.len(), as_it_was.len());
            for (one, other) in rest.iter().zip(as_it_was) {
                prop_assert_eq!(&one.tokens, &other.tokens);
                prop_assert_eq!(&one.origin, &other.origin);
            }
        }
    }
}
