//! The options of `train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::Common;
use crate::train::keeping::Keeping;

/// Options of `train`.
#[derive(Debug, Args)]
pub struct Train {
    /// Options of every command that runs a model.
    #[command(flatten)]
    pub common: Common,

    /// The hook whose activations the autoencoder is trained on, as blocks.3.hook_resid_post
    #[arg(long, value_name = "HOOK", requires = "corpus")]
    pub hook: Option<String>,

    /// The files of the corpus, as for `scan`
    #[arg(
        long,
        num_args = 1..,
        value_name = "FILE",
        requires = "hook",
        required_unless_present = "activations"
    )]
    pub corpus: Vec<PathBuf>,

    /// Train on these activations instead, of any model: a matrix [rows, width] as .npy or .safetensors, or a folder of such files
    #[arg(long, value_name = "FILE|DIR", conflicts_with_all = ["corpus", "hook"])]
    pub activations: Option<PathBuf>,

    /// The tensor of a safetensors file [default: the only one]
    #[arg(long, value_name = "NAME", requires = "activations")]
    pub tensor: Option<String>,

    /// The field of a record, or the column of a table, that holds the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub text_field: String,

    /// Tokens per window, a BOS included [default: the model's context, at most 256]
    #[arg(long, value_name = "TOKENS")]
    pub context: Option<usize>,

    /// Train on the first position of a window as well where no BOS stands there; it is unlike all others
    #[arg(long)]
    pub keep_first: bool,

    /// Read no more of the corpus than so many tokens, which are in memory
    #[arg(long, value_name = "N", default_value_t = 100_000_000)]
    pub corpus_tokens: u64,

    /// Number of latents
    #[arg(long, value_name = "N")]
    pub latents: Option<usize>,

    /// Active latents per token
    #[arg(long, value_name = "K")]
    pub k: Option<usize>,

    /// Tokens to train on [default: the corpus once]
    #[arg(long, value_name = "N")]
    pub tokens: Option<u64>,

    /// Tokens per step
    #[arg(long, value_name = "N")]
    pub batch: Option<usize>,

    /// Peak learning rate [default: 2e-4·√(16384 / latents)]
    #[arg(long, value_name = "RATE")]
    pub lr: Option<f64>,

    /// Seed of the start and of the order of data
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,

    /// Settings as JSON (docs/train.md); options of the command line go before them
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// One more setting, as aux_fraction=0.25 or activation=batch_topk. May be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    pub settings: Vec<(String, serde_json::Value)>,

    /// The processor that trains; --backend is that of the model
    #[arg(long, value_enum, default_value_t = Processor::Cpu)]
    pub train_on: Processor,

    /// The folder of the autoencoder and its training
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Go on with the training in the folder, with the same settings and data
    #[arg(long)]
    pub resume: bool,

    /// Look at the data, say what the training would take, and end without writing
    #[arg(long, conflicts_with = "resume")]
    pub dry_run: bool,

    /// How often it is saved and logged.
    #[command(flatten)]
    pub keeping: Keeping,
}

/// The processor that trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Processor {
    /// The CPU, with all its cores.
    Cpu,
    /// The GPU.
    Gpu,
}

/// A setting as KEY=VALUE; a value that is no JSON is a word.
pub fn setting(given: &str) -> Result<(String, serde_json::Value), String> {
    let (key, value) = given
        .split_once('=')
        .ok_or_else(|| "it is KEY=VALUE, as in aux_fraction=0.25".to_owned())?;
    let parsed = serde_json::from_str(value);
    Ok((key.to_owned(), parsed.unwrap_or_else(|_| value.into())))
}

impl Train {
    /// The settings of options by their names in a file.
    pub fn changes(&self) -> Vec<(String, serde_json::Value)> {
        let mut changes = self.settings.clone();
        let mut change = |key: &str, value: Option<serde_json::Value>| {
            changes.extend(value.map(|value| (key.to_owned(), value)));
        };
        change("latents", self.latents.map(Into::into));
        change("k", self.k.map(Into::into));
        change("tokens", self.tokens.map(Into::into));
        change("batch", self.batch.map(Into::into));
        change("lr", self.lr.map(Into::into));
        change("seed", self.seed.map(Into::into));
        changes
    }
}
