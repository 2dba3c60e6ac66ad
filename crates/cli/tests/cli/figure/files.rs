//! Files of figures, what is refused, and the examples of `docs/figure.md`.

use std::fs;
use std::path::Path;

use super::{SET, figure};
use crate::common::page::Page;
use crate::common::{command, folder, model_folder, output, path, refused, root, words};

#[test]
fn what_cannot_be_is_refused_before_a_file_is_there() {
    let out = folder("figure_refused").join("fig.html");
    let file = out.display().to_string();
    let refuse = |more: &[&str], code: &str, words: &[&str]| {
        refused(
            &[&["figure", "--prompt", "a", "--out", &file], more].concat(),
            code,
            words,
        );
        assert!(!out.exists());
    };
    refuse(
        &["--feature", "4096"],
        "bad-option",
        &["--feature 4096", SET, "has 4096 features"],
    );
    refuse(&["--token", "2"], "bad-option", &["--token 2", "2 tokens"]);
    refuse(
        &["--set", "layer_3"],
        "unknown-sae",
        &["--set layer_3", SET],
    );
    for site in [
        "javascript:alert(1)",
        "example.org",
        "https://",
        "https://a.org/#x",
        "https://a.org/ b",
    ] {
        refuse(&["--site", site], "bad-option", &["--site", site]);
    }
    let pt = format!(
        "{}@blocks.3.hook_resid_post",
        path("tests/fixtures/openai/layer_3.pt")
    );
    refuse(
        &["--sae", &pt, "--site", "https://a.org/"],
        "bad-option",
        &["--site", "layer_3.pt", "this machine"],
    );
    let model = model_folder("figure_model", |_| {});
    let own = ["figure", "--prompt", "a", "--model", &model, "--out", &file];
    refused(&own, "bad-option", &["--set", "--sae"]);
    refused(
        &[&own[..], &["--sae", "demo", "--site", "https://a.org/"]].concat(),
        "bad-option",
        &["--site", &model, "this machine"],
    );
    fs::remove_dir_all(model).unwrap();
    refused(
        &["figure", "--prompt", "", "--out", &file],
        "empty-prompt",
        &["the prompt is empty"],
    );
    refused(
        &["figure", "--prompt", "a", "--json", "--out", "-"],
        "bad-option",
        &["--out -", "--json"],
    );
    for bad in [
        "/nowhere/fig.html",
        &format!("{}/fig.html", path("README.md")),
    ] {
        refused(
            &["figure", "--prompt", "a", "--out", bad],
            "output",
            &[bad, "cannot be written"],
        );
    }
}

#[test]
fn a_file_is_replaced_only_where_that_is_said() {
    let out = folder("figure_there").join("fig.html");
    let file = out.display().to_string();
    fs::write(&out, "mine").unwrap();
    let arguments = ["figure", "--prompt", "Once upon a time", "--out", &file];
    refused(
        &arguments,
        "output",
        &[&file, "is there already", "--overwrite"],
    );
    assert_eq!(fs::read(&out).unwrap(), b"mine");
    assert_eq!(output(&[&arguments[..], &["--overwrite"]].concat()), "");
    let page = fs::read_to_string(&out).unwrap();
    assert_eq!(page, figure(&["--prompt", "Once upon a time"]));
    let beside = fs::read_dir(out.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1, "nothing is left beside it");
}

#[test]
fn the_documentations_examples_run() {
    let text = fs::read_to_string(root().join("docs/figure.md")).unwrap();
    let folder = folder("figure_docs");
    let lines = text.lines().filter_map(|line| {
        line.trim()
            .trim_start_matches('!')
            .strip_prefix("sae-explorer figure ")
    });
    let mut files = 0;
    for line in lines {
        let arguments = words(&format!("figure {line}"));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let done = command(&arguments).current_dir(&folder).output().unwrap();
        assert!(
            done.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        let out = arguments[arguments.iter().position(|one| *one == "--out").unwrap() + 1];
        Page::new(&fs::read_to_string(folder.join(Path::new(out))).unwrap());
        files += 1;
    }
    assert!(files >= 4, "{files}");
}
