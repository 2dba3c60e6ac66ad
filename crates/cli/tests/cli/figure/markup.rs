//! The HTML of figures: text that is never markup, the policy, the link.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use wire::address::decode;

use super::{SET, figure};
use crate::common::page::{Element, Page};

/// Text that is no markup, in several scripts and lines.
const ODD: &str = "<script>alert(\"x\")</script> & '</style><img src=x onerror=y> שלום לך 3 😀 中文\n\tthe king\u{202e}\n</title>";

#[test]
fn text_is_never_markup() {
    let html = figure(&[
        "--prompt",
        ODD,
        "--feature",
        "903",
        "--site",
        "https://example.org/?a=\"><b>",
    ]);
    let page = Page::new(&html);
    let known = [
        "html", "head", "meta", "title", "style", "body", "main", "header", "h1", "h2", "h3", "p",
        "b", "span", "div", "bdi", "i", "abbr", "section", "table", "thead", "tbody", "tr", "th",
        "td", "svg", "rect", "ol", "li", "details", "summary", "dl", "dt", "dd", "footer", "a",
    ];
    for element in page.all() {
        let name = element.name().unwrap();
        assert!(known.contains(&name.as_str()), "<{name}>");
        for (attribute, value) in element.attributes() {
            assert!(
                !attribute.starts_with("on") && attribute != "style" && attribute != "src",
                "{attribute}={value}"
            );
        }
    }
    assert_eq!(page.find("style").len(), 1);
    assert_eq!(
        page.find("title")[0].text(),
        format!("Feature 903 of {SET} · sae-explorer")
    );
    // The chips are the prompt, with marks in place of what cannot be seen.
    let tokens = page.find(".tokens").remove(0);
    let lines = tokens.find(".token-line");
    assert_eq!(lines.len(), 3);
    let text = tokens.text();
    assert!(
        text.starts_with("BOS<script>alert(\"x\")</script>␣&␣'</style>"),
        "{text}"
    );
    assert!(
        text.contains("U+202E") && !text.contains('\u{202e}') && text.contains("⇥the␣king"),
        "{text}"
    );
    // Letters from the right stand in runs of their own, and characters above the tokens of their bytes.
    assert!(
        lines[0]
            .find("span")
            .iter()
            .any(|span| span.attribute("dir").as_deref() == Some("rtl"))
    );
    let whole: Vec<_> = tokens.find(".whole").iter().map(Element::text).collect();
    assert!(
        ["ש", "😀", "中", "文"]
            .iter()
            .all(|one| whole.contains(&(*one).to_owned())),
        "{whole:?}"
    );
    let split = tokens.find(".split");
    assert_eq!(
        split
            .iter()
            .filter(|one| one.attribute("aria-label").unwrap() == "“😀” U+1F600")
            .count(),
        1
    );
    let bytes: Vec<_> = tokens.find(".byte").iter().map(Element::text).collect();
    assert!(bytes.contains(&"<0xF0>".to_owned()), "{bytes:?}");
}

#[test]
fn the_file_allows_nothing_but_its_own_styles() {
    let arguments = ["--prompt", "Once upon a time"];
    let html = figure(&arguments);
    let page = Page::new(&html);
    let style = page.find("style").remove(0).text();
    let hash = STANDARD.encode(Sha256::digest(&style));
    let policy = page.find("meta").remove(1);
    assert_eq!(
        policy.attribute("http-equiv").unwrap(),
        "Content-Security-Policy"
    );
    assert_eq!(
        policy.attribute("content").unwrap(),
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
        )
    );
    assert!(!style.contains("url(") && !style.contains("@import") && !style.contains('<'));
    for what in ["a", "script", "link", "img", "iframe", "base"] {
        assert!(page.find(what).is_empty(), "{what}");
    }
    assert!(!html.contains("http://") && !html.contains("https://"));
    let recorded = page.find("footer").remove(0).text();
    for word in [
        "Recorded",
        env!("CARGO_PKG_VERSION"),
        "CPU",
        "model demo",
        SET,
        "topk, 4,096 latents",
        "blocks.3.hook_resid_post",
        "BOS",
    ] {
        assert!(recorded.contains(word), "{recorded}: {word}");
    }
    assert_eq!(html, figure(&arguments), "the same again");
}

#[test]
fn the_link_says_the_same_to_the_page() {
    let page = Page::new(&figure(&[
        "--prompt",
        ODD,
        "--feature",
        "903",
        "--bos",
        "no",
        "--site",
        "https://example.org/sae/",
    ]));
    let link = page.find("a").remove(0);
    assert_eq!(
        (
            link.attribute("target").unwrap(),
            link.attribute("rel").unwrap()
        ),
        ("_blank".into(), "noopener".into())
    );
    let href = link.attribute("href").unwrap();
    let selected = page
        .find(".chip")
        .into_iter()
        .find(|chip| chip.attribute("aria-current").is_some())
        .unwrap();
    let token = selected.attribute("data-position").unwrap();
    let (start, prompt) = href.split_once("&prompt=").unwrap();
    assert_eq!(
        start,
        format!(
            "https://example.org/sae/#/prompt?model=demo&sae={SET}&token={token}&feature=903&bos=no"
        )
    );
    assert_eq!(decode(prompt), ODD);
    let hook = "blocks.3.mlp.hook_post";
    let page = Page::new(&figure(&[
        "--prompt",
        "a",
        "--neurons",
        hook,
        "--site",
        "http://localhost:8080",
    ]));
    let href = page.find("a")[0].attribute("href").unwrap();
    assert!(
        href.starts_with(
            "http://localhost:8080#/prompt?model=demo&sae=neurons%3Ablocks.3.mlp.hook_post&"
        ),
        "{href}"
    );
    // Neurons may be below 0, and each is active on nearly every token.
    assert!(page.find("h1")[0].text().starts_with("Neuron "));
}
