//! What the tests of trainings share: a text, and folders that are compared.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::root;

/// A text of some 5,000 tokens, in documents of so many paragraphs.
pub fn corpus(folder: &Path, paragraphs: usize) -> String {
    let text = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let file = folder.join("corpus.txt");
    let all: Vec<&str> = text.split("\n\n").collect();
    let documents: Vec<String> = all
        .chunks(paragraphs)
        .map(|some| some.join("\n\n"))
        .collect();
    fs::write(&file, documents.join("\n<|endoftext|>\n")).unwrap();
    file.display().to_string()
}

/// The lines of a log without how fast it was, which these names say.
pub fn log(folder: &str, rates: &[&str]) -> Vec<Value> {
    let text = fs::read_to_string(Path::new(folder).join("log.jsonl")).unwrap();
    let lines = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        for name in rates {
            assert!(line[*name].as_f64().unwrap() > 0.0);
            line.as_object_mut().unwrap().remove(*name);
        }
        line
    });
    lines.collect()
}

/// Refuses folders whose files of these names, or whose logs, differ in more than how fast it was.
pub fn same((one, other): (&str, &str), files: &[&str], rates: &[&str]) {
    let read = |folder: &str, name: &str| fs::read(Path::new(folder).join(name)).unwrap();
    for name in files {
        assert!(read(one, name) == read(other, name), "{name}");
    }
    assert_eq!(log(one, rates), log(other, rates));
}

/// Waits until a training has a checkpoint of so many steps.
pub fn wait_for(folder: &str, step: u64) {
    let begun = Instant::now();
    let state = Path::new(folder).join("state.json");
    loop {
        let found = fs::read(&state).ok();
        let found = found.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        if found.is_some_and(|state| state["step"].as_u64() >= Some(step)) {
            return;
        }
        assert!(begun.elapsed().as_secs() < 60, "no checkpoint");
        sleep(Duration::from_millis(2));
    }
}

/// Runs a training until it has a checkpoint of so many steps, and ends it by Ctrl C: it says where it is, and how to go on.
pub fn interrupted(mut training: Command, folder: &str, step: u64) {
    let child = training.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = child.spawn().unwrap();
    wait_for(folder, step);
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains(folder) && said.contains("--resume"), "{said}");
}
