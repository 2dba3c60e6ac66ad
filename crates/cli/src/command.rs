//! The command line's words.

use clap::{Parser, Subcommand};

use crate::args::{Cache, Effects, Export, Feature, Generate, Inspect, Scan, Trace};
use crate::atlas::args::Atlas;
use crate::evaluate::args::Evaluate;
use crate::figure::Figure;
use crate::patch::Patch;
use crate::sweep::args::Sweep;
use crate::train::args::Train;
use crate::train_model::args::TrainModel;

/// Looks inside GPT-2 with sparse autoencoders.
#[derive(Debug, Parser)]
#[command(name = "sae-explorer", version)]
pub struct Arguments {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a prompt's tokens, losses, next tokens and features
    Trace(Trace),
    /// Continue a prompt
    Generate(Generate),
    /// Rank a prompt's active features by what ablating each of them changes
    Effects(Effects),
    /// Carry another prompt's residual stream in, layer by layer and position by position
    Patch(Patch),
    /// Show what a prompt's predictions become while one feature's value is moved (--values); or train autoencoders of several
    /// sizes from one pass of the model, and fit the scaling law to them (--latents)
    Sweep(Box<Sweep>),
    /// Describe a feature by its weights: direct logit effect, norms and nearest features
    Feature(Feature),
    /// Write a prompt with one feature's activation as a page in one file, for notebooks and articles
    Figure(Figure),
    /// Show how much autoencoders lose on a text, or everything that is measured of them over a corpus
    Evaluate(Box<Evaluate>),
    /// Say what a file or a folder is, and what is wrong with it
    Inspect(Inspect),
    /// Write an autoencoder in another format
    Export(Export),
    /// Merge, read, exchange and check atlases: what features do over a corpus
    Atlas(Atlas),
    /// Collect what each feature does over a corpus
    Scan(Scan),
    /// Train a sparse autoencoder for a hook of a model, or for activations out of files
    Train(Box<Train>),
    /// Train a small GPT-2 on text, as the demo's model was trained
    TrainModel(Box<TrainModel>),
    /// List or delete what was downloaded
    Cache(Cache),
}
