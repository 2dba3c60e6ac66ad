//! Hosts that misbehave: what can be mended is, the rest is said by name, and nothing half-written is ever used.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::common::{Fault, Server, blobs, bring, bytes, folder, hub, options};
use hub::{Address, Error};

const WEIGHTS: &str = "a/b/resolve/main/weights.pt";

/// A host that spoils a file of 50,000 bytes so many times.
fn spoilt(fault: Fault, times: usize) -> Server {
    let server = Server::start();
    server.publish("a/b", "weights.pt", &bytes(50_000, 1));
    server.spoil(WEIGHTS, fault, times);
    server
}

/// Sees the file arrive although it is spoilt so many times; the bodies that were asked for.
fn mended(name: &str, fault: Fault, times: usize) -> Vec<String> {
    let (server, cache) = (spoilt(fault, times), folder(name));
    arrives(&server, &cache);
    let asked = server.asked().into_iter();
    asked
        .filter_map(|asked| Some(asked.strip_prefix("GET /linked/")?.to_owned()))
        .collect()
}

fn arrives(server: &Server, cache: &Path) {
    let path = bring(options(server, cache), "a/b:weights.pt").unwrap();
    assert!(fs::read(path).unwrap() == bytes(50_000, 1));
}

/// Sees the file refused with this code and these words, and nothing that could be taken for it.
fn refused(name: &str, fault: Fault, code: &str, words: &[&str]) -> Error {
    let (server, cache) = (spoilt(fault, 99), folder(name));
    let error = bring(options(&server, &cache), "a/b:weights.pt").unwrap_err();
    let said = error.to_string();
    assert_eq!(error.code(), code, "{said}");
    for word in [&["a/b:weights.pt"], words].concat() {
        assert!(said.contains(word), "`{said}` should say {word}");
    }
    if cache.join("blobs").exists() {
        assert!(blobs(&cache).iter().all(|name| name.ends_with(".part")));
    }
    let mut offline = options(&server, &cache);
    offline.offline = true;
    let cached = bring(offline, "a/b:weights.pt");
    assert!(matches!(cached, Err(Error::Offline { .. })));
    // And when the host has come to its senses, it arrives.
    server.spoil(WEIGHTS, Fault::Page, 0);
    arrives(&server, &cache);
    error
}

#[test]
fn what_is_missing_and_what_lies_near() {
    let (server, cache) = (Server::start(), folder("missing"));
    for layer in 0..12 {
        server.publish("a/b", &format!("v5_32k_layer_{layer}.pt/cfg.json"), b"{}");
    }
    server.publish("a/b", "README.txt", b"");
    let error = bring(options(&server, &cache), "a/b:v5_32k_layer_12.pt/cfg.json").unwrap_err();
    assert!(error.is_not_found());
    let said = error.to_string();
    assert!(
        said.starts_with("a/b:v5_32k_layer_12.pt/cfg.json is not there: Entry not found"),
        "{said}"
    );
    assert!(
        said.contains("there are: v5_32k_layer_1.pt/, v5_32k_layer_10.pt/"),
        "{said}"
    );
    assert!(said.contains("and 5 more"), "{said}");
}

#[test]
fn statuses() {
    refused(
        "gone",
        Fault::Status(404, ""),
        "missing-file",
        &["status 404", "there are: weights.pt"],
    );
    let gated = Fault::Status(403, "x-error-message: Access to model a/b is restricted");
    refused(
        "gated",
        gated,
        "network",
        &["status 403", "Access to model a/b is restricted", "gated"],
    );
    refused(
        "unauthorised",
        Fault::Status(401, ""),
        "network",
        &["status 401", "misspelt"],
    );
    refused("teapot", Fault::Status(418, ""), "network", &["status 418"]);
    refused(
        "down",
        Fault::Status(503, "retry-after: 0"),
        "network",
        &["status 503"],
    );
    refused(
        "page",
        Fault::Page,
        "missing-file",
        &["a web page in its place"],
    );
}

#[test]
fn redirects() {
    refused(
        "loop",
        Fault::Loop,
        "network",
        &["redirected more than 10 times"],
    );
    refused(
        "nowhere",
        Fault::Status(302, ""),
        "network",
        &["redirected to nowhere"],
    );
    refused(
        "scheme",
        Fault::Status(302, "location: file:///etc/x"),
        "network",
        &["file:///etc/x"],
    );
}

#[test]
fn a_busy_host_is_asked_again() {
    let bodies = mended("busy", Fault::Status(429, "retry-after: 0"), 2);
    assert_eq!(bodies, [WEIGHTS]);
}

#[test]
fn a_host_without_head() {
    for status in [403, 405, 501] {
        mended(&format!("head_{status}"), Fault::StatusOfHead(status), 1);
    }
}

#[test]
fn a_cut_connection_goes_on_where_it_was_cut() {
    let bodies = mended("cut", Fault::Cut(20_000), 2);
    assert_eq!(
        bodies,
        [
            WEIGHTS.to_owned(),
            format!("{WEIGHTS} 20000-"),
            format!("{WEIGHTS} 40000-")
        ]
    );
}

#[test]
fn a_stopped_download_goes_on_the_next_time() {
    let (server, cache) = (spoilt(Fault::Cut(20_000), 1), folder("stopped"));
    let mut impatient = options(&server, &cache);
    impatient.tries = 1;
    let error = bring(impatient, "a/b:weights.pt").unwrap_err();
    assert!(
        matches!(error, Error::Network { kept: 20_000, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("cut"), "{error}");
    server.asked();
    let (hub, told) = hub(options(&server, &cache));
    let address = Address::parse("a/b:weights.pt", None).unwrap().unwrap();
    let path = hub.file(&address).unwrap();
    assert!(fs::read(path).unwrap() == bytes(50_000, 1));
    assert!(told.borrow()[0].contains("from: 20000"), "{told:?}");
    assert_eq!(
        server.asked().last().unwrap(),
        &format!("GET /linked/{WEIGHTS} 20000-")
    );
}

#[test]
fn a_host_without_ranges_starts_anew() {
    for (name, fault) in [
        ("no_range", Fault::NoRange),
        ("range_refused", Fault::RangeRefused),
    ] {
        let (server, cache) = (spoilt(Fault::Cut(20_000), 1), folder(name));
        let mut impatient = options(&server, &cache);
        impatient.tries = 1;
        bring(impatient, "a/b:weights.pt").unwrap_err();
        server.spoil(WEIGHTS, fault, 1);
        arrives(&server, &cache);
    }
}

#[test]
fn without_an_etag_nothing_is_pieced_together() {
    let (server, cache) = (Server::start(), folder("no_etag"));
    server.put("weights.pt", &bytes(50_000, 1), false);
    server.spoil("weights.pt", Fault::NoEtag, 99);
    let url = format!("{}/weights.pt", server.url());
    let path = bring(options(&server, &cache), &url).unwrap();
    // What a stopped download would leave.
    fs::rename(&path, path.with_extension("part")).unwrap();
    server.asked();
    let path = bring(options(&server, &cache), &url).unwrap();
    assert!(fs::read(path).unwrap() == bytes(50_000, 1));
    assert_eq!(server.asked(), ["HEAD /weights.pt", "GET /weights.pt"]);
}

#[test]
fn a_part_that_was_tampered_with_is_thrown_away() {
    let (server, cache) = (spoilt(Fault::Cut(20_000), 1), folder("tampered"));
    let mut impatient = options(&server, &cache);
    impatient.tries = 1;
    bring(impatient, "a/b:weights.pt").unwrap_err();
    let part = cache.join("blobs").join(&blobs(&cache)[0]);
    let kept = fs::read(&part).unwrap().len();
    fs::write(&part, bytes(kept, 7)).unwrap();
    arrives(&server, &cache);
    // One that is longer than the file as well.
    let path = cache.join("blobs").join(&blobs(&cache)[0]);
    fs::remove_file(path).unwrap();
    fs::write(&part, bytes(60_000, 7)).unwrap();
    arrives(&server, &cache);
}

#[test]
fn what_changes_under_way_is_fetched_anew() {
    let (server, cache) = (Server::start(), folder("changed"));
    server.publish("a/b", "weights.pt", &bytes(50_000, 1));
    server.spoil(WEIGHTS, Fault::Cut(20_000), 1);
    let mut impatient = options(&server, &cache);
    impatient.tries = 1;
    bring(impatient, "a/b:weights.pt").unwrap_err();
    // Another content between the first part and the second.
    server.publish("a/b", "weights.pt", &bytes(50_000, 2));
    let path = bring(options(&server, &cache), "a/b:weights.pt").unwrap();
    assert!(fs::read(path).unwrap() == bytes(50_000, 2));
    // One that changes between the question and the answer, on a host that links to nothing.
    server.put("plain.pt", &bytes(50_000, 1), false);
    server.spoil("plain.pt", Fault::Change, 1);
    let url = format!("{}/plain.pt", server.url());
    let path = bring(options(&server, &cache), &url).unwrap();
    assert!(fs::read(path).unwrap()[1..] == bytes(50_000, 1)[1..]);
    server.spoil("plain.pt", Fault::Change, 99);
    let error = bring(options(&server, &folder("changing")), &url).unwrap_err();
    assert_eq!(error.code(), "file-changed");
}

#[test]
fn contents_are_verified() {
    refused(
        "damaged",
        Fault::Damage,
        "bad-file",
        &["damaged", "SHA-256"],
    );
    refused(
        "length",
        Fault::WrongLength,
        "network",
        &["50001 bytes were announced and 50000"],
    );
}

#[test]
fn silence_and_slowness() {
    let (server, cache) = (
        spoilt(Fault::Silent(Duration::from_secs(3)), 99),
        folder("silent"),
    );
    let mut hasty = options(&server, &cache);
    (hasty.silence, hasty.tries) = (Duration::from_millis(200), 2);
    let error = bring(hasty.clone(), "a/b:weights.pt").unwrap_err();
    assert!(
        error.to_string().contains("has sent nothing for 0.2 s"),
        "{error}"
    );
    // However slow it is, a host that goes on sending is not given up.
    server.spoil(WEIGHTS, Fault::Slow(Duration::from_millis(20)), 1);
    let path = bring(hasty, "a/b:weights.pt").unwrap();
    assert!(fs::read(path).unwrap() == bytes(50_000, 1));
}

#[test]
fn a_cache_that_cannot_be_written() {
    let (server, cache) = (Server::start(), folder("unwritable").join("file"));
    server.publish("a/b", "weights.pt", &bytes(50_000, 1));
    fs::write(&cache, b"").unwrap();
    let error = bring(options(&server, &cache), "a/b:weights.pt").unwrap_err();
    assert_eq!(error.code(), "output");
    assert!(error.to_string().contains("--cache"), "{error}");
}

#[test]
fn what_no_disk_holds_is_refused_before_its_first_byte() {
    let error = refused(
        "huge",
        Fault::Huge,
        "quota",
        &["1125899906842624 bytes", "are free", "--cache"],
    );
    assert!(matches!(error, Error::NoSpace { free: Some(_), .. }));
    let (server, cache) = (spoilt(Fault::Huge, 99), folder("huge-asked"));
    bring(options(&server, &cache), "a/b:weights.pt").unwrap_err();
    assert_eq!(server.asked(), [format!("HEAD /{WEIGHTS}")]);
}
