//! The options of `sweep`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wire::{Positions, Target};

use crate::args::{Common, Sets};

/// Heads of the two groups of options.
const VALUE: &str = "Options of one feature's value";
const GRID: &str = "Options of a grid of trainings";

/// Options of `sweep`: of one feature's value on a prompt, or, with `--latents`, of a grid of trainings.
#[derive(Debug, Args)]
pub struct Sweep {
    /// Options of every command that runs a model.
    #[command(flatten)]
    pub common: Common,

    /// Of one feature's value.
    #[command(flatten)]
    pub value: ValueSweep,

    /// Of a grid of trainings.
    #[command(flatten)]
    pub grid: GridSweep,
}

/// Options of a sweep of one feature's value.
#[derive(Debug, Args)]
#[command(next_help_heading = VALUE)]
pub struct ValueSweep {
    /// The text
    #[arg(
        long,
        value_name = "TEXT",
        required_unless_present_any = ["prompt_file", "latents"],
        conflicts_with_all = ["prompt_file", "latents"]
    )]
    pub prompt: Option<String>,

    /// A file that holds the text, taken as it is; `-` is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "latents")]
    pub prompt_file: Option<PathBuf>,

    /// Feature sets to load.
    #[command(flatten)]
    pub sets: Sets,

    /// The feature: a set's id or hook, and a latent, as openai.layer_3:903
    #[arg(
        long,
        value_name = "SET:LATENT",
        required_unless_present = "latents",
        conflicts_with = "latents"
    )]
    pub edit_target: Option<Target>,

    /// The values, divided by commas, each of at most 1000000 in magnitude
    #[arg(
        long,
        required_unless_present = "latents",
        conflicts_with = "latents",
        value_delimiter = ',',
        allow_negative_numbers = true,
        value_name = "V,V,…"
    )]
    pub values: Vec<f32>,

    /// Use of the values: the activation itself, added to it, or its factor
    #[arg(long, value_enum, default_value_t = Operation::Set)]
    pub operation: Operation,

    /// Change these positions alone: 5, 5,7, 5..9 (5 to 8) or 5.. (from 5 on) [default: all that count]
    #[arg(long, value_name = "POSITIONS", conflicts_with = "latents")]
    pub positions: Option<Positions>,

    /// A token whose probability after the last token is followed: one token, as " king". May be given several times
    #[arg(long, value_name = "TOKEN", conflicts_with = "latents")]
    pub track: Vec<String>,
}

/// The use of a sweep's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Operation {
    /// The activation.
    Set,
    /// Added to it.
    Add,
    /// Its factor.
    Scale,
}

/// Options of a grid of trainings; those of the data and of a training are as for `train`.
#[derive(Debug, Args)]
#[command(next_help_heading = GRID)]
pub struct GridSweep {
    /// Numbers of latents n, divided by commas: every n is trained with every k, all from one pass of the model
    /// (docs/evaluate.md)
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "N,N,…",
        requires = "k",
        requires = "corpus",
        requires = "hook",
        requires = "out"
    )]
    pub latents: Vec<usize>,

    /// Numbers of active latents per token, divided by commas
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "K,K,…",
        requires = "latents"
    )]
    pub k: Vec<usize>,

    /// The hook whose activations are trained on, as blocks.3.hook_resid_post
    #[arg(long, value_name = "HOOK", requires = "latents")]
    pub hook: Option<String>,

    /// The files of the corpus, as for `scan`
    #[arg(long, num_args = 1.., value_name = "FILE", requires = "latents")]
    pub corpus: Vec<PathBuf>,

    /// The field of a record, or the column of a table, that holds the text
    #[arg(
        long,
        value_name = "NAME",
        default_value = "text",
        requires = "latents"
    )]
    pub text_field: String,

    /// Tokens per window, a BOS included [default: the model's context, at most 256]
    #[arg(long, value_name = "TOKENS", requires = "latents")]
    pub context: Option<usize>,

    /// Read no more of the corpus than so many tokens
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100_000_000,
        requires = "latents"
    )]
    pub corpus_tokens: u64,

    /// Tokens to train each on [default: the corpus once]
    #[arg(long, value_name = "N", requires = "latents")]
    pub tokens: Option<u64>,

    /// Tokens per step
    #[arg(long, value_name = "N", requires = "latents")]
    pub batch: Option<usize>,

    /// Peak learning rate of all [default: of each 2e-4·√(16384 / latents)]
    #[arg(long, value_name = "RATE", requires = "latents")]
    pub lr: Option<f64>,

    /// Seed of the start and of the order of data
    #[arg(long, value_name = "S", requires = "latents")]
    pub seed: Option<u64>,

    /// One more setting of all, as for `train`. May be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = crate::train::args::setting, requires = "latents")]
    pub settings: Vec<(String, serde_json::Value)>,

    /// The folder of the result, which must not exist: an autoencoder for each n and k, sweep.json and sweep.svg
    #[arg(long, value_name = "DIR", requires = "latents")]
    pub out: Option<PathBuf>,
}
