//! `sae-explorer figure`: its numbers, its HTML, its files.

mod files;
mod markup;
mod numbers;

use crate::common::output;
use crate::common::page::{Element, number};

/// The set of which the figures are.
const SET: &str = "openai.layer_3";

/// The page that the program prints.
fn figure(arguments: &[&str]) -> String {
    output(&[&["figure", "--out", "-"], arguments].concat())
}

/// Asserts |found − expected| ≤ bound.
fn near(what: &str, found: f64, expected: f64, bound: f64) {
    assert!(
        (found - expected).abs() <= bound,
        "{what}: {found}, not {expected}"
    );
}

/// The cells of a table's rows.
fn rows(table: &Element) -> Vec<Vec<Element>> {
    let body = table.find("tbody").remove(0);
    let rows = body.find("tr").into_iter();
    let cells = |row: Element| {
        let mut cells = row.inner();
        cells.retain(|cell| matches!(cell.name().as_deref(), Some("td" | "th")));
        cells
    };
    rows.map(cells).collect()
}

/// A value in an element's title, behind a word and perhaps before its unit.
fn titled(element: &Element, word: &str) -> f64 {
    let title = element.attribute("title").unwrap();
    let mut parts = title
        .split(" · ")
        .filter_map(|part| part.strip_prefix(word));
    let found = parts.next().unwrap_or_else(|| panic!("{title}: {word}"));
    number(found.trim().trim_end_matches(" nats"))
}
