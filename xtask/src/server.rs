//! Server of one folder of static files, on this machine only.
//!
//! `tower_http` finds, compresses and sends the files: media types, ranges, entity tags, conditional requests. Added here are the
//! site's content security policy, its caching, a path below which the site appears, and the refusal of hidden files.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, IF_RANGE,
    LOCATION, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, Version};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use percent_encoding::percent_decode_str;
use tower_http::compression::CompressionLayer;
use tower_http::services::ServeDir;

use crate::policy::Policy;
use crate::site::assets;

/// The path of the element's script, which articles of other sites import.
const ELEMENT: &str = "/sae-explorer.js";

/// The service worker's path. No other script has the documents' policy.
const SERVICE_WORKER: &str = "/sw.js";

const DEFAULT_PORT: u16 = 8080;
/// Number of ports after the default one that are tried.
const PORTS_TRIED: u16 = 20;
/// Bytes that are read from a file at once.
const CHUNK: usize = 1 << 20;

/// A listening server.
pub struct Server {
    listener: TcpListener,
    port: u16,
    site: Arc<Site>,
}

/// The served files, and the path below which they appear.
struct Site {
    files: ServeDir,
    /// `""` or `"/some/path"`.
    prefix: String,
    /// The policy that the page states, for the headers.
    policy: Option<Policy>,
}

impl Server {
    /// Listens on `port` (0: any free one), or on 8080 or the next free one when none is given.
    pub fn bind(folder: &Path, port: Option<u16>, prefix: &str) -> Result<Self> {
        let page = folder.join("index.html");
        if !page.is_file() {
            bail!(
                "{} has no index.html: run `cargo xtask build`",
                folder.display()
            );
        }
        let html = fs::read_to_string(&page)
            .with_context(|| format!("could not read {}", page.display()))?;
        let listen = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let listener = match port {
            Some(port) => listen(port).with_context(|| format!("could not listen on port {port}")),
            None => (DEFAULT_PORT..DEFAULT_PORT + PORTS_TRIED)
                .find_map(|port| listen(port).ok())
                .context("no free port was found; name one with --port"),
        }?;
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("/{prefix}"),
        };
        Ok(Self {
            port: listener.local_addr()?.port(),
            listener,
            site: Arc::new(Site {
                files: ServeDir::new(folder)
                    .redirect_path_prefix(&prefix)
                    .ignore_multi_range_requests(true)
                    .with_buf_chunk_size(CHUNK),
                prefix,
                policy: Policy::stated_in(&html),
            }),
        })
    }

    /// The address of the page.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}{}/", self.port, self.site.prefix)
    }

    /// Serves until the process ends.
    pub fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("could not start the server's threads")?;
        runtime.block_on(async {
            self.listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(self.listener)?.tap_io(|stream| {
                // Without it small answers may wait for the browser's acknowledgements; they arrive all the same.
                let _ = stream.set_nodelay(true);
            });
            let site = self.site;
            let answer = move |request| {
                let site = Arc::clone(&site);
                async move { site.answer(request).await }
            };
            let compression = CompressionLayer::new().compress_when(is_compressed);
            let router = Router::new().fallback(answer).layer(compression);
            Ok(axum::serve(listener, router).await?)
        })
    }
}

impl Site {
    async fn answer(&self, mut request: Request) -> Response {
        let path = request.uri().path().to_owned();
        if !path.is_empty() && path == self.prefix {
            let root = [(LOCATION, format!("{path}/"))];
            return (StatusCode::MOVED_PERMANENTLY, root).into_response();
        }
        let relative = path.strip_prefix(&self.prefix);
        let allowed = relative.filter(|path| path.starts_with('/') && !is_refused(path));
        let Some((relative, uri)) =
            allowed.and_then(|path| Some((path, path.parse::<Uri>().ok()?)))
        else {
            return StatusCode::NOT_FOUND.into_response();
        };
        *request.uri_mut() = uri;
        // The files' server does not compare the tag; the whole file is always a correct answer.
        if request.headers().contains_key(IF_RANGE) {
            request.headers_mut().remove(RANGE);
        }
        let mut files = self.files.clone();
        // What cannot be opened is not there for a browser.
        let Ok(response) = files.try_call(request).await else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let mut response = response.map(Body::new);
        self.add_headers(relative, response.headers_mut());
        response
    }

    fn add_headers(&self, path: &str, headers: &mut HeaderMap) {
        let policy = self.policy.as_ref().and_then(|policy| {
            let ending = path.rsplit_once('.').map(|(_, ending)| ending);
            match ending {
                _ if path.ends_with('/') => Some(&policy.documents),
                // The service worker reaches its own site only: what workers ask of other hosts passes it by.
                // Other documents, such as the example of an article, state their own.
                Some("html") if path.ends_with("/index.html") => Some(&policy.documents),
                _ if path == SERVICE_WORKER => Some(&policy.documents),
                Some("js" | "mjs") => Some(&policy.workers),
                _ => None,
            }
        });
        if let Some(policy) = policy {
            set(headers, CONTENT_SECURITY_POLICY, policy);
        }
        if path == ELEMENT {
            set(headers, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        }
        set(headers, CACHE_CONTROL, caching(path));
        set(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        if let Some(kind) = kind.filter(|kind| kind.starts_with("text/")) {
            let kind = format!("{kind}; charset=utf-8");
            set(headers, CONTENT_TYPE, &kind);
        }
    }
}

/// Caching of a file. One whose name carries a hash of its content never changes; of any other the browser asks each time, so that a
/// rebuilt page is seen at once.
fn caching(path: &str) -> &'static str {
    let hashed = path
        .strip_prefix('/')
        .and_then(|path| path.strip_prefix(assets::FOLDER)?.strip_prefix('/'))
        .is_some_and(|file| assets::unhashed(file).is_some());
    if hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    }
}

/// True for code and texts. Weights hardly become smaller, and a part of a compressed file would be of no use.
fn is_compressed(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kinds = [
        "text/",
        "application/wasm",
        "application/json",
        "image/svg+xml",
    ];
    kinds.iter().any(|start| kind.starts_with(start))
}

/// Sets a header, unless the value cannot be one.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// True for a path to a hidden file, and for one that some system takes for a path out of the folder.
fn is_refused(path: &str) -> bool {
    path.split('/').any(|segment| {
        let segment: Vec<u8> = percent_decode_str(segment).collect();
        let mut segments = segment.split(|byte| *byte == b'/');
        segments.any(|name| name.starts_with(b".")) || segment.iter().any(|b| b"\\:\0".contains(b))
    })
}

#[cfg(test)]
mod tests;
