//! `_headers`: what a host should send with the site, in the form that Netlify and Cloudflare Pages read. Other hosts take no notice of it.
//!
//! Where several of its patterns fit an address, these hosts join the values of a header. A browser then obeys both of two policies, and
//! of two rules of caching nobody knows which: so of each header one pattern alone fits any address.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::policy::Policy;

/// Name of the file.
const NAME: &str = "_headers";

const LASTING: &str = "Cache-Control: public, max-age=31536000, immutable";
const ASKED: &str = "Cache-Control: no-cache";

/// Writes the file of a site whose `index.html` is `page`.
pub fn write_into(page: &str, site: &Path) -> Result<()> {
    let policy = Policy::stated_in(page).context("index.html states no policy")?;
    let path = site.join(NAME);
    fs::write(&path, text(&policy)).with_context(|| format!("could not write {}", path.display()))
}

fn text(policy: &Policy) -> String {
    let documents = format!("Content-Security-Policy: {}", policy.documents);
    let workers = format!("Content-Security-Policy: {}", policy.workers);
    let rules: [(&str, &[&str]); 11] = [
        ("/*", &["X-Content-Type-Options: nosniff"]),
        ("/", &[ASKED, &documents]),
        ("/index.html", &[ASKED, &documents]),
        // Of documents: what other workers ask of other hosts passes it by.
        ("/sw.js", &[ASKED, &documents]),
        // It states a policy of its own.
        ("/embed.html", &[ASKED]),
        // Where a file is no script, no browser heeds the policy.
        ("/assets/*", &[LASTING, &workers]),
        ("/pkg/*", &[ASKED, &workers]),
        (
            "/sae-explorer.js",
            &[ASKED, &workers, "Access-Control-Allow-Origin: *"],
        ),
        ("/catalogue.json", &[ASKED]),
        ("/manifest.webmanifest", &[ASKED]),
        ("/demo/*", &[ASKED]),
    ];
    let mut text = String::new();
    for (pattern, headers) in rules {
        let _ = writeln!(text, "{pattern}");
        for header in headers {
            let _ = writeln!(text, "  {header}");
        }
    }
    text
}

#[cfg(test)]
mod tests;
