//! What people write for an address, and where it is asked for.

use hub::{Address, Error, HUGGING_FACE};

fn parsed(text: &str) -> Address {
    Address::parse(text, Some("http://mirror.example/hf/"))
        .unwrap()
        .unwrap()
}

fn repo(repo: &str, revision: &str, path: &str) -> Address {
    Address::Repo {
        repo: repo.to_owned(),
        revision: revision.to_owned(),
        path: path.to_owned(),
    }
}

#[test]
fn names_of_repositories() {
    assert_eq!(
        parsed("openai-community/gpt2"),
        repo("openai-community/gpt2", "main", "")
    );
    assert_eq!(parsed("a/b:c.pt/"), repo("a/b", "main", "c.pt"));
    assert_eq!(parsed("a/b@v1:c/d.pt"), repo("a/b", "v1", "c/d.pt"));
    for text in ["a/b", "a/b:c/d.pt", "a/b@v1", "a/b@v1:c"] {
        assert_eq!(parsed(text).to_string(), text);
    }
}

#[test]
fn what_is_a_path_of_this_machine() {
    for text in [
        "demo",
        "./a",
        "../a",
        "/a/b",
        "a/b/c",
        "C:\\a/b",
        "~/a",
        "a/",
        "/",
        "",
        "a/..",
        "a/b:../c",
        "a/b:c//d",
        "layer 3/x",
        "a/b@:c",
    ] {
        assert_eq!(Address::parse(text, None).unwrap(), None, "{text}");
    }
}

#[test]
fn links_to_repositories() {
    for (text, expected) in [
        ("https://huggingface.co/a/b", repo("a/b", "main", "")),
        ("https://huggingface.co/a/b/", repo("a/b", "main", "")),
        ("https://hf.co/a/b/tree/main", repo("a/b", "main", "")),
        (
            "https://huggingface.co/a/b/tree/v1/x/y",
            repo("a/b", "v1", "x/y"),
        ),
        (
            "https://huggingface.co/a/b/blob/refs%2Fpr%2F1/x.pt",
            repo("a/b", "refs/pr/1", "x.pt"),
        ),
        (
            "https://huggingface.co/a/b/resolve/main/x%20y.pt?download=true#top",
            repo("a/b", "main", "x y.pt"),
        ),
        (
            "http://mirror.example/hf/a/b/tree/main/x",
            repo("a/b", "main", "x"),
        ),
    ] {
        assert_eq!(parsed(text), expected, "{text}");
    }
    for text in [
        "https://huggingface.co/datasets/a/b",
        "https://huggingface.co/gpt2",
        "https://huggingface.co/a/b/resolve/main/..%2Fx",
        "ftp://host/x",
        "https:///x",
    ] {
        assert!(
            matches!(Address::parse(text, None), Err(Error::Address { .. })),
            "{text}"
        );
    }
}

#[test]
fn files_in_folders_of_a_mirror_s_host() {
    for text in [
        "http://mirror.example/hf/a/x.pt",
        "http://mirror.example/hf/a/cfg.json",
        "http://mirror.example/hf/x.pt",
    ] {
        let address = parsed(text);
        assert!(matches!(address, Address::Url { .. }), "{address:?}");
        assert_eq!(address.url("unused"), text);
    }
    // Hugging Face has nothing but repositories.
    let address = parsed("https://huggingface.co/a/x.pt");
    assert_eq!(address, repo("a/x.pt", "main", ""));
}

#[test]
fn other_links() {
    let address = parsed("http://host:8080/models/gpt2/?key=secret#x");
    assert_eq!(
        address.url("unused"),
        "http://host:8080/models/gpt2?key=secret"
    );
    assert_eq!(address.to_string(), "http://host:8080/models/gpt2");
    let file = address.join("a b.json");
    assert_eq!(
        file.url("unused"),
        "http://host:8080/models/gpt2/a%20b.json?key=secret"
    );
    assert_eq!(file.file_name(), "a b.json");
    assert_eq!(file.parent(), Some(address));
    assert_eq!(parsed("http://host").parent(), None);
}

#[test]
fn where_files_are_asked_for() {
    let folder = parsed("a/b@refs/pr/1:x");
    assert_eq!(
        folder.join("cfg.json").url(HUGGING_FACE),
        "https://huggingface.co/a/b/resolve/refs%2Fpr%2F1/x/cfg.json"
    );
    assert_eq!(
        parsed("a/b").join("y z").url("http://m/"),
        "http://m/a/b/resolve/main/y%20z"
    );
    assert_eq!(parsed("a/b:x/y").parent(), Some(parsed("a/b:x")));
    assert_eq!(parsed("a/b:x").parent(), Some(parsed("a/b")));
    assert_eq!(parsed("a/b").parent(), None);
    assert_eq!(parsed("a/b").file_name(), "b");
    assert!(parsed(&format!("a/b@{}", "0a".repeat(20))).is_pinned() && !folder.is_pinned());
}
