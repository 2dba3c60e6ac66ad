//! `sae-explorer export`: what is written is read again, and refusals leave nothing behind.

use std::fs;

use crate::common::{bare, folder, json, path, without_notes};

/// Exports, and sees it go well; what it says on the standard error.
fn export(sae: &str, to: &str, out: &str) -> String {
    let output = bare(&["export", sae, "--to", to, out]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    assert_eq!(output.stdout, b"");
    without_notes(&errors)
}

#[test]
fn there_and_back_is_the_same_file() {
    let folder = folder("export");
    let at = |name: &str| folder.join(name).display().to_string();
    let source = path("tests/fixtures/saelens/blocks.3.hook_resid_post");
    let said = export(&source, "openai", &at("a.pt"));
    assert!(said.contains("no place for: the hook"), "{said}");
    let said = export(
        &format!("{}@blocks.3.hook_resid_post", at("a.pt")),
        "saelens",
        &at("b"),
    );
    assert_eq!(said, "");
    export(&at("b"), "openai", &at("c.pt"));
    assert!(fs::read(folder.join("a.pt")).unwrap() == fs::read(folder.join("c.pt")).unwrap());
    export(&at("b"), "saelens", &at("d"));
    for file in ["cfg.json", "sae_weights.safetensors"] {
        let (b, d) = (folder.join("b").join(file), folder.join("d").join(file));
        assert!(fs::read(b).unwrap() == fs::read(d).unwrap(), "{file}");
    }
    // The folder says where it belongs, and does what the source does.
    let trace = |sae: &str| json(&["trace", "--prompt", "the king", "--sae", sae]);
    let (one, other) = (trace(&source), trace(&at("b")));
    assert_eq!(one["saes"][0]["latents"], other["saes"][0]["latents"]);
    assert_eq!(one["saes"][0]["metrics"], other["saes"][0]["metrics"]);
}

#[test]
fn nothing_is_overwritten() {
    let folder = folder("export_over");
    let out = folder.join("there.pt");
    fs::write(&out, "mine").unwrap();
    let output = bare(&[
        "export",
        &path("tests/fixtures/openai/layer_3.pt"),
        "--to",
        "openai",
        &out.display().to_string(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("there.pt is there already"), "{errors}");
    assert_eq!(fs::read_to_string(out).unwrap(), "mine");
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let folder = folder("export_unfit");
    let source = path("tests/fixtures/saelens/blocks.3.hook_resid_post");
    let cfg = fs::read_to_string(format!("{source}/cfg.json")).unwrap();
    let cfg = cfg.replace("layer_norm", "none");
    fs::write(folder.join("cfg.json"), cfg).unwrap();
    let weights = "sae_weights.safetensors";
    fs::copy(format!("{source}/{weights}"), folder.join(weights)).unwrap();
    let out = folder.join("out.pt");
    let output = bare(&[
        "export",
        &folder.display().to_string(),
        "--to",
        "openai",
        &out.display().to_string(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let errors = without_notes(&String::from_utf8(output.stderr).unwrap());
    let start = "error (unsupported-architecture): ";
    assert!(
        errors.starts_with(start) && errors.contains("`none`"),
        "{errors}"
    );
    assert!(!out.exists());
}
