//! The program with files in the cache of Hugging Face's own libraries.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::host;
use crate::common::{folder, root};
use host::{MODEL, command, host};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A cache with the demo's model as [`MODEL`], in this folder.
fn fill(hub: &Path) {
    let repo = hub.join("models--openai-community--gpt2");
    let snapshot = repo.join("snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(
            root().join("web/demo/model").join(name),
            snapshot.join(name),
        )
        .unwrap();
    }
    fs::create_dir_all(repo.join("refs")).unwrap();
    fs::write(repo.join("refs/main"), COMMIT).unwrap();
}

/// The standard error of a successful `inspect MODEL`, with none of the variables that name the cache set but by `set`.
fn inspect(command: &mut Command, set: impl FnOnce(&mut Command)) -> String {
    for name in [
        "SAE_EXPLORER_NO_HF_CACHE",
        "HF_HUB_CACHE",
        "HF_HOME",
        "XDG_CACHE_HOME",
    ] {
        command.env_remove(name);
    }
    set(command);
    let output = command.output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    errors
}

#[test]
fn the_cache_is_found_where_the_variables_say() {
    let (server, cache, base) = (host(), folder("hf_found"), folder("hf_found_base"));
    let empty = base.join("empty");
    for (name, value, hub) in [
        ("HF_HUB_CACHE", base.join("a"), base.join("a")),
        ("HF_HOME", base.join("b"), base.join("b/hub")),
        (
            "XDG_CACHE_HOME",
            base.join("c"),
            base.join("c/huggingface/hub"),
        ),
        (
            "HOME",
            base.join("d"),
            base.join("d/.cache/huggingface/hub"),
        ),
    ] {
        fill(&hub);
        let mut command = command(&server, &cache, &["inspect", MODEL, "--offline"]);
        let said = inspect(&mut command, |command| {
            // Variables that come later in the order lead nowhere.
            command.env("HOME", &empty).env(name, &value);
        });
        for file in ["config.json", "model.safetensors"] {
            let line = format!(
                "reading {MODEL}:{file} from {} (commit {COMMIT})",
                hub.display()
            );
            assert_eq!(said.matches(&line).count(), 1, "{name}: {said}");
        }
    }
    assert!(server.asked().is_empty());
    assert!(!cache.join("blobs").exists());
}

#[test]
fn the_cache_is_left_out_by_option_and_by_variable() {
    let (server, base) = (host(), folder("hf_left_out"));
    let hub = base.join("hub");
    fill(&hub);
    let run = |name: &str, option: &[&str], variable: &str| {
        let cache = base.join(name);
        let mut command = command(&server, &cache, &[&["inspect", MODEL], option].concat());
        inspect(&mut command, |command| {
            command.env("HF_HUB_CACHE", &hub);
            command.env("SAE_EXPLORER_NO_HF_CACHE", variable);
        })
    };
    for (name, option, variable) in [
        ("option", &["--no-hf-cache"][..], ""),
        ("variable", &[], "1"),
    ] {
        let said = run(name, option, variable);
        assert!(!said.contains(COMMIT), "{said}");
        assert!(said.contains(&format!("downloaded {MODEL}:config.json")));
    }
    for (name, variable) in [("empty", ""), ("zero", "0")] {
        let said = run(name, &[], variable);
        assert!(said.contains(&format!("(commit {COMMIT})")), "{said}");
        assert!(!said.contains("downloaded"), "{said}");
    }
}

#[test]
fn a_damaged_ref_is_refused() {
    let (server, cache, base) = (host(), folder("hf_damaged"), folder("hf_damaged_base"));
    fill(&base);
    fs::write(
        base.join("models--openai-community--gpt2/refs/main"),
        "../..",
    )
    .unwrap();
    let mut command = command(
        &server,
        &cache,
        &["inspect", &format!("{MODEL}:config.json")],
    );
    let command = command.env("HF_HUB_CACHE", &base);
    let output = command.env_remove("SAE_EXPLORER_NO_HF_CACHE").output();
    let output = output.unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.starts_with("error (bad-file): Hugging Face's cache cannot be used"));
    for word in ["refs/main", "`../..`", "--no-hf-cache"] {
        assert!(errors.contains(word), "{errors}");
    }
}
