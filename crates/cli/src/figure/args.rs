//! Options of `figure`.

use std::path::PathBuf;

use clap::Args;

use crate::args::{Common, Prompt, Sets};

/// Options of `figure`.
#[derive(Debug, Args)]
pub struct Figure {
    /// Options of every command that runs a model.
    #[command(flatten)]
    pub common: Common,

    /// The text.
    #[command(flatten)]
    pub prompt: Prompt,

    /// Feature sets to load. Without one the demo's model has the one that the page shows first.
    #[command(flatten)]
    pub sets: Sets,

    /// The feature set, by its id [default: the only one that is loaded; of the demo's the one that the page shows first]
    #[arg(long, value_name = "SET")]
    pub set: Option<String>,

    /// The feature whose activation tints the tokens [default: the most specific of the token (docs/metrics.md)]
    #[arg(long, value_name = "N")]
    pub feature: Option<u32>,

    /// The token whose features are listed, by its position, a BOS included [default: where the feature is strongest, or else
    /// the token with the most specific feature]
    #[arg(long, value_name = "POSITION")]
    pub token: Option<usize>,

    /// The HTML file to write; `-` is the standard output
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// Replace the file if it is there
    #[arg(long)]
    pub overwrite: bool,

    /// Address of a site of sae-explorer, to which the figure has a link: the same prompt, feature and token there, live
    #[arg(long, value_name = "URL")]
    pub site: Option<String>,
}
