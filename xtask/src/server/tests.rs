//! The server over a real connection.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread;

use super::Server;
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
    assert!(page.contains("content-type: text/html; charset=utf-8\r\n"));
    assert!(page.contains("cache-control: no-cache\r\n"));
    assert!(page.ends_with("\r\n\r\n<!doctype html><title>t</title>"));
    let wasm = ask(&address, &get("/pkg/engine_bg.wasm", ""));
    assert!(wasm.contains("content-type: application/wasm\r\n"));
    let json = ask(&address, &get("/pkg/two%20words.json", ""));
    assert!(
        json.contains("content-type: application/json\r\n"),
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
            .find_map(|line| line.strip_prefix("content-security-policy: "))
            .map(str::to_owned)
    };
    let first = ask(&address, &get("/", ""));
    assert_eq!(header(&first), Some(policy.documents.clone()));
    let tag = first
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
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
    // The example of an article states its own policy, and articles of other sites import the element.
    fs::write(folder.0.join("embed.html"), "<!doctype html>").unwrap();
    fs::write(folder.0.join("sae-explorer.js"), "1").unwrap();
    assert_eq!(header(&ask(&address, &get("/embed.html", ""))), None);
    let shared = |answer: String| answer.contains("access-control-allow-origin: *\r\n");
    assert!(shared(ask(&address, &get("/sae-explorer.js", ""))));
    assert!(!shared(ask(&address, &get("/pkg/worker.js", ""))));
}

#[test]
fn hashed_names_are_kept_and_code_is_compressed() {
    let folder = Folder::new("kept");
    fs::create_dir_all(folder.0.join("assets")).unwrap();
    for name in [
        "engine-0123456789.wasm",
        "engine.wasm",
        "weights-0123456789.bin",
    ] {
        fs::write(folder.0.join("assets").join(name), [b'a'; 5000]).unwrap();
    }
    let address = start(&folder, "");
    let compressed = "Accept-Encoding: gzip\r\n";
    let kept = ask(&address, &get("/assets/engine-0123456789.wasm", compressed));
    assert!(kept.contains("cache-control: public, max-age=31536000, immutable\r\n"));
    assert!(
        kept.contains("content-encoding: gzip\r\n") && kept.len() < 1000,
        "{kept}"
    );
    let asked = ask(&address, &get("/assets/engine.wasm", ""));
    assert!(asked.contains("cache-control: no-cache\r\n"));
    assert!(asked.ends_with(&"a".repeat(5000)));
    let weights = ask(&address, &get("/assets/weights-0123456789.bin", compressed));
    assert!(weights.contains("content-length: 5000\r\n"), "{weights}");
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
    assert!(part.contains("content-range: bytes 4-6/14\r\n"));
    assert!(part.ends_with("\r\n\r\n012"));
    let outside = ask(
        &address,
        &get("/pkg/engine_bg.wasm", "Range: bytes=14-\r\n"),
    );
    assert!(outside.starts_with("HTTP/1.1 416"), "{outside}");

    let head = ask(&address, &get("/", "").replacen("GET", "HEAD", 1));
    assert!(head.contains("content-length: 31\r\n") && head.ends_with("\r\n\r\n"));
    let tag = head
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
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
    assert!(ask(&address, &get("/some/path", "")).contains("location: /some/path/\r\n"));
    assert!(ask(&address, &get("/some/path/pkg", "")).contains("location: /some/path/pkg/\r\n"));
    assert!(ask(&address, &get("/", "")).starts_with("HTTP/1.1 404"));
}

#[test]
fn what_is_not_understood_is_refused() {
    let folder = Folder::new("refused");
    let address = start(&folder, "");
    assert!(ask(&address, "hello\r\n\r\n").starts_with("HTTP/1.1 400"));
    let headers = "X: x\r\n".repeat(200);
    assert!(ask(&address, &get("/", &headers)).starts_with("HTTP/1.1 431"));
    let post = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    assert!(ask(&address, post).starts_with("HTTP/1.1 405"));
}

#[test]
fn no_path_leads_out_of_the_folder_or_to_hidden_files() {
    let folder = Folder::new("inside");
    fs::create_dir_all(folder.0.join(".git")).unwrap();
    fs::write(folder.0.join(".git/config"), "secret").unwrap();
    let beside = Folder::new("beside");
    let name = beside.0.file_name().unwrap().to_str().unwrap();
    let address = start(&folder, "");
    assert!(ask(&address, &get("//pkg//two%20words.json", "")).ends_with("\r\n\r\n{}"));
    for target in [
        format!("/../{name}/index.html"),
        format!("/%2e%2e/{name}/index.html"),
        format!("/pkg/..%2f..%2f{name}/index.html"),
        format!("/..%5c{name}%5cindex.html"),
        format!("/{}/index.html", beside.0.display()),
        "/C:/windows".to_owned(),
        "/.git/config".to_owned(),
        "/%2egit/config".to_owned(),
        "/pkg%2f..%2f.git/config".to_owned(),
        "/%00".to_owned(),
        "/%ff".to_owned(),
        "/%2".to_owned(),
    ] {
        let answer = ask(&address, &get(&target, ""));
        assert!(answer.starts_with("HTTP/1.1 404"), "{target}: {answer}");
    }
    assert!(ask(&address, &get("no-slash", "")).starts_with("HTTP/1.1 4"));
}

#[test]
fn byte_ranges() {
    let folder = Folder::new("byte-ranges");
    let address = start(&folder, "");
    for (range, status, bytes) in [
        ("0-0", 206, "\0"),
        ("4-", 206, "0123456789"),
        ("-3", 206, "789"),
        ("12-99", 206, "89"),
        ("14-", 416, ""),
        ("5-2", 416, ""),
    ] {
        let answer = ask(
            &address,
            &get("/pkg/engine_bg.wasm", &format!("Range: bytes={range}\r\n")),
        );
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{range}: {answer}"
        );
        if status == 206 {
            assert!(
                answer.ends_with(&format!("\r\n\r\n{bytes}")),
                "{range}: {answer}"
            );
        }
    }
}
