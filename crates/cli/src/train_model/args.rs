//! The options of `train-model`.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::train::args::setting;
use crate::train::keeping::Keeping;

/// Options of `train-model`.
#[derive(Debug, Args)]
pub struct TrainModel {
    /// The files of the corpus, as for `scan`
    #[arg(long, num_args = 1.., value_name = "FILE", required = true)]
    pub corpus: Vec<PathBuf>,

    /// The field of a record, or the column of a table, that holds the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub text_field: String,

    /// Read no more of the corpus than so many tokens, which are in memory
    #[arg(long, value_name = "N", default_value_t = 100_000_000)]
    pub corpus_tokens: u64,

    /// Measure the loss on these files, and hold out nothing of the corpus
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub validation: Vec<PathBuf>,

    /// Take the tokenizer of this folder: tokenizer.json, or vocab.json and merges.txt
    #[arg(long, value_name = "DIR", conflicts_with = "vocabulary")]
    pub tokenizer: Option<PathBuf>,

    /// Make a tokenizer of so many tokens of the text: byte-level BPE, <|endoftext|> last
    #[arg(long, value_name = "N", default_value_t = 8192)]
    pub vocabulary: usize,

    /// Settings as JSON (docs/train-model.md); options of the command line go before them
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// One more setting, as n_layer=4 or lr=1e-3. May be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    pub settings: Vec<(String, Value)>,

    /// The folder of the model and its training
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Go on with the training in the folder, with the same settings and text
    #[arg(long)]
    pub resume: bool,

    /// Read the text, say what the training would take, and end without writing
    #[arg(long, conflicts_with = "resume")]
    pub dry_run: bool,

    /// How often it is saved and logged.
    #[command(flatten)]
    pub keeping: Keeping,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
