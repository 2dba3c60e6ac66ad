//! Errors of downloads and of the cache folder.

use std::io;
use std::path::{Path, PathBuf};

/// Characters of somebody else's words that are shown.
const WORDS: usize = 200;

/// An error that says what happened, why, and what to do. Addresses are shown without their queries.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The given text cannot be an address.
    #[error("`{given}` cannot be followed: {reason}")]
    Address {
        /// The given text.
        given: String,
        /// Why it cannot be one.
        reason: String,
    },
    /// The host has no such file.
    #[error("{name} is not there: {said}{}", near_text(.near))]
    NotFound {
        /// The file.
        name: String,
        /// The host's words.
        said: String,
        /// Files near it, as far as the host lists them.
        near: Vec<String>,
    },
    /// The host refuses access.
    #[error(
        "{name} was refused with status {status}: {said}. It may be gated, private or misspelt; if you have access on Hugging Face, put your token in the variable HF_TOKEN, or download its files by other means and give their folder"
    )]
    Refused {
        /// The file.
        name: String,
        /// 401 or 403.
        status: u16,
        /// The host's words.
        said: String,
    },
    /// The host answers with an error of its own.
    #[error("{name} cannot be downloaded: the host answered with status {status}; try again later")]
    Status {
        /// The file.
        name: String,
        /// The status.
        status: u16,
    },
    /// The host cannot be reached, or the connection breaks again and again.
    #[error("{name} cannot be downloaded: {reason}{}", kept_text(*.kept))]
    Network {
        /// The file.
        name: String,
        /// The failure of the last try.
        reason: String,
        /// Bytes in the cache from which the next try resumes.
        kept: u64,
    },
    /// The host breaks the rules of HTTP or of security.
    #[error("{name} cannot be downloaded: {reason}; this is the host's fault")]
    Host {
        /// The file.
        name: String,
        /// The violation.
        reason: String,
    },
    /// The host contradicts itself about a file's length.
    #[error(
        "{name} has the wrong length: {expected} bytes were announced and {found} were sent; this is the host's fault"
    )]
    WrongLength {
        /// The file.
        name: String,
        /// As announced.
        expected: u64,
        /// As sent.
        found: u64,
    },
    /// The contents do not have the hash that the host states.
    #[error(
        "{name} arrived damaged: its SHA-256 is {found}, and the host states {expected}; it was deleted, try again"
    )]
    Damaged {
        /// The file.
        name: String,
        /// As announced, in hexadecimal.
        expected: String,
        /// As received, in hexadecimal.
        found: String,
    },
    /// The file changes while it is downloaded.
    #[error(
        "{name} was changed on its host while it was downloaded, more than once; try again later"
    )]
    Changed {
        /// The file.
        name: String,
    },
    /// The file is not cached, and the network is switched off.
    #[error(
        "{name} is not in the cache {}, and the network may not be used; run once without --offline, or name a folder that has it",
        .cache.display()
    )]
    Offline {
        /// The file.
        name: String,
        /// The cache folder.
        cache: PathBuf,
    },
    /// A file of Hugging Face's own cache cannot be used.
    #[error(
        "Hugging Face's cache cannot be used: {} {reason}; delete that file, or leave this cache out with --no-hf-cache",
        .path.display()
    )]
    HfCache {
        /// The file.
        path: PathBuf,
        /// The problem, as the rest of a sentence.
        reason: String,
    },
    /// The disk is full.
    #[error(
        "no space is left for {name} in {}: it takes {}{}; make room (`sae-explorer cache list` lists its files) or name another folder with --cache; the next download resumes from what has arrived",
        .cache.display(),
        size_text(*.bytes),
        free_text(*.free)
    )]
    NoSpace {
        /// The file.
        name: String,
        /// The cache folder.
        cache: PathBuf,
        /// The file's size, if known.
        bytes: Option<u64>,
        /// Free bytes there, if known before the download.
        free: Option<u64>,
    },
    /// The cache folder cannot be used.
    #[error("the cache cannot be used: {} cannot be {doing}: {source}; name another folder with --cache", .path.display())]
    Cache {
        /// The file or the folder.
        path: PathBuf,
        /// The attempt as a participle: `read`, `written`.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

impl Error {
    /// The error's kind in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "bad-option",
            Self::NotFound { .. } | Self::Offline { .. } => "missing-file",
            Self::Refused { .. }
            | Self::Status { .. }
            | Self::Network { .. }
            | Self::Host { .. }
            | Self::WrongLength { .. } => "network",
            Self::Damaged { .. } | Self::HfCache { .. } => "bad-file",
            Self::Changed { .. } => "file-changed",
            Self::NoSpace { .. } => "quota",
            Self::Cache { .. } => "output",
        }
    }

    /// True if the host says that there is no such file.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// The same, where a missing file was looked for at the commit that Hugging Face's cache has for the revision.
    pub(crate) fn at_commit_of(mut self, hf_cache: &Path) -> Self {
        if let Self::NotFound { name, .. } | Self::Offline { name, .. } = &mut self {
            let folder = hf_cache.display();
            name.push_str(&format!(
                " (the commit that {folder} has; --no-hf-cache takes the newest)"
            ));
        }
        self
    }

    /// An error of the host's own doing.
    pub(crate) fn host(name: &str, reason: String) -> Self {
        Self::Host {
            name: name.to_owned(),
            reason,
        }
    }

    /// An error with a file of the cache.
    pub(crate) fn cache(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Cache {
            path: path.to_owned(),
            doing,
            source,
        }
    }
}

/// Words of a host or a file as they may be printed on a terminal.
pub(crate) fn printable(words: &str) -> String {
    let words = words.chars().take(WORDS);
    words.filter(|c| !c.is_control()).collect()
}

fn near_text(near: &[String]) -> String {
    if near.is_empty() {
        String::new()
    } else {
        format!("; there are: {}", near.join(", "))
    }
}

fn kept_text(kept: u64) -> String {
    match kept {
        0 => String::new(),
        kept => {
            format!("; {kept} bytes have arrived, and the next try resumes from there")
        }
    }
}

fn free_text(free: Option<u64>) -> String {
    free.map_or_else(String::new, |free| format!(", and {free} are free"))
}

fn size_text(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "an unknown size".to_owned(),
        |bytes| format!("{bytes} bytes"),
    )
}
