use super::*;
use crate::paths::Paths;

/// A file of the site, and what goes with it: the type of its content, whose policy it has, whether it is kept for good, and whether
/// other sites may import it.
type Expected = (&'static str, &'static str, Option<Whose>, bool, bool);

#[derive(Clone, Copy)]
enum Whose {
    Documents,
    Workers,
}

/// The same as `cargo xtask serve` sends, which `tests/e2e/browser/hosting.test.js` asks.
const FILES: [Expected; 10] = [
    ("/", "text/html", Some(Whose::Documents), false, false),
    (
        "/index.html",
        "text/html",
        Some(Whose::Documents),
        false,
        false,
    ),
    (
        "/sw.js",
        "text/javascript",
        Some(Whose::Documents),
        false,
        false,
    ),
    ("/embed.html", "text/html", None, false, false),
    (
        "/assets/worker-0123456789.js",
        "text/javascript",
        Some(Whose::Workers),
        true,
        false,
    ),
    (
        "/pkg/index.js",
        "text/javascript",
        Some(Whose::Workers),
        false,
        false,
    ),
    (
        "/sae-explorer.js",
        "text/javascript",
        Some(Whose::Workers),
        false,
        true,
    ),
    ("/catalogue.json", "application/json", None, false, false),
    (
        "/manifest.webmanifest",
        "application/manifest+json",
        None,
        false,
        false,
    ),
    (
        "/demo/model/model.safetensors",
        "application/octet-stream",
        None,
        false,
        false,
    ),
];

fn read(path: &str) -> String {
    fs::read_to_string(Paths::find().unwrap().root.join(path)).unwrap()
}

fn policy() -> Policy {
    Policy::stated_in(&read("index.html")).unwrap()
}

/// All values of a header that `_headers` gives an address.
fn given(text: &str, address: &str, name: &str) -> Vec<String> {
    let mut fits = false;
    let mut values = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("  ") {
            None => {
                fits = match line.strip_suffix('*') {
                    Some(start) => address.starts_with(start),
                    None => address == line,
                };
            }
            Some(header) if fits => {
                let (one, value) = header.split_once(": ").unwrap();
                if one == name {
                    values.push(value.to_owned());
                }
            }
            Some(_) => {}
        }
    }
    values
}

fn expected(policy: &Policy, file: Expected) -> [(&'static str, Option<String>); 3] {
    let (_, _, whose, lasting, shared) = file;
    let policy = whose.map(|whose| match whose {
        Whose::Documents => policy.documents.clone(),
        Whose::Workers => policy.workers.clone(),
    });
    let caching = if lasting { LASTING } else { ASKED };
    let (_, caching) = caching.split_once(": ").unwrap();
    [
        ("Content-Security-Policy", policy),
        ("Cache-Control", Some(caching.to_owned())),
        (
            "Access-Control-Allow-Origin",
            shared.then(|| "*".to_owned()),
        ),
    ]
}

#[test]
fn every_file_has_the_headers_that_it_should_have_each_once() {
    let policy = policy();
    let text = text(&policy);
    for file in FILES {
        for (name, value) in expected(&policy, file) {
            let value: Vec<String> = value.into_iter().collect();
            assert_eq!(given(&text, file.0, name), value, "{name} of {}", file.0);
        }
        let sniffed = given(&text, file.0, "X-Content-Type-Options");
        assert_eq!(sniffed, ["nosniff"], "{}", file.0);
    }
    // Bounds of Netlify's and Cloudflare's.
    assert!(text.lines().all(|line| line.len() < 2000));
}

/// The value of a `map` of nginx: the first pattern that fits counts, else the default. Patterns are of this simple kind alone.
fn mapped(conf: &str, variable: &str, subject: &str) -> String {
    let (_, rest) = conf.split_once(&format!("${variable} {{")).unwrap();
    let (map, _) = rest.split_once("\n    }").unwrap();
    let mut default = String::new();
    for line in map.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (pattern, value) = line.split_once(char::is_whitespace).unwrap();
        let value = value.trim().trim_end_matches(';').trim_matches('"');
        let Some(pattern) = pattern.strip_prefix('~') else {
            assert_eq!(pattern, "default");
            value.clone_into(&mut default);
            continue;
        };
        let literal = pattern.replace("\\.", ".");
        let fits = match (literal.strip_prefix('^'), literal.strip_suffix('$')) {
            (Some(start), _) => subject.starts_with(start),
            (None, Some(end)) => subject.ends_with(end),
            (None, None) => subject.contains(&literal),
        };
        if fits {
            return value.to_owned();
        }
    }
    default
}

#[test]
fn the_example_for_nginx_gives_the_same() {
    let hosting = read("docs/hosting.md");
    let policy = policy();
    for file in FILES {
        let (path, kind, ..) = file;
        // nginx looks for the file of a folder's address, and `$uri` is that file's then.
        let uri = if path == "/" { "/index.html" } else { path };
        for ((name, value), variable) in expected(&policy, file)
            .into_iter()
            .zip(["policy", "caching", "shared"])
        {
            let subject = match variable {
                "policy" => format!("{kind}; charset=utf-8 {uri}"),
                _ => uri.to_owned(),
            };
            assert_eq!(
                mapped(&hosting, variable, &subject),
                value.unwrap_or_default(),
                "{name} of {path}"
            );
        }
        assert!(hosting.contains("add_header X-Content-Type-Options nosniff;"));
    }
}
