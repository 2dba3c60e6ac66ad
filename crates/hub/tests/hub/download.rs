//! Files come from a host into the cache once, whole, and again from there.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::common::{Fault, Server, blobs, bring, bytes, folder, hub, options};
use hub::{Address, Cache, Error, Token};

const WEIGHTS: &str = "a/b/resolve/main/x/weights.pt";

#[test]
fn a_file_is_downloaded_once() {
    let (server, cache) = (Server::start(), folder("once"));
    let weights = bytes(300_000, 1);
    server.publish("a/b", "x/weights.pt", &weights);
    server.publish("a/b", "x/cfg.json", b"{}");
    let options = options(&server, &cache);
    for address in ["a/b:x/weights.pt", "a/b:x/cfg.json"] {
        let path = bring(options.clone(), address).unwrap();
        assert!(path.starts_with(&cache));
    }
    let asked = server.asked();
    assert_eq!(
        asked,
        [
            "HEAD /a/b/resolve/main/x/weights.pt",
            "GET /a/b/resolve/main/x/weights.pt",
            "GET /linked/a/b/resolve/main/x/weights.pt",
            "HEAD /a/b/resolve/main/x/cfg.json",
            "GET /a/b/resolve/main/x/cfg.json",
        ]
    );
    // The next time the host is asked for changes only, and one hub asks once.
    let (hub, told) = hub(options.clone());
    let address = Address::parse("a/b:x/weights.pt", None).unwrap().unwrap();
    for _ in 0..2 {
        assert!(fs::read(hub.file(&address).unwrap()).unwrap() == weights);
    }
    assert!(told.borrow().is_empty());
    assert_eq!(server.asked(), ["HEAD /a/b/resolve/main/x/weights.pt"]);
    // The key is the contents' hash where the host says it.
    let kinds: Vec<String> = blobs(&cache)
        .iter()
        .map(|name| name[..4].to_owned())
        .collect();
    assert_eq!(kinds, ["etag", "sha2"]);
}

#[test]
fn one_content_of_two_addresses_lies_there_once() {
    let (server, cache) = (Server::start(), folder("shared"));
    server.publish("a/b", "x/weights.pt", &bytes(5000, 1));
    server.publish("a/c", "weights.pt", &bytes(5000, 1));
    let one = bring(options(&server, &cache), "a/b:x/weights.pt").unwrap();
    let other = bring(options(&server, &cache), "a/c:weights.pt").unwrap();
    assert_eq!(one, other);
    let bodies = server
        .asked()
        .into_iter()
        .filter(|asked| asked.starts_with("GET"));
    assert_eq!(bodies.count(), 2);
    let entries = Cache::new(cache).entries().unwrap();
    assert_eq!(entries[0].names, ["a/b:x/weights.pt", "a/c:weights.pt"]);
}

#[test]
fn without_the_network_the_cache_serves() {
    let (server, cache) = (Server::start(), folder("offline"));
    server.publish("a/b", "x/weights.pt", &bytes(5000, 1));
    server.publish("a/b", "other.pt", &bytes(5000, 2));
    let options = options(&server, &cache);
    let path = bring(options.clone(), "a/b:x/weights.pt").unwrap();
    server.asked();
    let mut offline = options.clone();
    offline.offline = true;
    assert_eq!(bring(offline.clone(), "a/b:x/weights.pt").unwrap(), path);
    let error = bring(offline.clone(), "a/b:other.pt").unwrap_err();
    assert_eq!(error.code(), "missing-file");
    let words = error.to_string();
    assert!(
        words.contains("a/b:other.pt") && words.contains("without --offline"),
        "{words}"
    );
    assert!(server.asked().is_empty());
    // A file that lost its end is not taken for whole, on neither side.
    fs::write(&path, b"short").unwrap();
    assert!(matches!(
        bring(offline, "a/b:x/weights.pt"),
        Err(Error::Offline { .. })
    ));
    assert_eq!(
        fs::read(bring(options, "a/b:x/weights.pt").unwrap()).unwrap(),
        bytes(5000, 1)
    );
}

#[test]
fn a_host_that_is_away_is_no_obstacle_for_what_is_cached() {
    let (server, cache) = (Server::start(), folder("away"));
    server.publish("a/b", "x/weights.pt", &bytes(5000, 1));
    let mut options = options(&server, &cache);
    let path = bring(options.clone(), "a/b:x/weights.pt").unwrap();
    server.spoil(WEIGHTS, Fault::Status(503, ""), 1);
    let (asker, told) = hub(options.clone());
    let address = Address::parse("a/b:x/weights.pt", None).unwrap().unwrap();
    assert_eq!(asker.file(&address).unwrap(), path);
    assert!(told.borrow()[0].contains("Unreachable") && told.borrow()[0].contains("503"));
    // Nobody listens there.
    options.base = "http://127.0.0.1:9".to_owned();
    let url = format!("{}/{WEIGHTS}", options.base);
    let error = bring(options, &url).unwrap_err();
    assert!(matches!(error, Error::Network { kept: 0, .. }), "{error}");
}

#[test]
fn a_host_that_is_away_is_not_waited_for_again() {
    let (server, cache) = (Server::start(), folder("away_for_all"));
    server.publish("a/b", "x/weights.pt", &bytes(5000, 1));
    let mut options = options(&server, &cache);
    bring(options.clone(), "a/b:x/weights.pt").unwrap();
    // The same host, of which nothing answers any more.
    server.spoil(WEIGHTS, Fault::Status(503, ""), 99);
    server.put("a/b/resolve/main/x/cfg.json", b"", false);
    server.spoil("a/b/resolve/main/x/cfg.json", Fault::Status(503, ""), 99);
    options.first_wait = Duration::from_secs(1000);
    let (asker, _) = hub(options);
    let at = |text: &str| Address::parse(text, None).unwrap().unwrap();
    asker.file(&at("a/b:x/weights.pt")).unwrap();
    // What may be there or not is taken as the cache has it, and what is needed is refused at once.
    assert_eq!(asker.find(&at("a/b:x/cfg.json")).unwrap(), None);
    let error = asker.file(&at("a/b:x/cfg.json")).unwrap_err();
    assert!(matches!(error, Error::Network { .. }), "{error}");
}

#[test]
fn a_commit_is_never_asked_for_twice() {
    let (server, cache) = (Server::start(), folder("pinned"));
    let commit = "0123456789abcdef0123456789abcdef01234567";
    server.put(&format!("a/b/resolve/{commit}/w.pt"), &bytes(5000, 1), true);
    let address = format!("a/b@{commit}:w.pt");
    bring(options(&server, &cache), &address).unwrap();
    server.asked();
    bring(options(&server, &cache), &address).unwrap();
    assert!(server.asked().is_empty());
}

#[test]
fn a_new_content_takes_the_place_of_the_old() {
    let (server, cache) = (Server::start(), folder("renewed"));
    let options = options(&server, &cache);
    for seed in [1, 2] {
        server.publish("a/b", "cfg.json", &bytes(5000, seed));
        let path = bring(options.clone(), "a/b:cfg.json").unwrap();
        assert_eq!(fs::read(path).unwrap(), bytes(5000, seed));
    }
    server.take("a/b/resolve/main/cfg.json");
    assert!(bring(options, "a/b:cfg.json").unwrap_err().is_not_found());
}

#[test]
fn plain_hosts_and_mirrors() {
    let (server, cache) = (Server::start(), folder("plain"));
    server.put("models/my gpt/config.json", b"{}", false);
    let url = format!("{}/models/my%20gpt/config.json?key=secret", server.url());
    let path = bring(options(&server, &cache), &url).unwrap();
    assert_eq!(fs::read(path).unwrap(), b"{}");
    let entries = Cache::new(cache.clone()).entries().unwrap();
    assert!(!entries[0].names[0].contains("secret"));
    // A mirror below a path, asked by name and by link.
    server.put("mirror/a/b/resolve/main/w.pt", &bytes(100, 1), false);
    let mut options = options(&server, &cache);
    options.base = format!("{}/mirror/", server.url());
    let one = bring(options.clone(), "a/b:w.pt").unwrap();
    let link = "https://huggingface.co/a/b/blob/main/w.pt";
    assert_eq!(bring(options.clone(), link).unwrap(), one);
    let link = format!("{}/mirror/a/b/tree/main/w.pt", server.url());
    assert_eq!(bring(options, &link).unwrap(), one);
}

#[test]
fn two_at_once_download_once() {
    let (server, cache) = (Server::start(), folder("two"));
    server.publish("a/b", "x/weights.pt", &bytes(50_000, 1));
    server.spoil(WEIGHTS, Fault::Slow(Duration::from_millis(10)), 1);
    let paths: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| bring(options(&server, &cache), "a/b:x/weights.pt").unwrap()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(
        paths
            .iter()
            .all(|path| fs::read(path).unwrap() == bytes(50_000, 1))
    );
    let bodies = server
        .asked()
        .into_iter()
        .filter(|asked| asked.starts_with("GET /linked"));
    assert_eq!(bodies.count(), 1);
    assert_eq!(blobs(&cache).len(), 1);
}

#[test]
fn entries_are_listed_and_deleted() {
    let (server, cache) = (Server::start(), folder("entries"));
    server.publish("a/b", "x/weights.pt", &bytes(50_000, 1));
    server.publish("a/b", "other.pt", &bytes(9000, 2));
    let mut options = options(&server, &cache);
    bring(options.clone(), "a/b:other.pt").unwrap();
    server.spoil(WEIGHTS, Fault::Cut(20_000), 9);
    options.tries = 1;
    bring(options, "a/b:x/weights.pt").unwrap_err();
    let listed = Cache::new(cache.clone());
    let entries = listed.entries().unwrap();
    let shown = |i: usize| {
        (
            entries[i].stored_bytes,
            entries[i].bytes,
            entries[i].complete,
        )
    };
    assert_eq!(shown(0), (20_000, Some(50_000), false));
    assert_eq!(shown(1), (9000, Some(9000), true));
    assert_eq!(entries[0].names, ["a/b:x/weights.pt"]);
    for entry in &entries {
        assert!(listed.delete(entry).unwrap());
    }
    assert!(blobs(&cache).is_empty() && listed.entries().unwrap().is_empty());
    assert_eq!(Cache::new(cache.join("nowhere")).entries().unwrap(), []);
}

#[test]
fn a_token_is_shown_to_its_own_host_only() {
    let (server, cache) = (Server::start(), folder("token"));
    server.publish("a/b", "x/weights.pt", &bytes(5000, 1));
    server.spoil(WEIGHTS, Fault::Elsewhere, 99);
    let here = server.url().replace("http://", "");
    let mut options = options(&server, &cache);
    // Of this host, with the weights on another.
    options.token = Token::of_host("hf_secret", &server.url());
    bring(options.clone(), "a/b:x/weights.pt").unwrap();
    let shown = format!("bearer hf_secret at {here}/{WEIGHTS}");
    assert_eq!(server.shown(), [shown.as_str(), shown.as_str()]);
    let asked = server.asked();
    assert!(
        asked.contains(&format!("GET /linked/{WEIGHTS}")),
        "{asked:?}"
    );
    // Of Hugging Face, and the repository is asked for at a mirror.
    options.cache = folder("token-mirror");
    options.token = Token::new("hf_secret");
    assert!(options.token.is_some());
    bring(options, "a/b:x/weights.pt").unwrap();
    assert_eq!(server.shown(), [""; 0]);
}
