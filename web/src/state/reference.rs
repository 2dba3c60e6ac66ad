//! Ids of models and SAEs, as addresses name them: what each says of where its files are.

use crate::data::Origin;

/// The beginning of the ids of what came from the person's own files. An address names them, so that it never shows
/// something else in their place; the page cannot open them by itself.
pub const FILE: &str = "file:";

pub use wire::address::NEURONS;

/// Meaning of an id in an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference<'a> {
    /// Something of the demo or of another model that comes with it.
    Part,
    /// Something of the catalogue, at a layer where there are several, and at a commit where one is named.
    Catalogue(&'a str, Option<u32>, Option<&'a str>),
    /// A repository, a file in one, or another address, and the hook point where that does not say it.
    Link(&'a str, Option<&'a str>),
    /// The neurons of a hook point.
    Neurons(&'a str),
    /// Something from a person's own files.
    File(OwnFile<'a>),
}

/// A model or SAE from a person's own files, as its id names it: `file:NAME~SHA256@HOOK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnFile<'a> {
    /// Its file's name, or its folder's.
    pub name: &'a str,
    /// SHA-256 of its weights, 64 hexadecimal digits; ids from before they had one leave it out.
    pub sha256: Option<&'a str>,
    /// The hook point of an SAE.
    pub hook: Option<&'a str>,
}

impl<'a> OwnFile<'a> {
    /// Reads an id.
    pub fn of(id: &'a str) -> Option<Self> {
        let (rest, hook) = split_hook(id.strip_prefix(FILE)?);
        let (name, sha256) = match rest.rsplit_once('~') {
            Some((name, hash)) if is_sha256(hash) => (name, Some(hash)),
            _ => (rest, None),
        };
        Some(Self { name, sha256, hook })
    }

    /// Its id.
    pub fn id(&self) -> String {
        let mut id = format!("{FILE}{}", self.name);
        for (mark, part) in [('~', self.sha256), ('@', self.hook)] {
            if let Some(part) = part {
                id.push(mark);
                id.push_str(part);
            }
        }
        id
    }
}

/// An id for people: of a file of one's own its name, the beginning of its hash and its hook.
pub fn readable(id: &str) -> String {
    let Some(OwnFile { name, sha256, hook }) = OwnFile::of(id) else {
        return id.to_owned();
    };
    let hash = sha256.and_then(|hash| hash.get(..8));
    let hash = hash.map(|hash| format!(" (SHA-256 {hash}…)"));
    let hook = hook.map(|hook| format!(" at {hook}"));
    format!(
        "{name}{}{}",
        hash.unwrap_or_default(),
        hook.unwrap_or_default()
    )
}

/// True for a SHA-256 as it is written here: in small letters.
fn is_sha256(text: &str) -> bool {
    let digit = |digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 64 && text.bytes().all(digit)
}

/// An id without the hook point that stands behind its last `@`, and that hook point. A revision of a repository stands
/// behind an `@` as well, so a hook point is known by how hook points are named.
fn split_hook(id: &str) -> (&str, Option<&str>) {
    match id.rsplit_once('@') {
        Some((rest, hook)) if is_hook(hook) => (rest, Some(hook)),
        _ => (id, None),
    }
}

/// True for a commit's full hash.
fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// The id of something of the catalogue: `gpt2`, `oai-v5-32k-resid-post@8`, each with a commit behind another `@`.
pub fn catalogue(entry: &str, layer: Option<u32>, commit: Option<&str>) -> String {
    let mut id = entry.to_owned();
    for part in layer
        .map(|layer| layer.to_string())
        .into_iter()
        .chain(commit.map(str::to_owned))
    {
        id.push('@');
        id.push_str(&part);
    }
    id
}

/// True for a name as hook points have: TransformerLens's, or Hugging Face's.
fn is_hook(text: &str) -> bool {
    let named = text.contains("hook_") || text.starts_with("blocks.");
    (named || text.starts_with("transformer.h.")) && !text.contains(['/', ':'])
}

impl<'a> Reference<'a> {
    /// Reads an SAE's id.
    pub fn of(id: &'a str) -> Self {
        if let Some(hook) = id.strip_prefix(NEURONS) {
            return Self::Neurons(hook);
        }
        if let Some(file) = OwnFile::of(id) {
            return Self::File(file);
        }
        if id.contains('/') {
            let (link, hook) = split_hook(id);
            return Self::Link(link, hook);
        }
        match id.split_once('@') {
            Some((name, rest)) if !name.is_empty() => {
                let (layer, commit) = match rest.split_once('@') {
                    Some((layer, commit)) => (Some(layer), Some(commit)),
                    None if is_commit(rest) => (None, Some(rest)),
                    None => (Some(rest), None),
                };
                let layer = layer.map(str::parse).transpose();
                match layer {
                    Ok(layer) if commit.is_none_or(is_commit) => {
                        Self::Catalogue(name, layer, commit)
                    }
                    _ => Self::Part,
                }
            }
            _ => Self::Part,
        }
    }

    /// The id under which others load the very same files: with the commit that they were loaded at.
    pub fn pinned(&self, id: &str, origin: Option<&Origin>) -> String {
        let known = origin.and_then(|origin| Some((origin, origin.commit.as_deref()?)));
        let Some((origin, commit)) = known.filter(|(_, commit)| is_commit(commit)) else {
            return id.to_owned();
        };
        match *self {
            Self::Link(_, hook) if origin.repository.is_some() => {
                let (commit, path) = (commit.to_owned(), origin.path.clone());
                let repo = origin.repository.as_deref().unwrap_or_default();
                let mut id = repository(repo, Some(commit), Some(path));
                if let Some(hook) = hook {
                    id.push('@');
                    id.push_str(hook);
                }
                id
            }
            Self::Catalogue(name, layer, _) => catalogue(name, layer, Some(commit)),
            _ => id.to_owned(),
        }
    }

    /// Reads a model's id.
    pub fn of_model(id: &'a str) -> Self {
        match Self::of(id) {
            Self::Part if id != "demo" => Self::Catalogue(id, None, None),
            reference => reference,
        }
    }
}

/// The id of something in a repository: `owner/name`, `owner/name@revision:path`. What is left out is the main branch, and
/// the repository as a whole.
pub fn repository(repo: &str, revision: Option<String>, path: Option<String>) -> String {
    let mut id = repo.to_owned();
    for (mark, part) in [
        ('@', revision.filter(|revision| revision != "main")),
        (':', path),
    ] {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            id.push(mark);
            id.push_str(&part);
        }
    }
    id
}

/// A URL without what may be a secret: the query, a name with its password, and what stands behind a `#`.
pub fn public(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = &url[..end];
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}
