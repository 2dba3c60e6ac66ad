//! The command line's words.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Looks inside GPT-2 with sparse autoencoders.
#[derive(Debug, Parser)]
#[command(name = "sae-explorer", version)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a prompt's tokens, losses, next tokens and features
    Trace(Trace),
    /// Continue a prompt
    Generate(Generate),
    /// Say what a file or a folder is, and what is wrong with it
    Inspect(Inspect),
    /// Write an autoencoder in another format
    Export(Export),
}

/// Options of every command that runs a model.
#[derive(Debug, Args)]
pub struct Common {
    /// The model: `demo` (built in), or a folder with config.json, model.safetensors (or
    /// model.safetensors.index.json and the files that it names) and tokenizer.json (or vocab.json and merges.txt)
    #[arg(long, value_name = "demo|DIR", default_value = "demo")]
    pub model: String,

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

    /// Whether <|endoftext|> is put before the text; `auto` does as the autoencoders were trained
    #[arg(long, value_enum, default_value_t = Bos::Auto)]
    pub bos: Bos,

    /// Where to compute; `auto` takes the GPU if there is one
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    pub backend: Backend,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `trace`.
#[derive(Debug, Args)]
pub struct Trace {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,

    /// An autoencoder: `demo` (all three of the demo), an OpenAI .pt file, or a SAELens folder. Where the file does not
    /// say where it belongs, add the hook: layer_3.pt@blocks.3.hook_resid_post. May be given several times
    #[arg(long, value_name = "demo|PATH[@HOOK]")]
    pub sae: Vec<String>,

    /// Write logits, residual streams, latents, activations and reconstructions to a safetensors file
    #[arg(long, value_name = "FILE")]
    pub dump: Option<PathBuf>,
}

/// Options of `generate`.
#[derive(Debug, Args)]
pub struct Generate {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,

    /// How many tokens to add at most
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
}

/// Options of `inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// A model's folder, a SAELens folder, a tokenizer's folder, or a file: .pt, .safetensors, .json
    #[arg(value_name = "PATH")]
    pub path: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// An OpenAI .pt file or a SAELens folder. A hook is written where the format has a place for it
    #[arg(value_name = "PATH[@HOOK]")]
    pub sae: String,

    /// The format to write
    #[arg(long, value_enum)]
    pub to: Format,

    /// The folder (saelens) or the file (openai) to write; it must not exist
    #[arg(value_name = "OUT")]
    pub out: PathBuf,
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

/// Where to compute.
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
