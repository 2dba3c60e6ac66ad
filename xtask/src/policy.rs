//! The site's content security policy. It is defined once, in the `meta` element of `index.html`; the headers that a host
//! should send are made from it.
//!
//! The element binds documents alone. A worker that is started from an address has the policy of its own response, so the
//! server sends one with every script. The service worker gets that of documents: it reaches nothing but its own site. The
//! other workers do all the networking, and people choose the hosts, so that their policy cannot name them: it allows any
//! http(s) host, and the package itself refuses those that nobody has chosen (`pkg/gate.js`).

/// Sources of `connect-src` for workers.
pub const WORKERS_CONNECT_TO: &str = "'self' https: http:";

const CONNECT: &str = "connect-src";

/// The values of the `Content-Security-Policy` headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// With documents and the service worker: the same as in the `meta` element of documents.
    pub documents: String,
    /// With scripts, which the browser heeds where they start a worker: the same with [`WORKERS_CONNECT_TO`].
    pub workers: String,
}

impl Policy {
    /// The policy that a document states in its `meta` element; `None` where it states none.
    pub fn stated_in(html: &str) -> Option<Self> {
        let (_, rest) = html.split_once("http-equiv=\"Content-Security-Policy\"")?;
        let (element, _) = rest.split_once('>')?;
        let (_, rest) = element.split_once("content=\"")?;
        let (documents, _) = rest.split_once('"')?;
        let directives = documents.split(';').map(str::trim);
        let workers: Vec<String> = directives
            .filter(|directive| !directive.is_empty())
            .map(|directive| match directive.split_whitespace().next() {
                Some(CONNECT) => format!("{CONNECT} {WORKERS_CONNECT_TO}"),
                _ => directive.to_owned(),
            })
            .collect();
        Some(Self {
            documents: documents.to_owned(),
            workers: workers.join("; "),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::paths::Paths;

    fn read(path: &str) -> String {
        fs::read_to_string(Paths::find().unwrap().root.join(path)).unwrap()
    }

    #[test]
    fn the_page_states_a_policy() {
        let policy = Policy::stated_in(&read("index.html")).unwrap();
        assert!(policy.documents.starts_with("default-src 'none'; "));
        for policy in [&policy.documents, &policy.workers] {
            assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';"));
            assert!(policy.contains("worker-src 'self';"));
            assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
        }
        assert!(policy.documents.contains("connect-src 'self';"));
        let expected = policy.documents.replace(
            "connect-src 'self';",
            &format!("connect-src {WORKERS_CONNECT_TO};"),
        );
        assert_eq!(policy.workers, expected);
    }

    #[test]
    fn the_documentation_gives_the_same_policies() {
        let policy = Policy::stated_in(&read("index.html")).unwrap();
        let hosting = read("docs/hosting.md");
        for policy in [&policy.documents, &policy.workers] {
            assert!(hosting.contains(&format!("\"{policy}\"")), "{policy}");
        }
    }

    #[test]
    fn a_document_without_one() {
        for html in [
            "",
            "<!doctype html><title>t</title>",
            "<meta http-equiv=\"Content-Security-Policy\">",
            "<meta http-equiv=\"Content-Security-Policy\" content=\"x",
        ] {
            assert_eq!(Policy::stated_in(html), None, "{html}");
        }
    }
}
