//! The cache of downloads: cut, full, shared between processes, listed and cleared.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::folder;
use crate::common::host;
use host::server::Fault;
use host::{MODEL, SAE, command, host, run};
use serde_json::Value;

#[test]
fn a_killed_download_leaves_a_part_that_the_next_goes_on_with() {
    let (server, cache) = (host(), folder("hub_killed"));
    let weights = format!("{MODEL}/resolve/main/model.safetensors");
    server.spoil(&weights, Fault::Slow(Duration::from_millis(1)), 1);
    let mut child = command(&server, &cache, &["inspect", MODEL])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let part = || -> Option<PathBuf> {
        let blobs = fs::read_dir(cache.join("blobs")).ok()?;
        let mut paths = blobs.map(|blob| blob.unwrap().path());
        paths.find(|path| {
            let is_part = path.extension().is_some_and(|end| end == "part");
            is_part && fs::metadata(path).is_ok_and(|found| found.len() > 100_000)
        })
    };
    while part().is_none() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it was killed"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let offline = ["inspect", MODEL, "--offline", "--json"];
    let report: Value = serde_json::from_slice(&run(&server, &cache, &offline).stdout).unwrap();
    let problem = report["problems"][0]["message"].as_str().unwrap();
    assert!(
        problem.contains("model.safetensors is not in the cache"),
        "{problem}"
    );
    let listed = run(&server, &cache, &["cache", "list"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains("openai-community/gpt2:model.safetensors (a part of"),
        "{listed}"
    );
    server.asked();
    let output = run(&server, &cache, &["inspect", MODEL]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("going on after"), "{said}");
    assert!(server.asked().iter().any(|asked| asked.ends_with('-')));
    assert!(part().is_none());
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_told_and_what_arrived_is_kept() {
    let (server, cache) = (host(), folder("hub_full"));
    // A limit on files' sizes stands for the disk's end; without its signal the write fails as on a full disk.
    let program = env!("CARGO_BIN_EXE_sae-explorer");
    let script =
        format!("trap '' XFSZ; ulimit -f 1000; exec '{program}' inspect someone/saes:layer_3.pt");
    let output = Command::new("sh")
        .args(["-c", &script])
        .env("SAE_EXPLORER_MIRROR", server.url())
        .env("SAE_EXPLORER_CACHE", &cache)
        .env("SAE_EXPLORER_NO_HF_CACHE", "1")
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    let last = errors.lines().last().unwrap();
    assert!(
        last.starts_with("error (quota): no space is left for someone/saes:layer_3.pt"),
        "{errors}"
    );
    let output = run(&server, &cache, &["inspect", "someone/saes:layer_3.pt"]);
    assert!(output.status.success());
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("going on after")
    );
}

#[test]
fn two_processes_download_once() {
    let (server, cache) = (host(), folder("hub_two"));
    let file = "someone/saes:layer_3.pt";
    server.spoil(
        "someone/saes/resolve/main/layer_3.pt",
        Fault::Slow(Duration::from_millis(1)),
        1,
    );
    let start = || {
        let mut command = command(&server, &cache, &["inspect", file]);
        command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children = [start(), start(), start()];
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let asked = server.asked().into_iter();
    assert_eq!(
        asked
            .filter(|asked| asked.starts_with("GET /linked"))
            .count(),
        1
    );
}

#[test]
fn the_cache_is_listed_and_cleared() {
    let (server, cache) = (host(), folder("hub_cache"));
    for name in [
        "someone/saes:layer_3.pt",
        SAE,
        "openai-community/gpt2:config.json",
    ] {
        assert!(run(&server, &cache, &["inspect", name]).status.success());
    }
    let list = || -> Value {
        let output = run(&server, &cache, &["cache", "list", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let listed = list();
    assert_eq!(listed["folder"], cache.display().to_string());
    let entries = listed["entries"].as_array().unwrap();
    let sizes = entries
        .iter()
        .map(|entry| entry["stored_bytes"].as_u64().unwrap());
    assert_eq!(listed["stored_bytes"], sizes.sum::<u64>());
    let names: Vec<&str> = entries
        .iter()
        .map(|entry| entry["names"][0].as_str().unwrap())
        .collect();
    assert!(names.contains(&"someone/saes:layer_3.pt"), "{names:?}");
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(entries.iter().all(|entry| entry["complete"] == true));
    let clear = |names: &[&str]| {
        let output = run(&server, &cache, &[&["cache", "clear"], names].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let said = clear(&["someone/saes"]);
    assert!(
        said.contains("deleted someone/saes:layer_3.pt") && said.contains("MB freed"),
        "{said}"
    );
    assert_eq!(list()["entries"].as_array().unwrap().len(), 3);
    clear(&[]);
    assert_eq!(list()["stored_bytes"], 0);
    let output = run(&server, &cache, &["cache", "list"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, format!("{}: 0 B\n", cache.display()));
}
