//! From a request to the bytes of a file.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::request::Request;
use crate::policy::Policy;

/// A status, its headers and what follows them.
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

enum Body {
    /// None, not even a length: 304.
    None,
    Text(String),
    File {
        file: File,
        start: u64,
        length: u64,
    },
}

impl Answer {
    /// A status with its name as text.
    pub fn text(status: u16) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "text/plain; charset=utf-8".to_owned())],
            body: Body::Text(format!("{status} {}\n", reason(status))),
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The status, for tests.
    #[cfg(test)]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Writes head and body; the head alone where `head_only`.
    pub fn write(self, writer: &mut impl Write, keep: bool, head_only: bool) -> io::Result<()> {
        write!(
            writer,
            "HTTP/1.1 {} {}\r\n",
            self.status,
            reason(self.status)
        )?;
        for (name, value) in &self.headers {
            write!(writer, "{name}: {value}\r\n")?;
        }
        match &self.body {
            Body::None => {}
            Body::Text(text) => write!(writer, "Content-Length: {}\r\n", text.len())?,
            Body::File { length, .. } => write!(writer, "Content-Length: {length}\r\n")?,
        }
        let connection = if keep { "keep-alive" } else { "close" };
        write!(
            writer,
            "Connection: {connection}\r\nX-Content-Type-Options: nosniff\r\n\r\n"
        )?;
        if head_only {
            return Ok(());
        }
        match self.body {
            Body::None => Ok(()),
            Body::Text(text) => writer.write_all(text.as_bytes()),
            Body::File {
                mut file,
                start,
                length,
            } => {
                file.seek(SeekFrom::Start(start))?;
                let copied = io::copy(&mut file.take(length), writer)?;
                // A file that shrank meanwhile: the promised length cannot be kept, so the connection must end.
                if copied < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(())
            }
        }
    }
}

/// Answers a request for a file of `folder`, which appears below `prefix` (`""` or `"/path"`). Documents and scripts come
/// with their policy.
pub fn answer(folder: &Path, prefix: &str, policy: Option<&Policy>, request: &Request) -> Answer {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Answer::text(405).with("Allow", "GET, HEAD");
    }
    let target = request.target.split(['?', '#']).next().unwrap_or_default();
    if target == prefix {
        return Answer::text(301).with("Location", format!("{prefix}/"));
    }
    let Some(relative) = target.strip_prefix(prefix).and_then(decode) else {
        return Answer::text(404);
    };
    let Some(mut path) = resolve(folder, &relative) else {
        return Answer::text(404);
    };
    if path.is_dir() {
        if !relative.ends_with('/') {
            return Answer::text(301).with("Location", format!("{target}/"));
        }
        path.push("index.html");
    }
    match File::open(&path) {
        Ok(file) => serve(&path, file, policy, request).unwrap_or_else(|_| Answer::text(500)),
        Err(_) => Answer::text(404),
    }
}

fn serve(
    path: &Path,
    file: File,
    policy: Option<&Policy>,
    request: &Request,
) -> io::Result<Answer> {
    let data = file.metadata()?;
    let size = data.len();
    let tag = entity_tag(&data);
    let fresh = |value: &str| {
        value
            .split(',')
            .any(|candidate| candidate.trim().trim_start_matches("W/") == tag)
    };
    let kind = media_type(path);
    let policy = policy.and_then(|policy| match kind.split(';').next() {
        Some("text/html") => Some(&policy.documents),
        Some("text/javascript") => Some(&policy.workers),
        _ => None,
    });
    let plain = |status, body| {
        let answer = Answer {
            status,
            headers: vec![
                // The browser keeps files but asks each time, so that a rebuilt page is seen at once.
                ("Cache-Control", "no-cache".to_owned()),
                ("ETag", tag.clone()),
            ],
            body,
        };
        match policy {
            Some(policy) => answer.with("Content-Security-Policy", policy),
            None => answer,
        }
    };
    if request.if_none_match.as_deref().is_some_and(fresh) {
        return Ok(plain(304, Body::None));
    }
    let ranged = request
        .range
        .as_deref()
        .filter(|_| request.if_range.as_deref().is_none_or(fresh));
    let whole = |file| {
        plain(
            200,
            Body::File {
                file,
                start: 0,
                length: size,
            },
        )
    };
    let answer = match ranged.map(|value| parse_range(value, size)) {
        None | Some(Range::Ignored) => whole(file),
        Some(Range::Part { start, length }) => plain(
            206,
            Body::File {
                file,
                start,
                length,
            },
        )
        .with(
            "Content-Range",
            format!("bytes {start}-{}/{size}", start + length - 1),
        ),
        Some(Range::Outside) => {
            return Ok(Answer::text(416).with("Content-Range", format!("bytes */{size}")));
        }
    };
    Ok(answer
        .with("Content-Type", kind)
        .with("Accept-Ranges", "bytes"))
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// `length` is at least 1.
    Part { start: u64, length: u64 },
    /// Nothing of the file lies in it.
    Outside,
    /// Several ranges, or another unit: the whole file is a correct answer.
    Ignored,
}

/// `bytes=2-5`, `bytes=2-` or `bytes=-5` of a file of `size` bytes.
pub(super) fn parse_range(value: &str, size: u64) -> Range {
    let Some((first, last)) = value
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Range::Ignored;
    };
    let (start, end) = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(start), Ok(last)) if last >= start => (start, last.saturating_add(1).min(size)),
        (Ok(start), Err(_)) if last.trim().is_empty() => (start, size),
        (Err(_), Ok(count)) if first.trim().is_empty() => (size.saturating_sub(count), size),
        _ => return Range::Ignored,
    };
    if start >= end {
        return Range::Outside;
    }
    Range::Part {
        start,
        length: end - start,
    }
}

/// The file below `folder`, or `None` for a path that could lead out of it.
pub(super) fn resolve(folder: &Path, relative: &str) -> Option<PathBuf> {
    let mut path = folder.to_path_buf();
    for part in relative.split('/').filter(|part| !part.is_empty()) {
        if part.starts_with('.') || part.contains(['\\', ':', '\0']) {
            return None;
        }
        path.push(part);
    }
    Some(path)
}

/// Undoes percent-encoding; `None` where it is malformed or not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn entity_tag(data: &fs::Metadata) -> String {
    let changed = data
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |time| time.as_nanos());
    format!("\"{:x}-{changed:x}\"", data.len())
}

fn media_type(path: &Path) -> &'static str {
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending.unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "md" | "txt" | "ts" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        416 => "Range Not Satisfiable",
        431 => "Request Header Fields Too Large",
        _ => "Internal Server Error",
    }
}
