//! Reading of the cache of Hugging Face's own libraries, which is never written to.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Server, bring, folder, hub, options};
use hub::{Address, Error, Options};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// A cache folder as Hugging Face's libraries lay it out, with `a/b` at [`COMMIT`], which `main` and `pr/1` are.
struct Fake {
    root: PathBuf,
    repo: PathBuf,
}

impl Fake {
    fn new(name: &str) -> Self {
        let root = folder(name).join("hub");
        let fake = Self {
            repo: root.join("models--a--b"),
            root,
        };
        fake.point("main", COMMIT);
        fake.point("pr/1", COMMIT);
        fake.put(COMMIT, "x/cfg.json", b"cached");
        fake
    }

    fn point(&self, revision: &str, text: &str) {
        let path = self.repo.join("refs").join(revision);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn snapshot(&self, commit: &str, path: &str) -> PathBuf {
        let path = self.repo.join("snapshots").join(commit).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn put(&self, commit: &str, path: &str, bytes: &[u8]) {
        fs::write(self.snapshot(commit, path), bytes).unwrap();
    }

    fn options(&self, server: &Server, cache: &Path) -> Options {
        Options {
            hf_cache: Some(self.root.clone()),
            ..options(server, cache)
        }
    }

    /// All paths with their lengths.
    fn listing(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let data = fs::symlink_metadata(&path).unwrap();
                if data.is_dir() {
                    folders.push(path.clone());
                }
                found.push((path, data.len()));
            }
        }
        found.sort();
        found
    }
}

/// The host's `a/b` at `main` and at both commits, each with other contents than the fake cache has.
fn host() -> Server {
    let server = Server::start();
    for revision in ["main", COMMIT, OTHER] {
        for path in ["x/cfg.json", "x/weights.pt"] {
            let contents = format!("{revision} of the host");
            let path = format!("a/b/resolve/{revision}/{path}");
            server.put(&path, contents.as_bytes(), false);
        }
    }
    server
}

fn contents(options: &Options, address: &str) -> String {
    let path = bring(options.clone(), address).unwrap();
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_file_of_a_known_commit_is_read_without_a_request() {
    let (server, cache, fake) = (host(), folder("hf_known"), Fake::new("hf_known_fake"));
    let options = fake.options(&server, &cache);
    let before = fake.listing();
    for address in [
        "a/b:x/cfg.json".to_owned(),
        "a/b@main:x/cfg.json".to_owned(),
        "https://huggingface.co/a/b/resolve/pr%2F1/x/cfg.json".to_owned(),
        format!("a/b@{COMMIT}:x/cfg.json"),
    ] {
        assert_eq!(contents(&options, &address), "cached", "{address}");
    }
    assert!(server.asked().is_empty());
    assert!(!cache.join("blobs").exists());
    assert_eq!(fake.listing(), before);

    let (hub, told) = hub(options);
    let address = Address::parse("a/b:x/cfg.json", None).unwrap().unwrap();
    for _ in 0..2 {
        hub.file(&address).unwrap();
    }
    let told = told.borrow();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("InHfCache") && told[0].contains(COMMIT));
}

#[test]
fn it_is_read_offline_and_left_out_where_it_is_not_wanted() {
    let (server, cache, fake) = (host(), folder("hf_offline"), Fake::new("hf_offline_fake"));
    let mut options = fake.options(&server, &cache);
    options.offline = true;
    assert_eq!(contents(&options, "a/b:x/cfg.json"), "cached");
    let missing = bring(options.clone(), "a/b:x/weights.pt").unwrap_err();
    assert!(matches!(missing, Error::Offline { .. }));
    let said = missing.to_string();
    assert!(
        said.contains(&format!("a/b@{COMMIT}:x/weights.pt")) && said.contains("--no-hf-cache"),
        "{said}"
    );
    options.offline = false;
    options.hf_cache = None;
    assert_eq!(contents(&options, "a/b:x/cfg.json"), "main of the host");
}

#[test]
fn other_revisions_and_repositories_are_downloaded() {
    let (server, cache, fake) = (host(), folder("hf_other"), Fake::new("hf_other_fake"));
    server.publish("a/c", "x/cfg.json", b"another repository");
    let options = fake.options(&server, &cache);
    assert_eq!(contents(&options, "a/c:x/cfg.json"), "another repository");
    let address = format!("a/b@{OTHER}:x/cfg.json");
    assert_eq!(contents(&options, &address), format!("{OTHER} of the host"));
    // A branch that the cache has no commit of, and one that is only the beginning of known names.
    for revision in ["dev", "pr"] {
        let error = bring(options.clone(), &format!("a/b@{revision}:x/cfg.json")).unwrap_err();
        assert!(error.is_not_found(), "{error}");
        assert!(!error.to_string().contains("--no-hf-cache"), "{error}");
    }
}

#[test]
fn a_missing_file_is_downloaded_at_the_known_commit() {
    let (server, cache, fake) = (host(), folder("hf_missing"), Fake::new("hf_missing_fake"));
    fake.put(COMMIT, "x/empty.pt", b"");
    server.put(&format!("a/b/resolve/{COMMIT}/x/empty.pt"), b"whole", false);
    let options = fake.options(&server, &cache);
    let before = fake.listing();
    let expected = format!("{COMMIT} of the host");
    assert_eq!(contents(&options, "a/b:x/weights.pt"), expected);
    assert_eq!(contents(&options, "a/b:x/empty.pt"), "whole");
    assert_eq!(fake.listing(), before);
    // What the host does not have at that commit is missing, and the message says why it was this commit.
    let error = bring(options.clone(), "a/b:x/none.pt").unwrap_err();
    assert!(error.is_not_found());
    let said = error.to_string();
    assert!(
        said.contains(COMMIT) && said.contains("--no-hf-cache"),
        "{said}"
    );
    // A folder is not a file, and the host need not say so.
    server.asked();
    let address = Address::parse("a/b:x", None).unwrap().unwrap();
    assert_eq!(hub(options).0.find(&address).unwrap(), None);
    assert!(server.asked().is_empty());
}

#[cfg(unix)]
#[test]
fn links_are_followed_to_blobs_and_a_broken_one_is_no_file() {
    let (server, cache, fake) = (host(), folder("hf_links"), Fake::new("hf_links_fake"));
    let blobs = fake.repo.join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join("abc"), "blob").unwrap();
    let link = |target: &str, path: &str| {
        std::os::unix::fs::symlink(target, fake.snapshot(COMMIT, path)).unwrap();
    };
    link("../../../blobs/abc", "x/linked.json");
    link("../../../blobs/gone", "x/weights.pt");
    let options = fake.options(&server, &cache);
    assert_eq!(contents(&options, "a/b:x/linked.json"), "blob");
    let expected = format!("{COMMIT} of the host");
    assert_eq!(contents(&options, "a/b:x/weights.pt"), expected);
    assert!(!blobs.join("gone").exists(), "nothing is written there");
}

#[test]
fn a_ref_that_is_not_a_commit_is_refused() {
    let (server, cache, fake) = (host(), folder("hf_refs"), Fake::new("hf_refs_fake"));
    fs::create_dir_all(fake.root.join("x")).unwrap();
    // What `snapshots/../..` would lead to.
    fs::write(fake.root.join("x/cfg.json"), "outside").unwrap();
    let long = "0".repeat(100_000);
    for text in ["../..", "", "main", "/etc", "0123\u{1b}[2J", &long] {
        fake.point("main", text);
        let error = bring(fake.options(&server, &cache), "a/b:x/cfg.json").unwrap_err();
        assert!(matches!(error, Error::HfCache { .. }), "{text}: {error}");
        assert_eq!(error.code(), "bad-file");
        let said = error.to_string();
        assert!(said.len() < 1000 && !said.contains('\u{1b}'), "{said}");
        let path = fake.repo.join("refs").join("main");
        assert!(said.contains(&path.display().to_string()), "{said}");
    }
    assert!(server.asked().is_empty());
    fake.point("main", &format!("{COMMIT}\n"));
    assert_eq!(
        contents(&fake.options(&server, &cache), "a/b:x/cfg.json"),
        "cached"
    );
}

#[test]
fn revisions_and_paths_that_lead_out_are_not_looked_up() {
    let (server, cache, fake) = (host(), folder("hf_out"), Fake::new("hf_out_fake"));
    fs::write(fake.repo.join("outside"), COMMIT).unwrap();
    fs::write(fake.repo.join("file.json"), "outside").unwrap();
    let options = fake.options(&server, &cache);
    for (revision, path) in [
        ("../outside", "x/cfg.json"),
        ("main", "../../file.json"),
        ("main", "/etc/hostname"),
    ] {
        let address = Address::Repo {
            repo: "a/b".to_owned(),
            revision: revision.to_owned(),
            path: path.to_owned(),
        };
        let (hub, told) = hub(options.clone());
        assert!(hub.file(&address).is_err(), "{address}");
        assert!(
            told.borrow()
                .iter()
                .all(|event| !event.contains("InHfCache"))
        );
    }
}
