//! Access tokens.

use std::fmt;

use crate::address::HUGGING_FACE;

/// An access token of one host: it is sent there and nowhere else, neither to a mirror nor to where a redirect leads.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    header: String,
    origin: String,
}

impl Token {
    /// A token of Hugging Face, as `HF_TOKEN` holds it; spaces around it do not count. None where it is empty, or cannot
    /// be sent in a header.
    pub fn new(text: &str) -> Option<Self> {
        Self::of_host(text, HUGGING_FACE)
    }

    /// A token of the host at this address.
    pub fn of_host(text: &str, url: &str) -> Option<Self> {
        let text = text.trim();
        let sound = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        sound.then(|| Self {
            header: format!("Bearer {text}"),
            origin: origin(url),
        })
    }

    /// Value of the header `authorization` for a request to this address; None for another host than the token's own.
    pub(crate) fn header_for(&self, url: &str) -> Option<&str> {
        (origin(url) == self.origin).then_some(&self.header)
    }
}

/// A token is never shown.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token of {}", self.origin)
    }
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_to_its_own_host_only() {
        let token = Token::new(" hf_secret\n").unwrap();
        assert_eq!(
            token.header_for("https://HuggingFace.co/a/b/resolve/main/x?y"),
            Some("Bearer hf_secret")
        );
        for url in [
            "http://huggingface.co/a/b",
            "https://huggingface.co:8443/a/b",
            "https://huggingface.co.example/a/b",
            "https://cdn-lfs.huggingface.co/a/b",
            "https://huggingface.co@example.org/a/b",
            "https://huggingface.co\\@example.org/a/b",
            "https://example.org/huggingface.co",
            "https://example.org?https://huggingface.co/a",
        ] {
            assert_eq!(token.header_for(url), None, "{url}");
        }
    }

    #[test]
    fn texts_that_are_not_tokens() {
        for text in ["", "  ", "two words", "line\r\nhost: x", "ü"] {
            assert_eq!(Token::new(text), None, "{text:?}");
        }
    }

    #[test]
    fn it_is_not_shown() {
        let token = Token::new("hf_secret").unwrap();
        assert!(!format!("{token:?}").contains("hf_secret"));
    }
}
