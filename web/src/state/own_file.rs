//! Files of one's own that an address names: whether a file that was opened is the one that is meant.

use super::State;
use super::reference::OwnFile;
use super::url::Place;

/// The parts of an address that are to come from a person's own files, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The model.
    pub model: Option<String>,
    /// The SAE in view.
    pub sae: Option<String>,
}

/// Relation of an opened file to the one that an address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// It is that one, or the address names none in its place: the id under which it is loaded.
    Same(String),
    /// The address names a file without its SHA-256, and this one has that name: its id.
    Named(String),
    /// It is another one in that one's place: its id.
    Other(String),
}

/// Compares a file of id `id` and of SHA-256 `sha256` with the one that an address waits for.
pub fn identify(file: OwnFile<'_>, sha256: &str, wanted: Option<&str>) -> Identity {
    let own = OwnFile {
        sha256: Some(sha256),
        ..file
    };
    let Some(meant) = wanted.and_then(OwnFile::of) else {
        return Identity::Same(own.id());
    };
    let (same_name, same_hook) = (meant.name == own.name, meant.hook == own.hook);
    match meant.sha256 {
        // Whatever its name is here.
        Some(hash) if hash == sha256 && same_hook => Identity::Same(meant.id()),
        Some(hash) if hash != sha256 && (same_name || same_hook) => Identity::Other(own.id()),
        None if same_name && same_hook => Identity::Named(own.id()),
        // It belongs elsewhere: something else that the person wants to see.
        _ => Identity::Same(own.id()),
    }
}

/// The refusal of a file, with both hashes.
pub fn refusal(id: &str, wanted: &str) -> String {
    let (Some(own), Some(meant)) = (OwnFile::of(id), OwnFile::of(wanted)) else {
        return format!("{id} is not {wanted}.");
    };
    let (own_hash, hash) = (own.sha256.unwrap_or("?"), meant.sha256.unwrap_or("?"));
    format!(
        "“{}” is not the file that the link is about. Its SHA-256 is {own_hash}; the link names “{}” with {hash}. Open the file with that SHA-256, or use this one anyway: the link's feature, pins and edits are then those numbers in this file, whatever they mean there.",
        own.name, meant.name
    )
}

impl State {
    /// The files for which the address waits.
    pub fn wanted_files(&self) -> Wanted {
        let requested = self.requested.as_ref();
        let file = |id: &str| OwnFile::of(id).map(|_| id.to_owned());
        let here = self.model.as_ref().map(|model| model.id.as_str());
        let model = requested.and_then(|place| place.model.as_deref());
        let sae = requested.and_then(|place| place.sae.as_deref());
        Wanted {
            model: model.filter(|id| Some(*id) != here).and_then(file),
            sae: sae.or(self.missing_sae()).and_then(file),
        }
    }

    /// The address means another file from now on, because the person said so or because it did not say which.
    pub(super) fn take_instead(&mut self, wanted: &str, found: &str) {
        let places = std::iter::once(&mut self.place).chain(&mut self.requested);
        places.for_each(|place| place.rename(wanted, found));
    }
}

impl Place {
    /// The same about something of another id.
    fn rename(&mut self, from: &str, to: &str) {
        let shown = self.model.iter_mut().chain(&mut self.sae);
        for id in shown.chain(&mut self.beside) {
            if id == from {
                to.clone_into(id);
            }
        }
        for id in self.tray_saes().filter(|id| *id == from) {
            to.clone_into(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::reference::readable;

    const ONE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const TWO: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

    fn file<'a>(name: &'a str, hook: Option<&'a str>) -> OwnFile<'a> {
        OwnFile {
            name,
            sha256: None,
            hook,
        }
    }

    #[test]
    fn an_id_gives_its_file_back() {
        let hook = Some("blocks.1.hook_z");
        for (name, sha256, hook) in [
            ("mine", Some(ONE), hook),
            ("my~sae@2", Some(ONE), None),
            ("a~b", None, hook),
        ] {
            let file = OwnFile { name, sha256, hook };
            assert_eq!(OwnFile::of(&file.id()), Some(file));
        }
        let file = OwnFile {
            name: "mine",
            sha256: Some(ONE),
            hook,
        };
        let told = "mine (SHA-256 01234567…) at blocks.1.hook_z";
        assert_eq!(readable(&file.id()), told);
        assert_eq!(readable("openai.layer_3"), "openai.layer_3");
        // No hash of the right length: a part of the name.
        assert_eq!(
            OwnFile::of("file:a~0123").map(|file| file.name),
            Some("a~0123")
        );
        assert_eq!(OwnFile::of("mine"), None);
    }

    #[test]
    fn a_file_is_known_by_its_contents() {
        let hook = Some("blocks.1.hook_z");
        let wanted = format!("file:mine~{ONE}@blocks.1.hook_z");
        let at = |file, sha256| identify(file, sha256, Some(&wanted));
        assert_eq!(at(file("mine", hook), ONE), Identity::Same(wanted.clone()));
        // It has another name here.
        assert_eq!(at(file("copy", hook), ONE), Identity::Same(wanted.clone()));
        for name in ["mine", "copy"] {
            let other = format!("file:{name}~{TWO}@blocks.1.hook_z");
            assert_eq!(at(file(name, hook), TWO), Identity::Other(other.clone()));
            let said = refusal(&other, &wanted);
            assert!(said.contains(ONE) && said.contains(TWO), "{said}");
        }
        // Another one for another place is not in that one's.
        let elsewhere = Some("blocks.2.hook_z");
        let id = format!("file:copy~{TWO}@blocks.2.hook_z");
        assert_eq!(at(file("copy", elsewhere), TWO), Identity::Same(id));
        // Where nothing is waited for, a file is what it is.
        let id = format!("file:mine~{TWO}");
        assert_eq!(identify(file("mine", None), TWO, None), Identity::Same(id));
    }

    #[test]
    fn a_link_without_a_hash_takes_the_file_of_that_name() {
        let wanted = Some("file:mine");
        let id = format!("file:mine~{ONE}");
        assert_eq!(
            identify(file("mine", None), ONE, wanted),
            Identity::Named(id)
        );
        let id = format!("file:other~{ONE}");
        assert_eq!(
            identify(file("other", None), ONE, wanted),
            Identity::Same(id)
        );
    }
}
