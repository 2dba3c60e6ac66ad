//! The command line's words about atlases.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::args::{Backend, Downloads};

/// Options of `atlas`.
#[derive(Debug, Args)]
pub struct Atlas {
    /// The subcommand.
    #[command(subcommand)]
    pub command: AtlasCommand,
}

/// Commands about atlases.
#[derive(Debug, Subcommand)]
pub enum AtlasCommand {
    /// Make an atlas from all shards of a scan
    Merge(Merge),
    /// Show what an atlas says about a feature
    Show(Show),
    /// List the features of a set
    List(List),
    /// Write features in another tool's format
    Export(Export),
    /// Make an atlas from another tool's files
    Import(Import),
    /// Compare every file of an atlas with its checksum
    Check(Check),
}

/// Options of `atlas merge`.
#[derive(Debug, Args)]
pub struct Merge {
    /// Folders that `scan --out` wrote: all shards of one corpus, in any order
    #[arg(value_name = "SHARDS", required = true)]
    pub shards: Vec<PathBuf>,

    /// The folder of the atlas. An atlas that is there is replaced when the new one is whole
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// The tokenizer, so that the atlas shows tokens as text without its model: `demo`, or a folder with tokenizer.json or
    /// with vocab.json and merges.txt
    #[arg(long, value_name = "demo|DIR")]
    pub tokenizer: Option<String>,

    /// Keep at most so many of the strongest windows of a feature
    #[arg(long, value_name = "N", default_value_t = u32::MAX, hide_default_value = true)]
    pub top: u32,

    /// Keep at most so many windows of each interval of activations
    #[arg(long, value_name = "N", default_value_t = u32::MAX, hide_default_value = true)]
    pub per_interval: u32,

    /// Keep at most so many windows that were drawn at random
    #[arg(long, value_name = "N", default_value_t = u32::MAX, hide_default_value = true)]
    pub random: u32,

    /// Write no tables in Parquet
    #[arg(long)]
    pub no_tables: bool,

    /// Weights, to describe features by them as well.
    #[command(flatten)]
    pub weights: Weights,
}

/// What was scanned, where features are described by their weights as well.
#[derive(Debug, Args)]
pub struct Weights {
    /// The model that was scanned, as for `scan`. The atlas then says what weights say, too (direct logit effects, similar
    /// features, neurons and heads, a map), has automatic labels, and holds the texts of its tokens
    #[arg(long, value_name = "demo|DIR|OWNER/NAME[@REVISION][:PATH]|URL")]
    pub model: Option<String>,

    /// The autoencoders that were scanned, as for `scan`
    #[arg(
        long,
        requires = "model",
        value_name = "demo|PATH[@HOOK]|OWNER/NAME[@REVISION][:PATH][@HOOK]|URL[@HOOK]"
    )]
    pub sae: Vec<String>,

    /// The neurons that were scanned, as for `scan`
    #[arg(long, requires = "model", value_name = "HOOK")]
    pub neurons: Vec<String>,

    /// The device to compute on; `auto` takes the GPU if there is one
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    pub backend: Backend,

    /// Sources of files of hosts.
    #[command(flatten)]
    pub downloads: Downloads,
}

/// A feature set of an atlas.
#[derive(Debug, Args)]
pub struct Set {
    /// The feature set; may be left out where the atlas has one
    #[arg(long, value_name = "ID")]
    pub sae: Option<String>,
}

/// Options of `atlas show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The atlas
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,

    /// The feature set.
    #[command(flatten)]
    pub set: Set,

    /// The feature: index of its latent
    #[arg(long, value_name = "N")]
    pub feature: u32,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `atlas list`.
#[derive(Debug, Args)]
pub struct List {
    /// The atlas
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,

    /// The feature set.
    #[command(flatten)]
    pub set: Set,

    /// The order: largest first, but for `latent` and `label`
    #[arg(long, value_enum, default_value_t = Sort::Latent)]
    pub sort: Sort,

    /// Only features that fire on this token, with the space before it if it has one; most often first
    #[arg(long, value_name = "TEXT")]
    pub token: Option<String>,

    /// The most features to list; 0 is all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// An order of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// By index.
    Latent,
    /// By label.
    Label,
    /// By the share of tokens on which they fire.
    Density,
    /// By largest activation.
    Max,
    /// By the mean activation, zeros included
    Mean,
    /// By the mean squared activation
    MeanSquare,
    /// By skew.
    Skew,
    /// By kurtosis.
    Kurtosis,
}

/// A format of another tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Exchange {
    /// Batches of features as SAEDashboard writes them for Neuronpedia.
    SaeDashboard,
    /// A file per feature, as OpenAI's viewer reads them.
    OpenaiViewer,
}

/// A format of another tool, or whichever the files have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// Whichever the first file has.
    Auto,
    /// As SAEDashboard writes them for Neuronpedia.
    SaeDashboard,
    /// As OpenAI's viewer reads them.
    OpenaiViewer,
}

/// Options of `atlas export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The atlas
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,

    /// Only this feature set
    #[arg(long, value_name = "ID")]
    pub sae: Option<String>,

    /// Only this feature. May be given several times
    #[arg(long, value_name = "N")]
    pub feature: Vec<u32>,

    /// The format
    #[arg(long, value_enum)]
    pub format: Exchange,

    /// The folder to write; it must not exist. Each feature set gets a folder in it
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// The tokenizer, for an atlas without the texts of its tokens: `demo`, or a folder
    #[arg(long, value_name = "demo|DIR")]
    pub tokenizer: Option<String>,
}

/// Options of `atlas import`.
#[derive(Debug, Args)]
pub struct Import {
    /// Files, or folders whose JSON files are read
    #[arg(value_name = "FILES", required = true)]
    pub files: Vec<PathBuf>,

    /// The format
    #[arg(long, value_enum, default_value_t = Source::Auto)]
    pub format: Source,

    /// The folder of the atlas. An atlas that is there is replaced when the new one is whole
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// The tokenizer of the model: `demo`, or a folder. SAEDashboard's files have tokens as text alone; without it these get
    /// ids of their own, and examples cannot be run again
    #[arg(long, value_name = "demo|DIR")]
    pub tokenizer: Option<String>,

    /// Write no tables in Parquet
    #[arg(long)]
    pub no_tables: bool,
}

/// Options of `atlas check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The atlas
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}
