//! The text as tokens, and the order of its rows.
//!
//! Every document begins with `<|endoftext|>`. In each epoch the documents come in an order of its own, one after the other, and are cut in
//! rows of `n_positions` tokens with the next one, beginning somewhere in the first row's length; the rows then come in an order of their
//! own. All of it by seed and number alone: any batch can be made without those before it.

use sha2::{Digest as _, Sha256};
use train::{Purpose, Random};

use crate::config::Config;
use crate::error::Error;

/// Documents as tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpus {
    end_of_text: u32,
    /// Tokens of all documents, one after the other.
    tokens: Vec<u32>,
    /// First token of each document, and the end.
    starts: Vec<usize>,
}

impl Corpus {
    /// No documents. `end_of_text` begins each.
    pub fn new(end_of_text: u32) -> Self {
        Self {
            end_of_text,
            tokens: Vec::new(),
            starts: vec![0],
        }
    }

    /// Adds a document's tokens; the token that begins it is put before, and taken off where it stands there already.
    pub fn add(&mut self, tokens: &[u32]) {
        let own = tokens
            .iter()
            .take_while(|token| **token == self.end_of_text);
        let tokens = &tokens[own.count()..];
        self.tokens.push(self.end_of_text);
        self.tokens.extend_from_slice(tokens);
        self.starts.push(self.tokens.len());
    }

    /// Number of documents.
    pub fn documents(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of tokens.
    pub fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Bytes that they take.
    pub fn memory(&self) -> u64 {
        (4 * self.tokens.len() + size_of::<usize>() * self.starts.len()) as u64
    }

    /// SHA-256 of the documents' bounds and tokens, in hexadecimal.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for start in &self.starts {
            hash.update((*start as u64).to_le_bytes());
        }
        for token in &self.tokens {
            hash.update(token.to_le_bytes());
        }
        hex(&hash.finalize())
    }

    fn document(&self, number: usize) -> &[u32] {
        &self.tokens[self.starts[number]..self.starts[number + 1]]
    }

    /// The documents apart from those that are [`held_out`], and those.
    #[must_use]
    pub fn hold_out(self, fraction: f64, seed: u64) -> (Self, Self) {
        let mut out = Self::new(self.end_of_text);
        let mut kept = Self::new(self.end_of_text);
        let is_out = held_out(self.documents(), fraction, seed);
        for (number, is_out) in is_out.into_iter().enumerate() {
            let there = if is_out { &mut out } else { &mut kept };
            there.add(self.document(number));
        }
        (kept, out)
    }

    /// All rows of `length` + 1 tokens in the order of the documents, each beginning with the last token of the one before. What does not
    /// make a row is left out.
    pub fn rows(&self, length: usize) -> Vec<&[u32]> {
        let rows = self.tokens.len().saturating_sub(1) / length;
        (0..rows)
            .map(|row| &self.tokens[row * length..][..length + 1])
            .collect()
    }
}

/// Says of each of so many documents if it is held out. So many are that it is a share of all, by the seed; at least one, and not all. A
/// share of 0, or a single document, holds out none.
pub fn held_out(documents: usize, fraction: f64, seed: u64) -> Vec<bool> {
    let mut is_out = vec![false; documents];
    if fraction > 0.0 && documents >= 2 {
        let count = (documents as f64 * fraction).round() as usize;
        let order = Random::new(seed, Purpose::HeldOut, 0).permutation(documents);
        for number in &order[..count.clamp(1, documents - 1)] {
            is_out[*number as usize] = true;
        }
    }
    is_out
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An epoch's order.
#[derive(Debug)]
struct Epoch {
    number: u64,
    /// Documents in their order, and the tokens before each.
    documents: Vec<u32>,
    before: Vec<usize>,
    phase: usize,
    rows: Vec<u32>,
}

/// The order of a corpus's rows.
#[derive(Debug)]
pub struct Order {
    corpus: Corpus,
    seed: u64,
    length: usize,
    batch: usize,
    /// The epoch that was last asked for.
    epoch: Option<Epoch>,
    /// First batch of each epoch so far, and of the next.
    firsts: Vec<u64>,
}

impl Order {
    /// The order of a corpus that is trained on.
    ///
    /// # Errors
    /// [`Error::TooFew`] where an epoch may have no batch.
    pub fn new(corpus: Corpus, config: &Config) -> Result<Self, Error> {
        let (length, batch) = (config.n_positions, config.batch);
        // An epoch begins up to a row late.
        let rows = (corpus.tokens().saturating_sub(length) / length) as u64;
        if rows < batch as u64 {
            return Err(Error::TooFew {
                rows,
                length,
                batch,
            });
        }
        Ok(Self {
            corpus,
            seed: config.seed,
            length,
            batch,
            epoch: None,
            firsts: vec![0],
        })
    }

    /// The corpus.
    pub fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    fn phase(&self, epoch: u64) -> usize {
        let mut random = Random::new(self.seed, Purpose::Phase, epoch);
        random.below(self.length as u64) as usize
    }

    fn rows_of(&self, epoch: u64) -> usize {
        (self.corpus.tokens() - self.phase(epoch) - 1) / self.length
    }

    /// Passes over the corpus behind so many batches.
    pub fn epochs(&mut self, batches: u64) -> f64 {
        let (epoch, inside) = self.place(batches);
        let rows = self.rows_of(epoch);
        epoch as f64 + (inside as usize * self.batch) as f64 / rows as f64
    }

    /// The epoch of a batch, and which of it.
    fn place(&mut self, number: u64) -> (u64, u64) {
        while let Some(first) = self.firsts.last().filter(|first| **first <= number) {
            // No epoch is without a batch, or `new` had refused.
            let batches = self.rows_of(self.firsts.len() as u64 - 1) / self.batch;
            self.firsts.push(first + batches.max(1) as u64);
        }
        let epoch = self.firsts.partition_point(|first| *first <= number) - 1;
        (epoch as u64, number - self.firsts[epoch])
    }

    /// The tokens of a batch, `[batch, n_positions + 1]`: the last token of a row is its last target.
    pub fn batch(&mut self, number: u64) -> Vec<u32> {
        let (number, inside) = self.place(number);
        if self
            .epoch
            .as_ref()
            .is_none_or(|epoch| epoch.number != number)
        {
            self.epoch = Some(self.make(number));
        }
        let mut tokens = Vec::with_capacity(self.batch * (self.length + 1));
        if let Some(epoch) = &self.epoch {
            let rows = &epoch.rows[inside as usize * self.batch..][..self.batch];
            for row in rows {
                let first = epoch.phase + *row as usize * self.length;
                self.read(epoch, first, self.length + 1, &mut tokens);
            }
        }
        tokens
    }

    fn make(&self, number: u64) -> Epoch {
        let mut random = Random::new(self.seed, Purpose::Epoch, number);
        let documents = random.permutation(self.corpus.documents());
        let mut sum = 0;
        let before = documents.iter().map(|document| {
            let before = sum;
            sum += self.corpus.document(*document as usize).len();
            before
        });
        let before = before.collect();
        let mut random = Random::new(self.seed, Purpose::Rows, number);
        Epoch {
            number,
            before,
            documents,
            phase: self.phase(number),
            rows: random.permutation(self.rows_of(number)),
        }
    }

    /// Appends `count` tokens of an epoch from `first` on.
    fn read(&self, epoch: &Epoch, first: usize, count: usize, tokens: &mut Vec<u32>) {
        let until = tokens.len() + count;
        // The last document that begins at or before it. None is empty.
        let mut at = epoch.before.partition_point(|before| *before <= first) - 1;
        let mut inside = first - epoch.before[at];
        while tokens.len() < until {
            let document = self.corpus.document(epoch.documents[at] as usize);
            let left = until - tokens.len();
            let end = document.len().min(inside + left);
            tokens.extend_from_slice(&document[inside..end]);
            (at, inside) = (at + 1, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(lengths: &[usize]) -> Corpus {
        let mut corpus = Corpus::new(999);
        let mut next = 0;
        for length in lengths {
            let tokens: Vec<u32> = (next..next + *length as u32).collect();
            next += *length as u32;
            corpus.add(&tokens);
        }
        corpus
    }

    fn config() -> Config {
        Config {
            n_positions: 8,
            batch: 3,
            part: 1,
            ..Config::default()
        }
    }

    #[test]
    fn an_epoch_has_every_token_at_most_once_and_batches_do_not_depend_on_each_other() {
        let lengths = [30, 0, 55, 7, 91, 64, 3, 12];
        let mut order = Order::new(corpus(&lengths), &config()).unwrap();
        let tokens = order.corpus().tokens();
        assert_eq!(tokens, 262 + 8);
        let mut all = Vec::new();
        for number in 0..60 {
            let batch = order.batch(number);
            assert_eq!(batch.len(), 3 * 9);
            let mut fresh = Order::new(corpus(&lengths), &config()).unwrap();
            assert_eq!(fresh.batch(number), batch);
            all.push((order.place(number).0, batch));
        }
        let epochs = all.last().unwrap().0;
        assert!(epochs >= 5, "{epochs}");
        let mut orders = Vec::new();
        for epoch in 0..epochs {
            let batches = all.iter().filter(|(there, _)| *there == epoch);
            let inputs: Vec<u32> = batches
                .flat_map(|(_, batch)| batch.chunks(9).flat_map(|row| row[..8].to_vec()))
                .collect();
            let mut text: Vec<u32> = inputs
                .iter()
                .copied()
                .filter(|token| *token < 999)
                .collect();
            // A row that the batch before would not hold is left out, and up to a row at each end.
            assert!(inputs.len() + 3 * 8 + 16 >= tokens, "{}", inputs.len());
            orders.push(text.clone());
            text.sort_unstable();
            let count = text.len();
            text.dedup();
            assert_eq!(text.len(), count);
        }
        assert!(orders.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn rows_follow_each_other_and_documents_begin_with_their_token() {
        let mut order = Order::new(corpus(&[40, 40]), &config()).unwrap();
        let batch = order.batch(0);
        for row in batch.chunks(9) {
            for pair in row.windows(2) {
                let follows = pair[1] == pair[0] + 1;
                let begins = pair[1] == 999 || pair[0] == 999 && pair[1].is_multiple_of(40);
                assert!(follows || begins, "{row:?}");
            }
        }
        let mut own = Corpus::new(999);
        own.add(&[999, 999, 5]);
        assert_eq!(own.tokens, [999, 5]);
    }

    #[test]
    fn too_little_text_is_refused_with_both_numbers() {
        let error = Order::new(corpus(&[30]), &config()).unwrap_err();
        assert!(error.to_string().contains("2 rows of 8 tokens"), "{error}");
        assert!(error.to_string().contains("batch of 3"), "{error}");
    }

    #[test]
    fn whole_documents_are_held_out() {
        let all = corpus(&[10; 40]);
        let (kept, out) = all.clone().hold_out(0.1, 3);
        assert_eq!((kept.documents(), out.documents()), (36, 4));
        assert_eq!(kept.tokens() + out.tokens(), all.tokens());
        let (again, _) = all.clone().hold_out(0.1, 3);
        assert_eq!(again, kept);
        let (other, _) = all.clone().hold_out(0.1, 4);
        assert_ne!(other, kept);
        assert_eq!(all.clone().hold_out(0.0, 3).1.documents(), 0);
        assert_eq!(all.hold_out(0.001, 3).1.documents(), 1);
        let single = corpus(&[10]);
        assert_eq!(single.clone().hold_out(0.5, 3).0, single);
    }
}
