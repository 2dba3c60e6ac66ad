//! The document of a page in one file: `index.html` with everything in it that it names.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use crate::site::assets::digits;

/// Hosts that the page's policy lets it and its workers reach: those of Hugging Face, for models that somebody asks for.
/// `web/single-file-worker.js` has the same, for a message.
const HOSTS: [&str; 3] = ["huggingface.co", "*.huggingface.co", "*.hf.co"];

/// What stands in `index.html` in the place of its version.
const UNBUILT: &str = "data-version=\"unbuilt\"";

/// The content of a document.
pub struct Parts<'a> {
    /// `index.html`, with the recorded trace in its places.
    pub page: &'a str,
    /// The style sheet.
    pub style: &'a str,
    /// The icon, as SVG.
    pub icon: &'a str,
    /// The script that says what keeps the page from starting.
    pub guard: &'a str,
    /// The module that starts the page.
    pub script: &'a str,
    /// What the file does not have, for people.
    pub lacks: &'a str,
    /// Elements with files, of [`element`].
    pub files: &'a [String],
}

/// A file as an element.
pub fn element(path: &str, planes: bool, text: &str) -> String {
    let planes = if planes { " data-planes=\"2\"" } else { "" };
    format!(
        "<script type=\"application/octet-stream\" data-file=\"{path}\"{planes}>{text}</script>\n"
    )
}

/// The whole document.
pub fn document(parts: &Parts) -> Result<String> {
    for (name, code, end) in [
        ("the guard", parts.guard, "</script"),
        ("the page's script", parts.script, "</script"),
        ("the style sheet", parts.style, "</style"),
    ] {
        let lower = code.to_ascii_lowercase();
        ensure!(
            !lower.contains(end) && !lower.contains("<!--"),
            "{name} has {end} or <!-- in it, with which it would end in a page"
        );
    }
    let mut named = String::with_capacity(parts.page.len());
    for line in parts.page.lines() {
        // What is in the file needs no link, and what installs a page none from a disk.
        if !line.starts_with("<link ")
            && line != "<script type=\"module\" src=\"boot.js\"></script>"
        {
            named.push_str(line);
            named.push('\n');
        }
    }
    let mut links = named.split(" href=\"").skip(1);
    let outside = links.find(|rest| !rest.starts_with('#'));
    if let Some(rest) = outside {
        let address = rest.split('"').next().unwrap_or_default();
        bail!("the page in one file would name another: {address}");
    }
    let files: String = parts.files.concat();
    let version = digits(format!("{}{}{files}", parts.page, parts.script).as_bytes());
    let icon = utf8_percent_encode(parts.icon, NON_ALPHANUMERIC);
    let changes = [
        (
            UNBUILT,
            format!(
                "data-version=\"{version}\" data-files=\"{}\" data-lacks=\"{}\"",
                parts.files.len(),
                escaped(parts.lacks)
            ),
        ),
        (
            "<script src=\"guard.js\"></script>",
            format!(
                "<link rel=\"icon\" href=\"data:image/svg+xml,{icon}\">\n<style>{}</style>\n<script>{}</script>",
                parts.style, parts.guard
            ),
        ),
        (
            "</body>",
            format!(
                "{files}<script type=\"module\">{}</script>\n</body>",
                parts.script
            ),
        ),
    ];
    let policy = policy(parts);
    let mut page = with_policy(&named, &policy)?;
    for (place, content) in changes {
        ensure!(
            page.matches(place).count() == 1,
            "index.html has not exactly one {place}"
        );
        page = page.replacen(place, &content, 1);
    }
    Ok(page)
}

/// Strict as a site's: scripts and styles by their hashes, workers from memory.
fn policy(parts: &Parts) -> String {
    let hosts = HOSTS.map(|host| format!("https://{host}")).join(" ");
    let [guard, script, style] = [parts.guard, parts.script, parts.style].map(hash);
    format!(
        "default-src 'none'; script-src {guard} {script} 'wasm-unsafe-eval'; worker-src blob:; connect-src {hosts}; style-src {style}; img-src data:; base-uri 'none'; form-action 'none'"
    )
}

fn hash(code: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(code)))
}

/// The page with another policy in the place of its own.
fn with_policy(page: &str, policy: &str) -> Result<String> {
    let start = "http-equiv=\"Content-Security-Policy\" content=\"";
    let (before, rest) = page
        .split_once(start)
        .context("index.html states no policy")?;
    let (_, after) = rest
        .split_once('"')
        .context("index.html has an unfinished policy")?;
    let mut page = String::with_capacity(page.len() + policy.len());
    // Writing into a string does not fail.
    let _ = write!(page, "{before}{start}{policy}\"{after}");
    Ok(page)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::paths::Paths;

    fn parts<'a>(page: &'a str, files: &'a [String]) -> Parts<'a> {
        Parts {
            page,
            style: "a {}",
            icon: "<svg/>",
            guard: "let guard = '<p>';",
            script: "start()",
            lacks: "It lacks \"x\".",
            files,
        }
    }

    fn index() -> String {
        fs::read_to_string(Paths::find().unwrap().root.join("index.html")).unwrap()
    }

    #[test]
    fn a_document_names_nothing_outside_of_it() {
        let index = index();
        let files = [
            element("assets/a.wasm", false, "text"),
            element("b", true, ""),
        ];
        let html = document(&parts(&index, &files)).unwrap();
        for piece in html.split(['<', ' ']) {
            let outside = piece.starts_with("src=") || piece.starts_with("href=\"assets");
            assert!(!outside, "{piece}");
        }
        assert_eq!(html.matches("<link ").count(), 1, "the icon alone");
        assert!(html.contains("data-files=\"2\" data-lacks=\"It lacks &quot;x&quot;.\""));
        assert!(html.contains("data-file=\"b\" data-planes=\"2\"></script>"));
        assert!(html.find("data-file").unwrap() < html.find("start()").unwrap());
        let policy = crate::policy::Policy::stated_in(&html).unwrap().documents;
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
        assert!(!policy.contains("'self'") && !policy.contains(" https: "));
        // Of `start()`, by openssl dgst -sha256 -binary | base64.
        assert!(
            policy.contains("'sha256-DIm7WJS6ZKDYe5qFLPy+h4JFI9Bol5QmYC57mt3Fb00='"),
            "{policy}"
        );
    }

    #[test]
    fn what_would_end_a_script_is_refused() {
        let index = index();
        let script = parts(&index, &[]);
        for bad in ["'</SCRIPT>'", "'<!--'"] {
            let refused = document(&Parts {
                script: bad,
                ..script
            });
            assert!(format!("{:#}", refused.unwrap_err()).contains("the page's script"));
        }
        assert!(document(&parts("<html>", &[])).is_err());
    }

    #[test]
    fn the_workers_know_the_policys_hosts() {
        let script = Paths::find()
            .unwrap()
            .root
            .join("web/single-file-worker.js");
        let script = fs::read_to_string(script).unwrap();
        let list = HOSTS.map(|host| format!("'{host}'")).join(", ");
        assert!(script.contains(&format!("policy.hosts = [{list}]")));
    }
}
