//! Errors point at the character, and say what would be right.

use wire::{Edit, Edits, Fault};

#[track_caller]
fn refused(text: &str, line: usize, column: usize, says: &str) {
    let error = text.parse::<Edits>().unwrap_err();
    assert_eq!(
        (error.line, error.column),
        (line, column),
        "{text:?}: {error}"
    );
    let message = error.to_string();
    assert!(message.contains(says), "{text:?}: {message}");
}

#[test]
fn faults_have_a_place_and_a_remedy() {
    refused("=0", 1, 1, "found '=', expected a feature set");
    refused("a", 1, 2, "found the end, expected ':'");
    refused("a:x", 1, 3, "expected the number of a latent");
    refused("a:1", 1, 4, "=*2 or =+2x");
    refused("a:1=z", 1, 5, "found 'z', expected a number");
    refused("a:1=-", 1, 6, "found the end, expected a number");
    refused("a:1=2x", 1, 6, "to add decoder directions +2x");
    refused("a:1=1e", 1, 7, "exponent");
    refused("a:1=0@x", 1, 7, "expected a position");
    refused("a:1=0@1,", 1, 9, "expected a position");
    refused("a:1=0@9..5", 1, 7, "holds no position");
    refused("a:1=0@5..5", 1, 7, "holds no position");
    refused("a:1=0@1 2", 1, 9, "expected ',' and more positions");
    refused("a:1=0?b", 1, 8, "expected ':'");
    refused("a:1=0?b:1", 1, 10, "expected '>'");
    refused("a:1=0?b:1>0@4", 1, 12, "expected ';' or the end");
    refused("\"a:1=0", 1, 7, "at the end of the feature set's name");
    refused("\"a\\b\":1=0", 1, 4, "behind a '\\'");
    refused(
        "a:4294967296=0",
        1,
        3,
        "4294967296 is too large for a latent",
    );
    refused("a:1=0@4294967295", 1, 7, "too large for a position");
    refused("a:1=0\nb:2=0;é:3=q", 2, 11, "found 'q'");
}

#[test]
fn numbers_that_nothing_can_be_computed_with_are_refused_with_the_consequence() {
    for number in ["nan", "NaN", "inf", "-inf", "Infinity"] {
        refused(
            &format!("a:1={number}"),
            1,
            5,
            "would make every activation behind the edit NaN",
        );
        refused(
            &format!("a:1=+{number}"),
            1,
            6,
            "would make every activation",
        );
    }
    refused("a:1=1000001", 1, 5, "beyond 1000000 in magnitude");
    refused("a:1=*-1e39", 1, 6, "no finite number");
    refused("a:1=0?b:2>2e6", 1, 11, "beyond 1000000");
    let mut edit = Edit::set("a", 1, f32::NAN);
    assert!(edit.check_values().is_err());
    edit = Edit::set("a", 1, -1e6);
    assert!(edit.check_values().is_ok());
}

#[test]
fn a_message_shows_the_line_with_a_mark_below() {
    let error = "a:1=0\nlayer:2=z@4".parse::<Edits>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the edit cannot be read at line 2, character 9: found 'z', expected a number\n  layer:2=z@4\n          ^"
    );
    assert_eq!(error.at, 14);
    assert!(matches!(
        error.fault,
        Fault::Unexpected {
            found: Some('z'),
            ..
        }
    ));
    // Of a long line it shows the part.
    let long = format!("{}:1=q", "n".repeat(100_000));
    let message = long.parse::<Edits>().unwrap_err().to_string();
    assert!(message.len() < 400, "{message}");
}

#[test]
fn one_edit_is_one() {
    let error = "a:1=0; b:2=0".parse::<Edit>().unwrap_err();
    assert_eq!(error.column, 8);
    assert!("".parse::<Edit>().is_err());
}
