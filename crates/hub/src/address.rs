//! Addresses of files and folders on hosts, as people write them.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::error::Error;

/// Base address of Hugging Face.
pub const HUGGING_FACE: &str = "https://huggingface.co";
/// Names of Hugging Face in links.
const HUGGING_FACE_HOSTS: [&str; 3] = ["huggingface.co", "www.huggingface.co", "hf.co"];
/// The revision where none is given.
const MAIN: &str = "main";
/// Characters that need no encoding in a segment of a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A file or a folder of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// In a repository.
    Repo {
        /// `owner/name`.
        repo: String,
        /// A branch, a tag or a commit.
        revision: String,
        /// The path inside of the repository without slashes at its ends; empty is the repository itself.
        path: String,
    },
    /// At any other address.
    Url {
        /// The address without a slash at its end, and without query and fragment.
        url: String,
        /// The query with its question mark, or nothing. Files of a folder are requested with the same query.
        query: String,
    },
}

impl Address {
    /// Reads `owner/name`, `owner/name:path`, `owner/name@revision:path`, a link to a repository, a folder or a file of
    /// Hugging Face, or any other http(s) address. `mirror` is the base of a mirror of Hugging Face: links to it are
    /// read as links to the repositories. None where the text is none of these, as a path of this machine is not.
    ///
    /// # Errors
    /// [`Error::Address`] where it is a link that cannot be followed.
    pub fn parse(text: &str, mirror: Option<&str>) -> Result<Option<Self>, Error> {
        let bad = |reason: &str| Error::Address {
            given: text.to_owned(),
            reason: reason.to_owned(),
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::repository(text));
        };
        if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(bad("only http and https are known"));
        }
        let text_before_fragment = text.split('#').next().unwrap_or_default();
        let rest = rest.split('#').next().unwrap_or_default();
        let without_query = rest.split('?').next().unwrap_or_default();
        let (host, path) = without_query.split_once('/').unwrap_or((without_query, ""));
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(bad("it names no host"));
        }
        if HUGGING_FACE_HOSTS.contains(&host.to_ascii_lowercase().as_str()) {
            return Self::link(path).map(Some).map_err(bad);
        }
        let (url, query) = match text_before_fragment.split_once('?') {
            Some((url, query)) => (url, format!("?{query}")),
            None => (text_before_fragment, String::new()),
        };
        let in_mirror = mirror.and_then(|base| {
            let path = url.strip_prefix(base.trim_end_matches('/'))?;
            path.strip_prefix('/')
        });
        let in_mirror = in_mirror.filter(|path| !is_file_beside(path));
        if let Some(address) = in_mirror.and_then(|path| Self::link(path).ok()) {
            return Ok(Some(address));
        }
        let url = url.trim_end_matches('/').to_owned();
        Ok(Some(Self::Url { url, query }))
    }

    /// `owner/name[@revision][:path]`.
    fn repository(text: &str) -> Option<Self> {
        let (repo, path) = text.split_once(':').unwrap_or((text, ""));
        let (repo, revision) = repo.split_once('@').unwrap_or((repo, MAIN));
        let (owner, name) = repo.split_once('/')?;
        let path = path.trim_matches('/');
        let whole = is_name(owner) && is_name(name) && !revision.is_empty() && is_path(path);
        whole.then(|| Self::Repo {
            repo: repo.to_owned(),
            revision: revision.to_owned(),
            path: path.to_owned(),
        })
    }

    /// The path of a link to a repository: `owner/name[/(tree|blob|resolve)/revision[/path]]`.
    fn link(path: &str) -> Result<Self, &'static str> {
        let segments: Option<Vec<String>> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| {
                let decoded = percent_decode_str(segment).decode_utf8();
                decoded.ok().map(std::borrow::Cow::into_owned)
            })
            .collect();
        let segments = segments.ok_or("it is not UTF-8 text")?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (repo, revision, path) = match segments.as_slice() {
            ["datasets" | "spaces" | "collections" | "papers", ..] => {
                return Err("it is no repository of a model");
            }
            [owner, name] => (format!("{owner}/{name}"), MAIN, String::new()),
            [
                owner,
                name,
                "tree" | "blob" | "resolve" | "raw",
                revision,
                path @ ..,
            ] => (format!("{owner}/{name}"), *revision, path.join("/")),
            _ => return Err("a link to a repository is HOST/owner/name"),
        };
        let whole = repo
            .split_once('/')
            .is_some_and(|(owner, name)| is_name(owner) && is_name(name));
        if !whole || !is_path(&path) {
            return Err("it names no repository and no path in one");
        }
        Ok(Self::Repo {
            repo,
            revision: revision.to_owned(),
            path,
        })
    }

    /// A file or a folder inside of this folder.
    pub fn join(&self, name: &str) -> Self {
        match self {
            Self::Repo {
                repo,
                revision,
                path,
            } => Self::Repo {
                repo: repo.clone(),
                revision: revision.clone(),
                path: if path.is_empty() {
                    name.to_owned()
                } else {
                    format!("{path}/{name}")
                },
            },
            Self::Url { url, query } => Self::Url {
                url: format!("{url}/{}", encoded(name)),
                query: query.clone(),
            },
        }
    }

    /// The folder that contains this. None for a whole repository or host.
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::Repo { path, .. } if path.is_empty() => None,
            Self::Repo {
                repo,
                revision,
                path,
            } => Some(Self::Repo {
                repo: repo.clone(),
                revision: revision.clone(),
                path: path
                    .rsplit_once('/')
                    .map(|(parent, _)| parent.to_owned())
                    .unwrap_or_default(),
            }),
            Self::Url { url, query } => {
                let (scheme, rest) = url.split_once("://")?;
                let (parent, _) = rest.rsplit_once('/')?;
                Some(Self::Url {
                    url: format!("{scheme}://{parent}"),
                    query: query.clone(),
                })
            }
        }
    }

    /// The last segment: the file's or the folder's own name; a repository's name for the repository itself.
    pub fn file_name(&self) -> String {
        match self {
            Self::Repo { repo, path, .. } => {
                let whole = if path.is_empty() { repo } else { path };
                whole.rsplit('/').next().unwrap_or_default().to_owned()
            }
            Self::Url { url, .. } => {
                let last = url.rsplit('/').next().unwrap_or_default();
                percent_decode_str(last).decode_utf8_lossy().into_owned()
            }
        }
    }

    /// True for a whole repository, which cannot be a file.
    pub fn is_repository(&self) -> bool {
        matches!(self, Self::Repo { path, .. } if path.is_empty())
    }

    /// True if the contents never change: the revision is a commit.
    pub fn is_pinned(&self) -> bool {
        matches!(self, Self::Repo { revision, .. } if is_commit(revision))
    }

    /// The same in another revision of its repository.
    pub(crate) fn at_revision(&self, other: &str) -> Self {
        let mut address = self.clone();
        if let Self::Repo { revision, .. } = &mut address {
            other.clone_into(revision);
        }
        address
    }

    /// URL of the file: `{base}/{repo}/resolve/{revision}/{path}`, or the address itself.
    pub fn url(&self, base: &str) -> String {
        match self {
            Self::Repo {
                repo,
                revision,
                path,
            } => format!(
                "{}/{}/resolve/{}/{}",
                base.trim_end_matches('/'),
                encoded(repo),
                utf8_percent_encode(revision, PLAIN),
                encoded(path)
            ),
            Self::Url { url, query } => format!("{url}{query}"),
        }
    }

    /// URL of a listing of the folder. None for hosts without listings.
    pub(crate) fn listing_url(&self, base: &str) -> Option<String> {
        let Self::Repo {
            repo,
            revision,
            path,
        } = self
        else {
            return None;
        };
        let url = format!(
            "{}/api/models/{}/tree/{}/{}",
            base.trim_end_matches('/'),
            encoded(repo),
            utf8_percent_encode(revision, PLAIN),
            encoded(path)
        );
        Some(url.trim_end_matches('/').to_owned())
    }
}

/// As it is shown and as [`Address::parse`] reads it. A query, which may hold a secret, is left out.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repo {
                repo,
                revision,
                path,
            } => {
                f.write_str(repo)?;
                if revision != MAIN {
                    write!(f, "@{revision}")?;
                }
                if !path.is_empty() {
                    write!(f, ":{path}")?;
                }
                Ok(())
            }
            Self::Url { url, .. } => f.write_str(url),
        }
    }
}

/// A path with each of its segments encoded.
fn encoded(path: &str) -> String {
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| utf8_percent_encode(segment, PLAIN).to_string())
        .collect();
    segments.join("/")
}

/// True if the path of a mirror's link ends like a file's, so that it is not a repository.
fn is_file_beside(path: &str) -> bool {
    const ENDINGS: [&str; 4] = ["pt", "safetensors", "json", "txt"];
    let segments: Vec<&str> = path.split('/').collect();
    let &[_, name] = segments.as_slice() else {
        return false;
    };
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

/// True for a possible name of an owner or a repository.
fn is_name(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.chars().all(known) && !text.chars().all(|c| c == '.')
}

/// True for a full commit: 40 hexadecimal digits.
pub(crate) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit())
}

/// True for a path that stays below its folder.
pub(crate) fn is_path(text: &str) -> bool {
    text.is_empty()
        || text
            .split('/')
            .all(|segment| !["", ".", ".."].contains(&segment) && !segment.contains('\\'))
}
