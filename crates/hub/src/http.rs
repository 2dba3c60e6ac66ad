//! HTTP requests, with redirects followed by hand: Hugging Face describes a file in the first answer and sends it from
//! another host in the last.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use ureq::http::{HeaderMap, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};

use crate::cache::is_sha256;
use crate::error::{Error, printable};
use crate::redirect::redirected;
use crate::token::Token;

/// Redirects that are followed for one request.
const REDIRECTS: usize = 10;

/// A request that failed.
pub(crate) enum Failure {
    /// Another try may succeed.
    Passing {
        /// The failure in words.
        reason: String,
        /// The wait that the host requests.
        wait: Option<Duration>,
    },
    /// No other try can succeed.
    Lasting(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Lasting(error)
    }
}

impl Failure {
    fn passing(reason: String) -> Self {
        Self::Passing { reason, wait: None }
    }
}

/// Method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// The headers alone.
    Head,
    /// The contents from this byte on.
    Get(u64),
}

/// A host's answer: status 200 or 206, or 416 where a range was requested.
pub(crate) struct Answer {
    /// Identification of the contents: the hash that the host links to, else its ETag, else the time of the last change.
    pub validator: Option<String>,
    /// The whole file's size in bytes.
    pub size: Option<u64>,
    /// First byte of the body in the file; None where the host cannot give the requested range.
    pub start: Option<u64>,
    /// The body.
    pub response: Response<Body>,
}

impl Answer {
    /// The contents' SHA-256, where the host states it.
    pub fn sha256(&self) -> Option<&str> {
        self.validator.as_deref().filter(|hash| is_sha256(hash))
    }
}

/// Sends requests.
pub(crate) struct Client {
    /// Uses the proxy that the environment names, if any.
    agent: Agent,
    /// Uses no proxy: for hosts on this machine.
    direct: Agent,
    silence: Duration,
    token: Option<Token>,
}

impl Client {
    /// A client with a time limit for a host that sends nothing, and a token for its own host.
    pub fn new(silence: Duration, token: Option<Token>) -> Self {
        let agent = |proxy: Option<Proxy>| -> Agent {
            let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
            let config = Agent::config_builder()
                .proxy(proxy)
                .tls_config(tls.build())
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .timeout_resolve(Some(silence))
                .timeout_connect(Some(silence))
                .timeout_recv_response(Some(silence))
                .timeout_per_read(Some(silence))
                // Lengths and ranges are those of the file itself.
                .accept_encoding("identity")
                .user_agent(concat!("sae-explorer/", env!("CARGO_PKG_VERSION")));
            config.build().into()
        };
        Self {
            agent: agent(Proxy::try_from_env()),
            direct: agent(None),
            silence,
            token,
        }
    }

    /// Requests a file. `name` stands for it in errors.
    pub fn request(&self, method: Method, url: &str, name: &str) -> Result<Answer, Failure> {
        let mut url = url.to_owned();
        let (mut linked, mut linked_size) = (None, None);
        for _ in 0..=REDIRECTS {
            let agent = if is_here(host(&url)) {
                &self.direct
            } else {
                &self.agent
            };
            let request = match method {
                Method::Head => agent.head(&url),
                Method::Get(_) => agent.get(&url),
            };
            let request = match method {
                Method::Get(from) if from > 0 => request.header("range", format!("bytes={from}-")),
                _ => request,
            };
            let token = self.token.as_ref();
            let request = match token.and_then(|token| token.header_for(&url)) {
                Some(token) => request.header("authorization", token),
                None => request,
            };
            let response = request
                .call()
                .map_err(|error| self.failure(error, &url, name))?;
            let headers = response.headers();
            linked = linked.or_else(|| validator(headers, "x-linked-etag"));
            linked_size = linked_size.or_else(|| number(headers, "x-linked-size"));
            let status = response.status().as_u16();
            let is_redirect = matches!(status, 301 | 302 | 303 | 307 | 308);
            // Everything that a HEAD is for is known, and addresses that are signed for GET refuse it.
            if is_redirect && method == Method::Head && linked.is_some() && linked_size.is_some() {
                return Ok(Answer {
                    validator: linked,
                    size: linked_size,
                    start: None,
                    response,
                });
            }
            if is_redirect {
                url = redirected(&url, text(headers, "location"), name)?;
                continue;
            }
            return answer(response, method, &url, name, linked, linked_size);
        }
        let reason = format!("it is redirected more than {REDIRECTS} times");
        Err(Error::host(name, reason).into())
    }

    /// A small text, such as a listing. None where it cannot be downloaded.
    pub fn text(&self, url: &str) -> Option<String> {
        let mut answer = self.request(Method::Get(0), url, url).ok()?;
        answer.response.body_mut().read_to_string().ok()
    }

    /// The failure that an error of a request is.
    fn failure(&self, error: ureq::Error, url: &str, name: &str) -> Failure {
        let host = host(url);
        let lasting = |reason: String| {
            Failure::Lasting(Error::Network {
                name: name.to_owned(),
                reason,
                kept: 0,
            })
        };
        let unknown = || {
            lasting(format!(
                "the host {host} is not known; is there a network, and is the name right?"
            ))
        };
        let insecure = |reason: &dyn std::fmt::Display| {
            lasting(format!("the connection to {host} is not secure: {reason}"))
        };
        match error {
            ureq::Error::HostNotFound => unknown(),
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => Error::Address {
                given: name.to_owned(),
                reason: "it is no valid address".to_owned(),
            }
            .into(),
            ureq::Error::Rustls(source) => insecure(&source),
            // Errors of the TLS handshake have this kind, and no others.
            ureq::Error::Io(source) if source.kind() == io::ErrorKind::InvalidData => {
                insecure(&source)
            }
            // Errors of the system's resolver have no kind of their own.
            ureq::Error::Io(source) if source.to_string().contains("lookup address") => unknown(),
            ureq::Error::Io(source) => Failure::passing(format!("{host}: {source}")),
            ureq::Error::Timeout(_) => Failure::passing(self.silent(host)),
            other => Failure::passing(format!("{host}: {other}")),
        }
    }

    /// The sentence for a failed read of a body.
    pub fn broken(&self, error: io::Error) -> String {
        match ureq::Error::from(error) {
            ureq::Error::Timeout(_) => self.silent("the host"),
            ureq::Error::Io(error) => format!("the connection was cut ({error})"),
            other => format!("the connection was cut ({other})"),
        }
    }

    fn silent(&self, host: &str) -> String {
        format!(
            "{host} has sent nothing for {} s",
            self.silence.as_secs_f32()
        )
    }
}

fn answer(
    response: Response<Body>,
    method: Method,
    url: &str,
    name: &str,
    linked: Option<String>,
    linked_size: Option<u64>,
) -> Result<Answer, Failure> {
    let headers = response.headers();
    let status = response.status().as_u16();
    let said = || match text(headers, "x-error-message") {
        Some(words) => printable(words),
        None => format!("the host answered with status {status}"),
    };
    let name = name.to_owned();
    match status {
        200 | 206 => {}
        416 if method != Method::Head => {}
        404 | 410 => {
            let said = said();
            let near = Vec::new();
            return Err(Error::NotFound { name, said, near }.into());
        }
        401 | 403 => {
            let said = said();
            return Err(Error::Refused { name, status, said }.into());
        }
        408 | 425 | 429 | 500.. => {
            let seconds = number(headers, "retry-after");
            return Err(Failure::Passing {
                reason: format!("{} answered with status {status}", host(url)),
                wait: seconds.map(Duration::from_secs),
            });
        }
        _ => return Err(Error::Status { name, status }.into()),
    }
    // Sign-in pages, and hosts that answer any address with their front page or a folder's listing.
    if text(headers, "content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        let said = "the host has a web page in its place".to_owned();
        let near = Vec::new();
        return Err(Error::NotFound { name, said, near }.into());
    }
    if text(headers, "content-encoding").is_some_and(|encoding| encoding != "identity") {
        let reason = "it is sent compressed although that was not requested";
        return Err(Error::host(&name, reason.to_owned()).into());
    }
    let length = number(headers, "content-length");
    let range = text(headers, "content-range").and_then(content_range);
    let (start, sent) = match (status, range) {
        (206, Some((start, size))) => (Some(start), size),
        (200, _) => (Some(0), length),
        _ => (None, None),
    };
    if let (Some(expected), Some(found)) = (linked_size, sent)
        && expected != found
    {
        return Err(Error::WrongLength {
            name,
            expected,
            found,
        }
        .into());
    }
    Ok(Answer {
        validator: linked
            .or_else(|| validator(headers, "etag"))
            .or_else(|| validator(headers, "last-modified")),
        size: linked_size.or(sent),
        start,
        response,
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

/// A validator without its quotes and without the mark of a weak one.
fn validator(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = text(headers, name)?.trim();
    let value = value.strip_prefix("W/").unwrap_or(value).trim_matches('"');
    (!value.is_empty()).then(|| value.to_owned())
}

/// `bytes START-END/SIZE`: where it begins, and the whole size where it is said.
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, size.trim().parse().ok()))
}

/// The host and the port of an address.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// True for a host on this machine.
fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address = name.parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_on_this_machine() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:80",
        ] {
            assert!(is_here(host), "{host}");
        }
        for host in [
            "huggingface.co",
            "10.0.0.1",
            "[2001:db8::1]:80",
            "localhost.example",
            "",
        ] {
            assert!(!is_here(host), "{host}");
        }
    }

    #[test]
    fn lasting_failures_are_not_tried_again() {
        let client = Client::new(Duration::from_secs(1), None);
        let lookup = io::Error::other("failed to lookup address information: try again");
        let handshake = io::Error::new(io::ErrorKind::InvalidData, "UnknownIssuer");
        for (error, words) in [
            (ureq::Error::HostNotFound, "the host host is not known"),
            (lookup.into(), "the host host is not known"),
            (handshake.into(), "not secure: UnknownIssuer"),
        ] {
            let Failure::Lasting(error) = client.failure(error, "https://host/x", "a/b:x") else {
                panic!("{words}");
            };
            assert!(error.to_string().contains(words), "{error}");
        }
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let failure = client.failure(refused.into(), "https://host/x", "a/b:x");
        assert!(matches!(failure, Failure::Passing { .. }));
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        assert_eq!(content_range("bytes */10"), None);
        assert_eq!(content_range("lines 1-2/3"), None);
    }
}
