//! Reading the head of an HTTP/1.1 request.

use std::io::{self, BufRead, Read};

/// The longest head that is read, in bytes. A browser's request for a file takes a few hundred bytes; cookies of other local servers may add some thousands.
pub const HEAD_LIMIT: u64 = 32 * 1024;

/// What the server uses of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// The target as sent, with its query.
    pub target: String,
    /// Whether the connection stays open afterwards.
    pub keep_alive: bool,
    /// The value of `Range`.
    pub range: Option<String>,
    /// The value of `If-None-Match`.
    pub if_none_match: Option<String>,
    /// The value of `If-Range`.
    pub if_range: Option<String>,
}

/// Why there is no request.
pub enum ReadError {
    /// The connection failed or idled too long.
    Broken(io::Error),
    /// It was not HTTP as this server reads it: the status to answer with.
    Malformed(u16),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl Request {
    /// The next request, or `None` when the connection was closed instead.
    pub fn read(reader: &mut impl BufRead) -> Result<Option<Self>, ReadError> {
        let mut head = reader.take(HEAD_LIMIT);
        let mut line = Vec::new();
        // Lenient as the standard asks: empty lines before a request are skipped.
        while line.is_empty() {
            if !read_line(&mut head, &mut line)? {
                return Ok(None);
            }
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        let mut words = text.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(ReadError::Malformed(400));
        };
        let mut request = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            keep_alive: version == "HTTP/1.1",
            ..Self::default()
        };
        loop {
            if !read_line(&mut head, &mut line)? {
                // Either the limit was reached or the other side stopped in the middle.
                return Err(ReadError::Malformed(431));
            }
            if line.is_empty() {
                return Ok(Some(request));
            }
            let text = String::from_utf8_lossy(&line);
            let Some((name, value)) = text.split_once(':') else {
                return Err(ReadError::Malformed(400));
            };
            request.header(&name.to_ascii_lowercase(), value.trim());
        }
    }

    fn header(&mut self, name: &str, value: &str) {
        match name {
            "range" => self.range = Some(value.to_owned()),
            "if-none-match" => self.if_none_match = Some(value.to_owned()),
            "if-range" => self.if_range = Some(value.to_owned()),
            "connection" if value.eq_ignore_ascii_case("close") => self.keep_alive = false,
            // A body is never read, so nothing after it can be understood.
            "content-length" if value != "0" => self.keep_alive = false,
            "transfer-encoding" => self.keep_alive = false,
            _ => {}
        }
    }
}

/// One line without its end; false when there is none, or none that ends.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    reader.read_until(b'\n', line)?;
    if line.pop() != Some(b'\n') {
        return Ok(false);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(true)
}
