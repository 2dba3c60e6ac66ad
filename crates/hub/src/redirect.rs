//! Resolution of redirects.

use crate::error::{Error, printable};

/// Target of a redirect.
pub(crate) fn redirected(from: &str, location: Option<&str>, name: &str) -> Result<String, Error> {
    let Some(location) = location else {
        return Err(Error::host(name, "it is redirected to nowhere".to_owned()));
    };
    let to = joined(from, location.split('#').next().unwrap_or_default());
    let is = |url: &str, scheme: &str| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if is(from, "https://") && !is(&to, "https://") {
        let reason = "it is redirected from a secure connection to one that is not";
        return Err(Error::host(name, reason.to_owned()));
    }
    if !is(&to, "https://") && !is(&to, "http://") {
        let reason = format!("it is redirected to `{}`", printable(location));
        return Err(Error::host(name, reason));
    }
    Ok(to)
}

/// A reference resolved against the address of the page that has it.
fn joined(base: &str, reference: &str) -> String {
    let Some((scheme, rest)) = base.split_once("://") else {
        return reference.to_owned();
    };
    if let Some(rest) = reference.strip_prefix("//") {
        return format!("{scheme}://{rest}");
    }
    let names_scheme = reference
        .split_once(':')
        .is_some_and(|(start, _)| !start.contains(['/', '?']));
    if names_scheme {
        return reference.to_owned();
    }
    let without_query = rest.split('?').next().unwrap_or_default();
    let (host, path) = without_query.split_once('/').unwrap_or((without_query, ""));
    if reference.starts_with('/') {
        return format!("{scheme}://{host}{reference}");
    }
    if reference.starts_with('?') {
        return format!("{scheme}://{host}/{path}{reference}");
    }
    match path.rsplit_once('/') {
        Some((folder, _)) => format!("{scheme}://{host}/{folder}/{reference}"),
        None => format!("{scheme}://{host}/{reference}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved() {
        let base = "https://host/a/b/c?d=e";
        for (reference, expected) in [
            ("https://other/x", "https://other/x"),
            ("//other/x", "https://other/x"),
            ("/x?y", "https://host/x?y"),
            ("x", "https://host/a/b/x"),
            ("x?to=http://y", "https://host/a/b/x?to=http://y"),
            ("?x", "https://host/a/b/c?x"),
            ("ftp://x", "ftp://x"),
        ] {
            assert_eq!(joined(base, reference), expected);
        }
        assert_eq!(joined("http://host", "x"), "http://host/x");
    }

    #[test]
    fn a_redirect_does_not_lose_security() {
        let to = |location| redirected("https://host/x", Some(location), "x");
        assert!(matches!(to("http://host/x"), Err(Error::Host { .. })));
        assert!(matches!(to("file:///etc/x"), Err(Error::Host { .. })));
        assert_eq!(to("/y").unwrap(), "https://host/y");
        let to = redirected("http://host/x", Some("HTTPS://other/y#z"), "x");
        assert_eq!(to.unwrap(), "HTTPS://other/y");
    }
}
