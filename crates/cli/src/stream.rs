//! Text that arrives in bytes, printed as soon as characters are whole.

use std::io::{self, Write};

/// Prints bytes as text. A character whose bytes come in several pieces is held back until it is whole.
pub struct TextStream<W> {
    to: W,
    held: Vec<u8>,
}

impl<W: Write> TextStream<W> {
    /// A stream that prints to `to`.
    pub fn new(to: W) -> Self {
        Self {
            to,
            held: Vec::new(),
        }
    }

    /// Takes some bytes and prints what is whole. Bytes that cannot become a character are printed as U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.held.extend_from_slice(bytes);
        let mut rest = self.held.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.to.write_all(text.as_bytes())?;
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    self.to.write_all(valid)?;
                    rest = after;
                    let Some(broken) = error.error_len() else {
                        break;
                    };
                    self.to.write_all("\u{fffd}".as_bytes())?;
                    rest = rest.get(broken..).unwrap_or_default();
                }
            }
        }
        self.held = rest.to_vec();
        self.to.flush()
    }

    /// Prints what is left, whole or not, and ends the line.
    pub fn finish(mut self) -> io::Result<()> {
        let rest = String::from_utf8_lossy(&self.held).into_owned();
        writeln!(self.to, "{rest}")?;
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_printed_once_whole() {
        let mut out = Vec::new();
        let mut stream = TextStream::new(&mut out);
        let fox = "🦊".as_bytes();
        stream.push(b"a ").unwrap();
        stream.push(&fox[..1]).unwrap();
        stream.push(&fox[1..3]).unwrap();
        assert_eq!(stream.to.as_slice(), b"a ");
        stream.push(&fox[3..]).unwrap();
        stream.push(b"\xff!").unwrap();
        stream.push(&fox[..2]).unwrap();
        stream.finish().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a 🦊\u{fffd}!\u{fffd}\n");
    }
}
