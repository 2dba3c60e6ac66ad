//! A host on this machine that publishes files as Hugging Face does, and misbehaves where told to.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use std::{fs, io};

use sha2::{Digest as _, Sha256};

/// What a host does wrong with a file, each time that it is asked for it.
#[derive(Debug, Clone, PartialEq)]
#[allow(dead_code, reason = "each test file uses some of these")]
pub enum Fault {
    /// Answers with this status, and with this header where there is one.
    Status(u16, &'static str),
    /// As above, but only to HEAD.
    StatusOfHead(u16),
    /// Redirects to itself.
    Loop,
    /// Redirects to another name of this machine.
    Elsewhere,
    /// Announces a size that no disk has.
    Huge,
    /// Sends it whole, whatever range is asked for.
    NoRange,
    /// Answers 416 to any range.
    RangeRefused,
    /// Names no ETag.
    NoEtag,
    /// Announces one byte more than there is, and links to it as such.
    WrongLength,
    /// Cuts the connection after so many bytes of a body.
    Cut(usize),
    /// Changes the last byte, and announces the hash of what it was.
    Damage,
    /// Has another content every time a body is asked for.
    Change,
    /// Sends a web page in its place.
    Page,
    /// Waits before every kilobyte.
    Slow(Duration),
    /// Accepts the connection and sends nothing.
    Silent(Duration),
}

/// A file of the host.
#[derive(Debug, Clone)]
struct Published {
    bytes: Vec<u8>,
    /// Whether it is kept apart and redirected to, as large files are.
    linked: bool,
    /// What goes wrong, and how many times more.
    fault: Option<(Fault, usize)>,
}

#[derive(Debug, Default)]
struct State {
    /// By path, without the first slash.
    files: HashMap<String, Published>,
    /// `METHOD /path range`.
    asked: Vec<String>,
    /// `TOKEN at HOST/path`, of each request with a token.
    shown: Vec<String>,
}

/// The host; it lives as long as the test.
pub struct Server {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[allow(dead_code, reason = "each test file uses some of these")]
impl Server {
    /// A host without files.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that goes away is no failure of the host.
                thread::spawn(move || drop(serve(&stream, &state)));
            }
        });
        Self { port, state }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Publishes a file of a repository on its main branch. Weights are linked, texts are not.
    pub fn publish(&self, repo: &str, path: &str, bytes: &[u8]) {
        let linked = !path.ends_with(".json") && !path.ends_with(".txt");
        self.put(&format!("{repo}/resolve/main/{path}"), bytes, linked);
    }

    /// Publishes a folder's files in a repository.
    pub fn publish_folder(&self, repo: &str, under: &str, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let name = [under, name].join(if under.is_empty() { "" } else { "/" });
            self.publish(repo, &name, &fs::read(&path).unwrap());
        }
    }

    /// Publishes a file at any path.
    pub fn put(&self, path: &str, bytes: &[u8], linked: bool) {
        let file = Published {
            bytes: bytes.to_vec(),
            linked,
            fault: None,
        };
        self.state
            .lock()
            .unwrap()
            .files
            .insert(path.to_owned(), file);
    }

    /// Takes a file away.
    pub fn take(&self, path: &str) {
        self.state.lock().unwrap().files.remove(path).unwrap();
    }

    /// Lets something go wrong with a file so many times.
    pub fn spoil(&self, path: &str, fault: Fault, times: usize) {
        let mut state = self.state.lock().unwrap();
        state.files.get_mut(path).unwrap().fault = Some((fault, times));
    }

    /// The tokens that were shown since the last time, and where.
    pub fn shown(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().shown)
    }

    /// What was asked for since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn serve(mut stream: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or("/"));
    let (mut from, mut host, mut token) = (None, String::new(), None);
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse::<usize>().ok();
        }
        if let Some(name) = line.strip_prefix("host: ") {
            name.clone_into(&mut host);
        }
        if let Some(words) = line.strip_prefix("authorization: ") {
            token = Some(words.to_owned());
        }
    }
    let path = target.split('?').next().unwrap_or_default();
    let path = path.trim_start_matches('/').replace("%20", " ");
    let is_head = method == "HEAD";
    let (file, listing, is_linked) = {
        let mut state = state.lock().unwrap();
        let range = from.map_or_else(String::new, |from| format!(" {from}-"));
        state.asked.push(format!("{method} /{path}{range}"));
        if let Some(token) = token {
            state.shown.push(format!("{token} at {host}/{path}"));
        }
        let (key, is_linked) = match path.strip_prefix("linked/") {
            Some(key) => (key, true),
            None => (path.as_str(), false),
        };
        let listing = listing(&state, &path);
        let file = state.files.get_mut(key).map(|file| {
            let mut now = file.clone();
            let for_body_only = matches!(
                now.fault,
                Some((
                    Fault::Cut(_)
                        | Fault::Damage
                        | Fault::Change
                        | Fault::Slow(_)
                        | Fault::NoRange
                        | Fault::RangeRefused,
                    _
                ))
            );
            let for_head_only = matches!(now.fault, Some((Fault::StatusOfHead(_), _)));
            let redirects = now.linked && !is_linked;
            let applies = !(for_body_only && (is_head || redirects)) && (is_head || !for_head_only);
            match &mut file.fault {
                Some((Fault::Change, times)) if applies && *times > 0 => {
                    *times -= 1;
                    file.bytes[0] = file.bytes[0].wrapping_add(1);
                    now.bytes.clone_from(&file.bytes);
                }
                Some((_, times)) if applies && *times > 0 => *times -= 1,
                _ => now.fault = None,
            }
            now
        });
        (file, listing, is_linked)
    };
    let status = |mut stream: &TcpStream, status: u16, header: &str| {
        let header = if header.is_empty() {
            String::new()
        } else {
            format!("{header}\r\n")
        };
        write!(
            stream,
            "HTTP/1.1 {status} x\r\n{header}content-length: 0\r\nconnection: close\r\n\r\n"
        )
    };
    let Some(file) = file else {
        let Some(listing) = listing else {
            return status(stream, 404, "x-error-message: Entry not found");
        };
        let length = listing.len();
        return write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{listing}"
        );
    };
    let fault = file.fault.map(|(fault, _)| fault);
    let size = file.bytes.len() + usize::from(fault == Some(Fault::WrongLength));
    let hash = sha256(&file.bytes);
    match fault {
        Some(Fault::Status(code, header)) => return status(stream, code, header),
        Some(Fault::StatusOfHead(code)) => return status(stream, code, ""),
        Some(Fault::Loop) => return status(stream, 302, &format!("location: {target}")),
        Some(Fault::RangeRefused) if from.is_some() => return status(stream, 416, ""),
        Some(Fault::Page) => {
            return write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close\r\n\r\n<html>"
            );
        }
        Some(Fault::Silent(time)) => {
            thread::sleep(time);
            return Ok(());
        }
        _ => {}
    }
    if file.linked && !is_linked {
        let size = match fault {
            Some(Fault::Huge) => 1 << 50,
            _ => size,
        };
        let other = match fault {
            Some(Fault::Elsewhere) => format!("http://{}", host.replace("127.0.0.1", "localhost")),
            _ => String::new(),
        };
        return status(
            stream,
            302,
            &format!(
                "x-linked-etag: \"{hash}\"\r\nx-linked-size: {size}\r\nlocation: {other}/linked/{path}"
            ),
        );
    }
    let mut head = "connection: close\r\n".to_owned();
    if fault != Some(Fault::NoEtag) {
        // As Git names a file, and as a store of objects does: neither is the hash of the contents.
        head += &format!("etag: \"{}\"\r\n", &hash[..40]);
    }
    let start = from.filter(|_| fault != Some(Fault::NoRange)).unwrap_or(0);
    let mut body = file.bytes.get(start..).unwrap_or_default().to_vec();
    if fault == Some(Fault::Damage)
        && let Some(last) = body.last_mut()
    {
        *last = last.wrapping_add(1);
    }
    let length = file.bytes.len().saturating_sub(start);
    head += &format!("content-length: {length}\r\n");
    if from.is_some() && fault != Some(Fault::NoRange) {
        let (end, all) = (file.bytes.len().saturating_sub(1), file.bytes.len());
        head += &format!("content-range: bytes {start}-{end}/{all}\r\n");
        write!(stream, "HTTP/1.1 206 Partial Content\r\n{head}\r\n")?;
    } else {
        write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n")?;
    }
    if is_head {
        return Ok(());
    }
    match fault {
        Some(Fault::Cut(after)) => stream.write_all(body.get(..after).unwrap_or(&body)),
        Some(Fault::Slow(time)) => body.chunks(1024).try_for_each(|piece| {
            thread::sleep(time);
            stream.write_all(piece)
        }),
        _ => stream.write_all(&body),
    }
}

/// `api/models/{repo}/tree/main[/folder]` as JSON, if there is such a folder.
fn listing(state: &State, path: &str) -> Option<String> {
    let (repo, folder) = path.strip_prefix("api/models/")?.split_once("/tree/main")?;
    let under = match folder.trim_matches('/') {
        "" => format!("{repo}/resolve/main/"),
        folder => format!("{repo}/resolve/main/{folder}/"),
    };
    let mut items: Vec<String> = state
        .files
        .keys()
        .filter_map(|key| {
            let rest = key.strip_prefix(&under)?;
            let inside = folder.trim_matches('/');
            let whole = |name: &str| {
                if inside.is_empty() {
                    name.to_owned()
                } else {
                    format!("{inside}/{name}")
                }
            };
            Some(match rest.split_once('/') {
                Some((name, _)) => format!(r#"{{"type":"directory","path":"{}"}}"#, whole(name)),
                None => format!(r#"{{"type":"file","path":"{}","size":1}}"#, whole(rest)),
            })
        })
        .collect();
    items.sort();
    items.dedup();
    (!items.is_empty()).then(|| format!("[{}]", items.join(",")))
}
