//! Hosts and sizes of a download, for the question that comes before it.

use crate::format::bytes;
use crate::library::pace::Pace;

/// The host on which repositories are published.
const HUGGING_FACE: &str = "huggingface.co";

/// Files that would be downloaded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Download {
    hosts: Vec<String>,
    /// Bytes of those whose size is known.
    known: f64,
    /// Number of those whose size is not known before their host answers.
    unknown: usize,
    all: usize,
}

impl Download {
    /// One more part, from a host, with its size in bytes where that is known.
    pub fn add(&mut self, host: String, size: Option<f64>) {
        if !self.hosts.contains(&host) {
            self.hosts.push(host);
        }
        self.all += 1;
        match size {
            Some(size) => self.known += size,
            None => self.unknown += 1,
        }
    }

    /// Hosts, total size and time as a sentence; nothing where nothing is downloaded.
    pub fn sentence(&self, pace: &Pace) -> String {
        if self.all == 0 {
            return String::new();
        }
        let hosts = self.hosts.join(" and ");
        let size = match (self.unknown, self.all) {
            (0, _) => format!(
                "{} in all, {}",
                bytes(self.known),
                pace.sentence(self.known)
            ),
            (unknown, all) if unknown == all => {
                "its size is known once the host is asked".to_owned()
            }
            (unknown, all) => format!(
                "{} and {unknown} of {all} parts whose size is known once the host is asked",
                bytes(self.known)
            ),
        };
        format!("From {hosts}: {size}.")
    }
}

/// The host that repositories are taken from: a mirror's, or that where they are published.
pub fn repository_host(mirror: &str) -> String {
    host_of(mirror).unwrap_or(HUGGING_FACE).to_owned()
}

/// The host behind a link: an address, or a repository by its name.
pub fn link_host(link: &str, mirror: &str) -> String {
    host_of(link).map_or_else(|| repository_host(mirror), str::to_owned)
}

/// The host of an address, with its port.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(host.rsplit_once('@').map_or(host, |(_, host)| host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hosts_and_the_whole_size() {
        let pace = Pace::of(Some(7.49e6), None);
        let mut download = Download::default();
        assert_eq!(download.sentence(&pace), "");
        download.add(repository_host(""), Some(548e6));
        download.add(repository_host(""), Some(201e6));
        assert_eq!(
            download.sentence(&pace),
            "From huggingface.co: 749 MB in all, about 2 min at 7.5 MB/s, measured on the last download."
        );
        download.add(link_host("https://a.org/x.pt@blocks.1.hook_z", ""), None);
        assert_eq!(
            download.sentence(&pace),
            "From huggingface.co and a.org: 749 MB and 1 of 3 parts whose size is known once the host is asked."
        );
        let mut link = Download::default();
        link.add(link_host("owner/name:x.pt", "https://m.org:81/f"), None);
        assert_eq!(
            link.sentence(&pace),
            "From m.org:81: its size is known once the host is asked."
        );
    }

    #[test]
    fn a_host_is_named_without_name_and_password() {
        assert_eq!(host_of("https://me:pw@h.org/x@y"), Some("h.org"));
        assert_eq!(host_of("http://127.0.0.1:8000"), Some("127.0.0.1:8000"));
        assert_eq!(host_of("owner/name"), None);
    }
}
