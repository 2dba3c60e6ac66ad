//! The options of `evaluate`.

use std::path::PathBuf;

use clap::Args;

use crate::args::Common;

/// Options of `evaluate`.
#[derive(Debug, Args)]
pub struct Evaluate {
    /// Options of every command that runs a model.
    #[command(flatten)]
    pub common: Common,

    /// An autoencoder, as for `trace`. May be given several times; each is run for itself
    #[arg(
        long,
        required = true,
        value_name = "demo|PATH[@HOOK]|OWNER/NAME[@REVISION][:PATH][@HOOK]|URL[@HOOK]"
    )]
    pub sae: Vec<String>,

    /// A file that holds the text; `-` is the standard input. A text that is longer than the model's context is read in
    /// windows of that length. Without it and without --corpus a built-in sample of 126 tokens of GPT-2 is used
    #[arg(long, value_name = "FILE", conflicts_with = "corpus")]
    pub text: Option<PathBuf>,

    /// Evaluate on a corpus instead, which the autoencoders were not trained on: files as for `scan` (docs/evaluate.md)
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub corpus: Vec<PathBuf>,

    /// The field of a record, or the column of a table, that holds the text
    #[arg(long, value_name = "NAME", default_value = "text", requires = "corpus")]
    pub text_field: String,

    /// Tokens to read of the corpus, of each of its files an equal share
    #[arg(long, value_name = "N", default_value_t = 100_000, requires = "corpus", value_parser = positive)]
    pub tokens: usize,

    /// Read no more than so many tokens of each document, so that more documents have a part [default: all]
    #[arg(long, value_name = "N", requires = "corpus", value_parser = positive)]
    pub document_tokens: Option<usize>,

    /// Tokens per window, a BOS included [default: the model's context, at most 256]
    #[arg(long, value_name = "TOKENS", requires = "corpus")]
    pub context: Option<usize>,

    /// Also with k/4, k/2, 2k and 4k latents, with one threshold (JumpReLU), and with refined magnitudes
    #[arg(long, requires = "corpus")]
    pub recovery: bool,

    /// Also the loss of probes on single latents for labels that the text gives, and sparse probing with 1, 2 and 5 latents
    #[arg(long, requires = "corpus")]
    pub probes: bool,

    /// Also the sparsity of what ablating active latents changes in the logits
    #[arg(long, requires = "corpus")]
    pub ablation: bool,

    /// All of it
    #[arg(long, requires = "corpus")]
    pub all: bool,

    /// Ablations to make of each autoencoder
    #[arg(long, value_name = "N", default_value_t = 64, requires = "corpus", value_parser = positive)]
    pub ablations: usize,

    /// The seed of random choices
    #[arg(long, value_name = "S", default_value_t = 0, requires = "corpus")]
    pub seed: u64,

    /// Write the result to a file as well, which must not exist: .json or .md
    #[arg(long, value_name = "FILE", requires = "corpus")]
    pub out: Option<PathBuf>,
}

/// A whole number above 0.
fn positive(given: &str) -> Result<usize, String> {
    match given.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("it is a whole number, from 1 on".to_owned()),
    }
}

impl Evaluate {
    /// True if the recovery was asked for.
    pub fn wants_recovery(&self) -> bool {
        self.recovery || self.all
    }

    /// True if probes were asked for.
    pub fn wants_probes(&self) -> bool {
        self.probes || self.all
    }

    /// True if ablations were asked for.
    pub fn wants_ablation(&self) -> bool {
        self.ablation || self.all
    }
}
