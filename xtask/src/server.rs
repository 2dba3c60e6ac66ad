//! A small server for one folder of static files, on this machine only.
//!
//! It answers GET and HEAD with the right types and the page's content security policy, conditional requests by entity tag, and single byte ranges, one thread a
//! connection. That is all that the page and its tests ask of a host.

mod files;
mod request;

use std::fs;
use std::io::{self, BufReader, BufWriter, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::policy::Policy;
use files::Answer;
use request::{ReadError, Request};

const DEFAULT_PORT: u16 = 8080;
/// How many ports after the default one are tried before giving up.
const PORTS_TRIED: u16 = 20;
/// How long an idle connection is kept.
const READ_LIMIT: Duration = Duration::from_secs(30);
const WRITE_LIMIT: Duration = Duration::from_secs(60);

/// A listening server.
pub struct Server {
    listener: TcpListener,
    port: u16,
    site: Arc<Site>,
}

/// What is served, and below which path.
struct Site {
    folder: PathBuf,
    /// `""` or `"/some/path"`.
    prefix: String,
    /// What the page states, for the headers.
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
        let prefix = prefix.trim_matches('/');
        Ok(Self {
            port: listener.local_addr()?.port(),
            listener,
            site: Arc::new(Site {
                folder: folder.to_path_buf(),
                prefix: if prefix.is_empty() {
                    String::new()
                } else {
                    format!("/{prefix}")
                },
                policy: Policy::stated_in(&html),
            }),
        })
    }

    /// The address of the page.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}{}/", self.port, self.site.prefix)
    }

    /// Serves until the process ends.
    pub fn run(&self) -> Result<()> {
        loop {
            // A connection that fails while it is being accepted is the other side's affair.
            let Ok((stream, _)) = self.listener.accept() else {
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            let site = Arc::clone(&self.site);
            thread::spawn(move || {
                // A browser that goes away in the middle of a file is not an error of the server.
                let _ = converse(&stream, &site);
            });
        }
    }
}

/// Answers one request after the other until the connection is closed.
fn converse(stream: &TcpStream, site: &Site) -> io::Result<()> {
    stream.set_read_timeout(Some(READ_LIMIT))?;
    stream.set_write_timeout(Some(WRITE_LIMIT))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = BufWriter::new(stream);
    loop {
        let (answer, keep, head_only) = match Request::read(&mut reader) {
            Ok(None) => return Ok(()),
            Ok(Some(request)) => (
                files::answer(&site.folder, &site.prefix, site.policy.as_ref(), &request),
                request.keep_alive,
                request.method == "HEAD",
            ),
            Err(ReadError::Broken(error)) => return Err(error),
            Err(ReadError::Malformed(status)) => (Answer::text(status), false, false),
        };
        answer.write(&mut writer, keep, head_only)?;
        writer.flush()?;
        if !keep {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
