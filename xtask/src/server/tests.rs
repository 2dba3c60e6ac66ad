//! The server over a real connection, and the parts that keep it inside its folder.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;

use super::Server;
use super::files::{Range, answer, decode, parse_range, resolve};
use super::request::{HEAD_LIMIT, Request};
use crate::paths::Paths;
use crate::policy::Policy;

/// A folder with a small site, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("xtask-server-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("pkg")).unwrap();
        fs::write(path.join("index.html"), "<!doctype html><title>t</title>").unwrap();
        fs::write(path.join("pkg/engine_bg.wasm"), b"\0asm0123456789").unwrap();
        fs::write(path.join("pkg/two words.json"), "{}").unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The answer to one request, and then to whatever else was sent on the same connection.
fn ask(address: &str, request: &str) -> String {
    let host = address
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn start(folder: &Folder, prefix: &str) -> String {
    let server = Server::bind(&folder.0, Some(0), prefix).unwrap();
    let address = server.address();
    thread::spawn(move || server.run());
    address
}

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n")
}

#[test]
fn files_come_with_their_types() {
    let folder = Folder::new("types");
    let address = start(&folder, "");
    let page = ask(&address, &get("/?prompt=a%20b#x", ""));
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("Content-Type: text/html; charset=utf-8\r\n"));
    assert!(page.contains("Cache-Control: no-cache\r\n"));
    assert!(page.ends_with("\r\n\r\n<!doctype html><title>t</title>"));
    let wasm = ask(&address, &get("/pkg/engine_bg.wasm", ""));
    assert!(wasm.contains("Content-Type: application/wasm\r\n"));
    let json = ask(&address, &get("/pkg/two%20words.json", ""));
    assert!(
        json.contains("Content-Type: application/json\r\n"),
        "{json}"
    );
}

#[test]
fn documents_and_scripts_come_with_the_policy_that_the_page_states() {
    let folder = Folder::new("policy");
    let page = fs::read_to_string(Paths::find().unwrap().root.join("index.html")).unwrap();
    fs::write(folder.0.join("index.html"), &page).unwrap();
    fs::write(folder.0.join("pkg/worker.js"), "1").unwrap();
    let policy = Policy::stated_in(&page).unwrap();
    let address = start(&folder, "");
    let header = |answer: &str| {
        answer
            .lines()
            .find_map(|line| line.strip_prefix("Content-Security-Policy: "))
            .map(str::to_owned)
    };
    let first = ask(&address, &get("/", ""));
    assert_eq!(header(&first), Some(policy.documents.clone()));
    let tag = first
        .lines()
        .find_map(|line| line.strip_prefix("ETag: "))
        .unwrap();
    let again = ask(&address, &get("/", &format!("If-None-Match: {tag}\r\n")));
    assert!(again.starts_with("HTTP/1.1 304"));
    assert_eq!(header(&again), Some(policy.documents));
    let script = ask(&address, &get("/pkg/worker.js", ""));
    assert_eq!(header(&script), Some(policy.workers));
    assert_eq!(
        header(&ask(&address, &get("/pkg/engine_bg.wasm", ""))),
        None
    );
}

#[test]
fn ranges_tags_and_heads() {
    let folder = Folder::new("ranges");
    let address = start(&folder, "");
    let part = ask(
        &address,
        &get("/pkg/engine_bg.wasm", "Range: bytes=4-6\r\n"),
    );
    assert!(part.starts_with("HTTP/1.1 206 Partial Content\r\n"));
    assert!(part.contains("Content-Range: bytes 4-6/14\r\n"));
    assert!(part.ends_with("\r\n\r\n012"));
    let outside = ask(
        &address,
        &get("/pkg/engine_bg.wasm", "Range: bytes=14-\r\n"),
    );
    assert!(outside.starts_with("HTTP/1.1 416"), "{outside}");

    let head = ask(&address, &get("/", "").replacen("GET", "HEAD", 1));
    assert!(head.contains("Content-Length: 31\r\n") && head.ends_with("\r\n\r\n"));
    let tag = head
        .lines()
        .find_map(|line| line.strip_prefix("ETag: "))
        .unwrap();
    let same = ask(&address, &get("/", &format!("If-None-Match: {tag}\r\n")));
    assert!(same.starts_with("HTTP/1.1 304 Not Modified\r\n"));
    assert!(same.ends_with("\r\n\r\n"));
    // A range of another version of the file is no use: the whole is sent.
    let whole = ask(
        &address,
        &get("/", "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n"),
    );
    assert!(whole.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn one_connection_answers_many_requests() {
    let folder = Folder::new("keep");
    let address = start(&folder, "");
    let first = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let both = ask(&address, &format!("{first}{}", get("/missing", "")));
    assert_eq!(both.matches("HTTP/1.1 200").count(), 1);
    assert_eq!(both.matches("HTTP/1.1 404").count(), 1);
}

#[test]
fn a_site_below_a_path() {
    let folder = Folder::new("prefix");
    let address = start(&folder, "/some/path/");
    assert!(address.ends_with("/some/path/"));
    assert!(ask(&address, &get("/some/path/", "")).starts_with("HTTP/1.1 200"));
    assert!(ask(&address, &get("/some/path", "")).contains("Location: /some/path/\r\n"));
    assert!(ask(&address, &get("/some/path/pkg", "")).contains("Location: /some/path/pkg/\r\n"));
    assert!(ask(&address, &get("/", "")).starts_with("HTTP/1.1 404"));
}

#[test]
fn what_is_not_understood_is_refused() {
    let folder = Folder::new("refused");
    let address = start(&folder, "");
    assert!(ask(&address, "hello\r\n\r\n").starts_with("HTTP/1.1 400"));
    // Exactly as much as is read, so that the connection closes in order and the answer arrives.
    let line = "GET / HTTP/1.1\r\n";
    let long = "x".repeat(HEAD_LIMIT as usize - line.len());
    assert!(ask(&address, &format!("{line}{long}")).starts_with("HTTP/1.1 431"));
    let post = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi";
    assert!(ask(&address, post).starts_with("HTTP/1.1 405"));
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let folder = Folder::new("inside");
    for target in [
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/pkg/..%2f..%2fCargo.toml",
        "/..%5cCargo.toml",
        "/C:/windows",
        "/.git/config",
        "/%00",
        "/%ff",
        "/%2",
        "no-slash",
    ] {
        let request = Request {
            method: "GET".to_owned(),
            target: target.to_owned(),
            ..Request::default()
        };
        assert_eq!(
            answer(&folder.0, "", None, &request).status(),
            404,
            "{target}"
        );
    }
    assert_eq!(
        resolve(Path::new("/s"), "//a//b"),
        Some(PathBuf::from("/s/a/b"))
    );
    assert_eq!(decode("/a%20b%C3%A9"), Some("/a bé".to_owned()));
}

#[test]
fn byte_ranges() {
    let part = |start, length| Range::Part { start, length };
    assert_eq!(parse_range("bytes=0-0", 10), part(0, 1));
    assert_eq!(parse_range("bytes=2-", 10), part(2, 8));
    assert_eq!(parse_range("bytes=-3", 10), part(7, 3));
    assert_eq!(parse_range("bytes=-30", 10), part(0, 10));
    assert_eq!(parse_range("bytes=5-99", 10), part(5, 5));
    assert_eq!(parse_range("bytes=10-", 10), Range::Outside);
    assert_eq!(parse_range("bytes=-0", 10), Range::Outside);
    assert_eq!(parse_range("bytes=0-", 0), Range::Outside);
    for odd in [
        "bytes=5-2",
        "bytes=0-1,3-4",
        "lines=0-1",
        "bytes=-",
        "bytes",
    ] {
        assert_eq!(parse_range(odd, 10), Range::Ignored, "{odd}");
    }
}
