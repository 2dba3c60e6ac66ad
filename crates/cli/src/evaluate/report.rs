//! An evaluation over a corpus as tables, for a terminal and as Markdown.

use std::fmt::Write as _;

use evaluate_run::{head, tables};
use wire::CorpusEvaluations;

use crate::table::{Side, align};

/// For a terminal.
pub fn text(found: &CorpusEvaluations) -> String {
    let mut out = head(found) + "\n";
    for section in tables(found) {
        let _ = writeln!(out, "\n{}", section.title);
        let columns = section.rows.first().map_or(0, Vec::len);
        let side = |column| match column < section.left {
            true => Side::Left,
            false => Side::Right,
        };
        let sides: Vec<Side> = (0..columns).map(side).collect();
        align(&mut out, &section.rows, &sides);
        for note in &section.notes {
            let _ = writeln!(out, "  {note}");
        }
    }
    out
}

/// As Markdown.
pub fn markdown(found: &CorpusEvaluations) -> String {
    let mut out = format!("# Evaluation\n\n{}\n", escaped(&head(found)));
    for section in tables(found) {
        let _ = writeln!(out, "\n## {}\n", section.title);
        for (number, row) in section.rows.iter().enumerate() {
            let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
            if number == 0 {
                let side = |column| if column < section.left { "---" } else { "--:" };
                let sides: Vec<&str> = (0..row.len()).map(side).collect();
                let _ = writeln!(out, "|{}|", sides.join("|"));
            }
        }
        for note in &section.notes {
            let _ = writeln!(out, "\n{}", escaped(note));
        }
    }
    out
}

/// A text as it is, between marks of Markdown.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, '|' | '*' | '_' | '<' | '>' | '`' | '\\' | '[' | ']') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
