//! Who wants an evaluation: hears how far it is, and may stop it.

use wire::CorpusEvaluation;

/// Who wants an evaluation.
pub trait Host {
    /// True once it shall end with what is there.
    fn is_stopped(&self) -> bool;

    /// So many bytes of a file with so many are read; so many tokens of all.
    fn reading(&self, read: u64, bytes: u64, tokens: usize);

    /// A part begins, whose time left may be estimated.
    fn begin(&self) {}

    /// A part is so far.
    fn part(&self, what: &str, done: usize, all: usize, unit: &'static str);

    /// A part has ended.
    fn end(&self) {}

    /// An autoencoder's numbers so far; those of later parts are still missing.
    fn found(&self, _found: &CorpusEvaluation) {}

    /// Lets others work, where they share this thread.
    fn turn(&self) -> impl Future<Output = ()> {
        std::future::ready(())
    }
}
