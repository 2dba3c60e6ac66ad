//! The options of commands.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand, ValueEnum};

use explorer::{Edits, Positions};

/// Sources of models and autoencoders of hosts.
#[derive(Debug, Args)]
pub struct Downloads {
    /// Use only what was downloaded before
    #[arg(long, help_heading = "Downloads")]
    pub offline: bool,

    /// Ask this mirror of Hugging Face: files are at URL/OWNER/NAME/resolve/REVISION/PATH
    #[arg(
        long,
        help_heading = "Downloads",
        value_name = "URL",
        env = "SAE_EXPLORER_MIRROR"
    )]
    pub mirror: Option<String>,

    /// The folder of downloads [default: sae-explorer/models in the user's cache folder]
    #[arg(
        long,
        help_heading = "Downloads",
        value_name = "DIR",
        env = "SAE_EXPLORER_CACHE"
    )]
    pub cache: Option<PathBuf>,

    /// Do not read the cache of Hugging Face's own libraries ($HF_HUB_CACHE, or hub in $HF_HOME)
    #[arg(
        long,
        help_heading = "Downloads",
        env = "SAE_EXPLORER_NO_HF_CACHE",
        value_parser = FalseyValueParser::new()
    )]
    pub no_hf_cache: bool,
}

/// Options of `cache`.
#[derive(Debug, Args)]
pub struct Cache {
    /// The subcommand.
    #[command(subcommand)]
    pub command: CacheCommand,

    /// The folder of downloads [default: sae-explorer/models in the user's cache folder]
    #[arg(long, global = true, value_name = "DIR", env = "SAE_EXPLORER_CACHE")]
    pub cache: Option<PathBuf>,
}

/// Commands of the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List what was downloaded, with sizes
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete what was downloaded
    Clear {
        /// Only what came from these: openai-community/gpt2, or a link
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}

/// Options of every command that runs a model.
#[derive(Debug, Args)]
pub struct Common {
    /// The model: `demo` (built in); a folder with config.json, model.safetensors (or
    /// model.safetensors.index.json and the files that it names) and tokenizer.json (or vocab.json and merges.txt);
    /// a repository of Hugging Face with these files, as openai-community/gpt2; or a link to such a folder
    #[arg(
        long,
        value_name = "demo|DIR|OWNER/NAME[@REVISION][:PATH]|URL",
        default_value = "demo"
    )]
    pub model: String,

    /// Whether <|endoftext|> is put before the text; `auto` does as the autoencoders were trained
    #[arg(long, value_enum, default_value_t = Bos::Auto)]
    pub bos: Bos,

    /// The device to compute on; `auto` takes the GPU if there is one
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    pub backend: Backend,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Sources of files of hosts.
    #[command(flatten)]
    pub downloads: Downloads,
}

/// The text of `trace` and `generate`.
#[derive(Debug, Args)]
pub struct Prompt {
    /// The text
    #[arg(
        long,
        value_name = "TEXT",
        required_unless_present = "prompt_file",
        conflicts_with = "prompt_file"
    )]
    pub prompt: Option<String>,

    /// A file that holds the text, taken as it is; `-` is the standard input
    #[arg(long, value_name = "FILE")]
    pub prompt_file: Option<PathBuf>,
}

/// Options of `trace`.
#[derive(Debug, Args)]
pub struct Trace {
    /// Options of every command that runs a model.
    #[command(flatten)]
    pub common: Common,

    /// The text.
    #[command(flatten)]
    pub prompt: Prompt,

    /// An autoencoder: `demo` (all three of the demo), an OpenAI .pt file, or a SAELens folder; on this machine, in a
    /// repository of Hugging Face, as jbloom/GPT2-Small-SAEs-Reformatted:blocks.8.hook_resid_pre, or at a link. Where
    /// the file does not say where it belongs, add the hook: layer_3.pt@blocks.3.hook_resid_post. May be given several
    /// times
    #[arg(
        long,
        value_name = "demo|PATH[@HOOK]|OWNER/NAME[@REVISION][:PATH][@HOOK]|URL[@HOOK]"
    )]
    pub sae: Vec<String>,

    /// The dimensions of the activation at a hook as features, without an autoencoder: blocks.3.mlp.hook_post for the
    /// MLP's neurons, blocks.3.attn.hook_z for the heads', blocks.3.hook_resid_post for the residual stream's. May be given
    /// several times
    #[arg(long, value_name = "HOOK")]
    pub neurons: Vec<String>,

    /// Leave the autoencoders in their files, and read each through a buffer of 256 MiB once for the prompt: for those that
    /// are too large for the device. Only OpenAI's TopK layout
    #[arg(long)]
    pub stream: bool,

    /// Write logits, residual streams, latents, activations and reconstructions to a safetensors file
    #[arg(long, value_name = "FILE")]
    pub dump: Option<PathBuf>,
}

/// Options of `generate`.
#[derive(Debug, Args)]
pub struct Generate {
    /// Options of every command that runs a model.
    #[command(flatten)]
    pub common: Common,

    /// The text.
    #[command(flatten)]
    pub prompt: Prompt,

    /// The most tokens to add
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub max_tokens: usize,

    /// 0 always takes the likeliest token
    #[arg(
        long,
        allow_negative_numbers = true,
        value_name = "T",
        default_value_t = 0.0
    )]
    pub temperature: f32,

    /// The same seed and settings give the same text
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,

    /// Sample among the K likeliest tokens; 0 is all
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub top_k: usize,

    /// Sample among the likeliest tokens that together have probability P
    #[arg(
        long,
        allow_negative_numbers = true,
        value_name = "P",
        default_value_t = 1.0
    )]
    pub top_p: f32,

    /// Divide positive logits of tokens that stand in the text already by P, and multiply others by it; 1 changes nothing
    #[arg(
        long,
        allow_negative_numbers = true,
        value_name = "P",
        default_value_t = 1.0
    )]
    pub repetition_penalty: f32,

    /// Feature sets to load, for edits and features.
    #[command(flatten)]
    pub sets: Sets,

    /// Change a feature in the prompt and in every new token, as 'blocks.3.hook_resid_post:1234=+2x@5..' (docs/edits.md).
    /// May be given several times, or hold several with ';' between them
    #[arg(long, value_name = "EDIT", allow_hyphen_values = true)]
    pub edit: Vec<Edits>,

    /// List the active features of every token, of all feature sets that are loaded
    #[arg(long, requires = "json")]
    pub features: bool,
}

/// Feature sets to load.
#[derive(Debug, Args)]
pub struct Sets {
    /// An autoencoder, as for `trace`. May be given several times
    #[arg(
        long,
        value_name = "demo|PATH[@HOOK]|OWNER/NAME[@REVISION][:PATH][@HOOK]|URL[@HOOK]"
    )]
    pub sae: Vec<String>,

    /// The dimensions of the activation at a hook as features, as for `trace`. May be given several times
    #[arg(long, value_name = "HOOK")]
    pub neurons: Vec<String>,
}

/// Options of `effects`.
#[derive(Debug, Args)]
pub struct Effects {
    /// Options of every command that runs a model.
    #[command(flatten)]
    pub common: Common,

    /// The text.
    #[command(flatten)]
    pub prompt: Prompt,

    /// Feature sets to load.
    #[command(flatten)]
    pub sets: Sets,

    /// The feature set whose features are ablated, by its id or its hook [default: the only one that is loaded]
    #[arg(long, value_name = "SET")]
    pub set: Option<String>,

    /// Ablate at these positions alone: 5, 5,7, 5..9 (5 to 8) or 5.. (from 5 on) [default: all that count]
    #[arg(long, value_name = "POSITIONS")]
    pub positions: Option<Positions>,

    /// A token whose logit after the last token is compared with the distractor's: one token, as " king"
    #[arg(long, value_name = "TOKEN", requires = "distractor")]
    pub target: Option<String>,

    /// The token that the target is compared with
    #[arg(long, value_name = "TOKEN", requires = "target")]
    pub distractor: Option<String>,

    /// The order: by the change of the mean loss, by mean KL divergence, or by the change of the target's logit minus the
    /// distractor's [default: logits where a target is named, else kl]
    #[arg(long, value_enum, value_name = "EFFECT")]
    pub rank: Option<Rank>,

    /// Number of tokens to list that an ablation moves up and down the most
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub top: usize,

    /// The share of each KL, from 0 to 1, by which it may be off, proven: faster on the CPU; a GPU measures all [default: 0, all is measured]
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.0,
        hide_default_value = true
    )]
    pub within: f64,
}

/// The order of effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rank {
    /// The change of the mean loss.
    Loss,
    /// Mean KL divergence.
    Kl,
    /// The change of the target's logit minus the distractor's.
    Logits,
}

/// Options of `feature`.
#[derive(Debug, Args)]
pub struct Feature {
    /// Options of every command that runs a model.
    #[command(flatten)]
    pub common: Common,

    /// Feature sets to load.
    #[command(flatten)]
    pub sets: Sets,

    /// The feature set, by its id [default: the only one that is loaded]
    #[arg(long, value_name = "SET")]
    pub set: Option<String>,

    /// The feature's number in it
    #[arg(long, value_name = "N")]
    pub latent: u32,
}

/// Options of `scan`.
#[derive(Debug, Args)]
pub struct Scan {
    /// Options of every command that runs a model.
    #[command(flatten)]
    pub common: Common,

    /// An autoencoder, as for `trace`. May be given several times; one pass of the model serves all
    #[arg(
        long,
        value_name = "demo|PATH[@HOOK]|OWNER/NAME[@REVISION][:PATH][@HOOK]|URL[@HOOK]",
        required_unless_present = "neurons"
    )]
    pub sae: Vec<String>,

    /// The dimensions of the activation at a hook, as for `trace`: blocks.3.mlp.hook_post for the neurons of an MLP. May be
    /// given several times
    #[arg(long, value_name = "HOOK")]
    pub neurons: Vec<String>,

    /// The files of the corpus: .txt (documents between lines of <|endoftext|>), .jsonl (one record per line) and .parquet;
    /// .txt and .jsonl also compressed as .gz or .zst
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub corpus: Vec<PathBuf>,

    /// The corpus's name for people [default: that of its files]
    #[arg(long, value_name = "NAME")]
    pub corpus_name: Option<String>,

    /// The field of a record, or the column of a table, that holds the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub text_field: String,

    /// Tokens per window, a BOS included: 64, 128 or 256
    #[arg(long, value_name = "TOKENS", default_value_t = 64)]
    pub context: u32,

    /// Read only the documents whose number modulo N is I, from 0
    #[arg(long, value_name = "I/N", default_value = "0/1", value_parser = shard)]
    pub shard: scan_folder::Shard,

    /// End with the window that reaches so many tokens
    #[arg(long, value_name = "N")]
    pub limit_tokens: Option<u64>,

    /// The seed of the choice of examples
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,

    /// Save the state so often that no more than so many minutes are lost when the scan is stopped
    #[arg(long, value_name = "MINUTES", default_value_t = 5.0)]
    pub checkpoint: f64,

    /// Save the state after so many windows as well
    #[arg(long, value_name = "N")]
    pub checkpoint_windows: Option<u64>,

    /// The folder of the scan. The same command goes on with a scan that was stopped
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// A shard as I/N.
fn shard(given: &str) -> Result<scan_folder::Shard, String> {
    let parts = given.split_once('/');
    let numbers = parts.and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
    match numbers {
        Some((index, of)) if index < of => Ok(scan_folder::Shard { index, of }),
        _ => Err("it is I/N with I from 0 to N - 1, as in 0/4".to_owned()),
    }
}

/// Options of `inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// A model's folder, a SAELens folder, a tokenizer's folder, or a file: .pt, .safetensors, .json; on this machine,
    /// in a repository of Hugging Face, or at a link
    #[arg(value_name = "PATH|OWNER/NAME[@REVISION][:PATH]|URL")]
    pub path: String,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Sources of files of hosts.
    #[command(flatten)]
    pub downloads: Downloads,
}

/// Options of `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// An OpenAI .pt file or a SAELens folder, on this machine, in a repository of Hugging Face, or at a link. A hook is
    /// written where the format has a place for it
    #[arg(value_name = "PATH[@HOOK]|OWNER/NAME[@REVISION][:PATH][@HOOK]|URL[@HOOK]")]
    pub sae: String,

    /// The format to write
    #[arg(long, value_enum)]
    pub to: Format,

    /// The folder (saelens) or the file (openai) to write; it must not exist
    #[arg(value_name = "OUT")]
    pub out: PathBuf,

    /// Sources of files of hosts.
    #[command(flatten)]
    pub downloads: Downloads,
}

/// An autoencoder's file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A folder with cfg.json and sae_weights.safetensors.
    Saelens,
    /// A .pt file in OpenAI's layout.
    Openai,
}

/// Whether a BOS token is prepended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Bos {
    /// As the autoencoders were trained, or as the model asks.
    Auto,
    /// Always.
    Yes,
    /// Never.
    No,
}

impl From<Bos> for explorer::Bos {
    fn from(bos: Bos) -> Self {
        match bos {
            Bos::Auto => Self::Auto,
            Bos::Yes => Self::Yes,
            Bos::No => Self::No,
        }
    }
}

/// The device to compute on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// The GPU if there is one, else the CPU.
    Auto,
    /// The GPU, or an error.
    Gpu,
    /// The CPU.
    Cpu,
}

impl From<Backend> for explorer::BackendChoice {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Auto => Self::Auto,
            Backend::Gpu => Self::Gpu,
            Backend::Cpu => Self::Cpu,
        }
    }
}
