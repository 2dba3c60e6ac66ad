//! `cargo xtask random-model | random-sae`: full-size files of random weights, to test and measure on.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use random_model::{Published, Size, VERSION, write_model, write_sae};

use crate::paths::Paths;

/// Arguments of `cargo xtask random-model`.
#[derive(clap::Args)]
pub struct ModelArguments {
    /// The published size to take
    size: ModelName,
    /// The folder to make; one that has the files already stays as it is
    folder: PathBuf,
    /// Another number of blocks than the published one
    #[arg(long)]
    layers: Option<usize>,
}

/// Arguments of `cargo xtask random-sae`.
#[derive(clap::Args)]
pub struct SaeArguments {
    /// The published autoencoder to take
    name: SaeName,
    /// The folder to make; one that has the files already stays as it is
    folder: PathBuf,
}

/// A GPT-2 by its name.
#[derive(Clone, Copy, ValueEnum)]
pub enum ModelName {
    /// 12 blocks, 768 wide: 498 MB
    #[value(name = "gpt2-small")]
    Small,
    /// 24 blocks, 1024 wide: 1.4 GB
    #[value(name = "gpt2-medium")]
    Medium,
    /// 36 blocks, 1280 wide: 3.1 GB
    #[value(name = "gpt2-large")]
    Large,
    /// 48 blocks, 1600 wide: 6.2 GB
    #[value(name = "gpt2-xl")]
    Xl,
}

/// An autoencoder for GPT-2 small by its name.
#[derive(Clone, Copy, ValueEnum)]
pub enum SaeName {
    /// OpenAI's v5, 32,768 latents, as a `.pt`: 201 MB
    #[value(name = "oai-v5-32k")]
    OpenAi32k,
    /// OpenAI's v5, 131,072 latents, as a `.pt`: 806 MB
    #[value(name = "oai-v5-128k")]
    OpenAi128k,
    /// OpenAI's largest, 2,097,152 latents, as a `.pt`: 12.9 GB
    #[value(name = "oai-2m")]
    OpenAi2m,
    /// oai-v5-32k as a folder of SAELens
    #[value(name = "oai-v5-32k-folder")]
    OpenAi32kFolder,
    /// oai-v5-128k as a folder of SAELens
    #[value(name = "oai-v5-128k-folder")]
    OpenAi128kFolder,
    /// res-jb, 24,576 latents, a folder of SAELens: 151 MB
    ResJb,
}

/// Writes a model.
pub fn model(arguments: &ModelArguments) -> Result<()> {
    let size = match arguments.size {
        ModelName::Small => Size::Small,
        ModelName::Medium => Size::Medium,
        ModelName::Large => Size::Large,
        ModelName::Xl => Size::Xl,
    };
    let written = write_model(size, arguments.layers, &arguments.folder)?;
    say(&arguments.folder, written);
    Ok(())
}

/// Writes an autoencoder.
pub fn sae(arguments: &SaeArguments) -> Result<()> {
    let published = match arguments.name {
        SaeName::OpenAi32k => Published::OpenAi32k,
        SaeName::OpenAi128k => Published::OpenAi128k,
        SaeName::OpenAi2m => Published::OpenAi2m,
        SaeName::OpenAi32kFolder => Published::OpenAi32kFolder,
        SaeName::OpenAi128kFolder => Published::OpenAi128kFolder,
        SaeName::ResJb => Published::ResJb,
    };
    let written = write_sae(published, &arguments.folder)?;
    say(&arguments.folder, written);
    Ok(())
}

/// Makes what the tests in a browser load, and gives the folder of the folders. The native tests keep theirs there too.
pub fn for_tests(paths: &Paths) -> Result<PathBuf> {
    let folder = paths.target.join(format!("tmp/random-v{VERSION}"));
    write_model(Size::Small, None, &folder.join("gpt2-small"))?;
    for (published, name) in [
        (Published::OpenAi32k, "oai-v5-32k"),
        (Published::OpenAi32kFolder, "oai-v5-32k-folder"),
    ] {
        write_sae(published, &folder.join(name))?;
    }
    Ok(folder)
}

fn say(folder: &Path, written: bool) {
    let what = if written {
        "written to"
    } else {
        "is there already:"
    };
    println!("{what} {}", folder.display());
}
