//! Errors outside of the engine.

use std::io;
use std::path::PathBuf;

use crate::atlas::error::AtlasError;
use crate::figure::error::FigureError;
use crate::train::error::TrainError;

/// An error, as one paragraph for a person.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that is needed is not there.
    #[error("{name} is missing: {needed}")]
    Missing {
        /// The path that was looked at.
        name: String,
        /// Its purpose, and what would do instead.
        needed: String,
    },
    /// A file cannot be read.
    #[error("{name} cannot be read: {source}")]
    Read {
        /// The file.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The standard output is gone.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
    /// A prompt's file is no text.
    #[error("{} is not UTF-8 text: byte {at} cannot be read; convert it first", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first byte that is not UTF-8.
        at: usize,
    },
    /// A file is there, but is not what it should be; the message names it.
    #[error(transparent)]
    File(Box<formats::Error>),
    /// A file of a folder is there, but is not what it should be.
    #[error("{name}: {source}")]
    Format {
        /// The folder.
        name: String,
        /// The fault.
        source: Box<formats::Error>,
    },
    /// A file is of a kind that is not read.
    #[error("{name} is {found}; an autoencoder is an OpenAI .pt file or a SAELens folder")]
    NoAutoencoder {
        /// The file.
        name: String,
        /// Its kind.
        found: &'static str,
    },
    /// A file or a folder is none that is known.
    #[error(
        "{name} is {found}; known are a model's folder, a SAELens folder, an OpenAI .pt file, safetensors and a tokenizer"
    )]
    Unknown {
        /// The file or the folder.
        name: String,
        /// Its kind.
        found: &'static str,
    },
    /// The output exists already.
    #[error("{} is there already; nothing was written: give another name or remove it", .path.display())]
    Exists {
        /// The file or the folder.
        path: PathBuf,
    },
    /// An autoencoder does not say where it belongs.
    #[error(
        "{given} does not say where in the model it belongs: add the hook it was trained at, as in {given}@blocks.3.hook_resid_post"
    )]
    NoHook {
        /// The autoencoder, as it was given.
        given: String,
    },
    /// A file of a host cannot be had.
    #[error("{source}{hint}")]
    Hub {
        /// Why.
        source: Box<hub::Error>,
        /// Other meanings, as the end of a sentence.
        hint: String,
    },
    /// There is no place for a cache.
    #[error(
        "there is no folder to keep downloads in: name one with --cache or in the variable SAE_EXPLORER_CACHE"
    )]
    NoCache,
    /// The demo that the program carries is damaged.
    #[error("the built-in demo is damaged: {0}")]
    Demo(String),
    /// A scan cannot be made.
    #[error(transparent)]
    Scan(#[from] scan::Error),
    /// A scan's folder.
    #[error(transparent)]
    ScanFolder(#[from] scan_folder::Error),
    /// A corpus cannot be read.
    #[error(transparent)]
    Corpus(#[from] corpus::Error),
    /// Two feature sets whose names are the same as names of files.
    #[error("two feature sets would be called {id}; rename one's file")]
    SameName {
        /// The name.
        id: String,
    },
    /// Several feature sets are loaded, or none, and a command is of one.
    #[error(
        "name the feature set with --set: {} loaded{}",
        if .ids.is_empty() { "none is" } else { "several are" },
        if .ids.is_empty() { "; give one with --sae or --neurons".to_owned() } else { format!(", {}", .ids.join(", ")) }
    )]
    WhichSet {
        /// The loaded ones.
        ids: Vec<String>,
    },
    /// A text that has to be one token is not one.
    #[error(
        "{option} {text:?} is not one token of this model, but {}: {tokens:?}; a word in a text begins with a space, as in \" king\"",
        .tokens.len()
    )]
    NotOneToken {
        /// The option.
        option: &'static str,
        /// The text.
        text: String,
        /// Its tokens.
        tokens: Vec<String>,
    },
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] explorer::Error),
    /// A command about an atlas failed.
    #[error(transparent)]
    AtlasCommand(Box<AtlasError>),
    /// A figure cannot be made.
    #[error(transparent)]
    Figure(Box<FigureError>),
    /// A training cannot be made.
    #[error(transparent)]
    Train(Box<TrainError>),
    /// A model cannot be trained.
    #[error(transparent)]
    TrainModel(Box<train_model::Error>),
    /// An evaluation cannot be made.
    #[error(transparent)]
    Evaluate(evaluate_run::Error),
    /// A file whose name says no format that can be written.
    #[error("{}: a result is written as .json or .md", .path.display())]
    OutputKind {
        /// The file.
        path: PathBuf,
    },
    /// Results cannot be put into a file's format.
    #[error("the dump cannot be made: {0}")]
    Dump(String),
}

impl From<AtlasError> for Error {
    fn from(error: AtlasError) -> Self {
        Self::AtlasCommand(Box::new(error))
    }
}

impl From<FigureError> for Error {
    fn from(error: FigureError) -> Self {
        Self::Figure(Box::new(error))
    }
}

impl From<TrainError> for Error {
    fn from(error: TrainError) -> Self {
        Self::Train(Box::new(error))
    }
}

impl From<train_run::Error> for Error {
    fn from(error: train_run::Error) -> Self {
        match error {
            train_run::Error::Training(error) => error.into(),
            train_run::Error::Engine(error) => error.into(),
            train_run::Error::Corpus(error) => error.into(),
            error => TrainError::Windows(error).into(),
        }
    }
}

impl From<train_model::Error> for Error {
    fn from(error: train_model::Error) -> Self {
        match error {
            train_model::Error::Training(error) => error.into(),
            error => Self::TrainModel(Box::new(error)),
        }
    }
}

impl From<evaluate_run::Error> for Error {
    fn from(error: evaluate_run::Error) -> Self {
        match error {
            evaluate_run::Error::Engine(error) => error.into(),
            evaluate_run::Error::Corpus(error) => error.into(),
            evaluate_run::Error::File(error) => Self::File(error),
            evaluate_run::Error::Context(error) => error.into(),
            error => Self::Evaluate(error),
        }
    }
}

impl From<train::Error> for Error {
    fn from(error: train::Error) -> Self {
        TrainError::Training(error).into()
    }
}

impl Error {
    /// The error of a file in the folder of this name.
    pub fn in_folder(name: String) -> impl Fn(formats::Error) -> Self {
        move |source| Self::Format {
            name: name.clone(),
            source: Box::new(source),
        }
    }

    /// The error's kind in kebab-case, where it has one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing-file",
            Self::Read { .. }
            | Self::NotText { .. }
            | Self::NoAutoencoder { .. }
            | Self::Unknown { .. } => "bad-file",
            Self::File(source) | Self::Format { source, .. } => source.code(),
            Self::NoHook { .. } => "hook-mismatch",
            Self::Hub { source, .. } => source.code(),
            Self::AtlasCommand(source) => source.code(),
            Self::Figure(source) => source.code(),
            Self::Train(source) => source.code(),
            Self::TrainModel(source) => train_model_code(source),
            Self::NoCache => "output",
            Self::Engine(error) | Self::Scan(scan::Error::Engine(error)) => error.code(),
            Self::Corpus(_) | Self::Scan(scan::Error::Corpus(_)) => "bad-file",
            Self::Scan(scan::Error::Context { .. }) => "bad-option",
            Self::Scan(_) => "bad-file",
            Self::ScanFolder(error) => folder_code(error),
            Self::SameName { .. }
            | Self::WhichSet { .. }
            | Self::NotOneToken { .. }
            | Self::OutputKind { .. } => "bad-option",
            Self::Evaluate(error) => evaluate_code(error),
            Self::Write { .. } | Self::Exists { .. } | Self::Output(_) => "output",
            Self::Demo(_) | Self::Dump(_) => "internal",
        }
    }

    /// True if the reader of the output went away, as `| head` does: nobody is left to tell.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

fn train_model_code(error: &train_model::Error) -> &'static str {
    use train_model::Error as Training;
    match error {
        Training::Vocabulary { .. } => "bad-option",
        Training::TooFew { .. } | Training::NoEndOfText => "bad-file",
        Training::NoTokenizer { .. } => "missing-file",
        Training::Diverged { .. } => "not-a-number",
        Training::Format(error) => error.code(),
        _ => "internal",
    }
}

fn evaluate_code(error: &evaluate_run::Error) -> &'static str {
    use evaluate_run::Error;
    match error {
        Error::StoppedReading => "cancelled",
        Error::NotANumber { .. } => "not-a-number",
        Error::Context(_) => "bad-option",
        _ => "bad-file",
    }
}

fn folder_code(error: &scan_folder::Error) -> &'static str {
    use scan_folder::Error;
    match error {
        Error::OtherScan { .. } => "other-scan",
        Error::NoScan { .. } => "missing-file",
        Error::Atlas(_) | Error::Read { .. } | Error::Unfinished { .. } => "bad-file",
        _ => "output",
    }
}
