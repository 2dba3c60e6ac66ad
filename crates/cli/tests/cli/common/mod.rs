//! Running the program, and folders for it to read.

pub mod bad;
pub mod host;
pub mod page;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use formats::tensors::TensorFile;
use pollster::block_on;
use serde_json::Value;

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// A path of the repository as an argument.
pub fn path(relative: &str) -> String {
    root().join(relative).display().to_string()
}

/// A fixture's JSON and tensors.
pub fn fixture(name: &str) -> (Value, TensorFile) {
    let json = fs::read(root().join(format!("tests/fixtures/{name}.json"))).unwrap();
    (
        serde_json::from_slice(&json).unwrap(),
        tensors(&root().join(format!("tests/fixtures/{name}.safetensors"))),
    )
}

/// A fixture that is JSON alone.
pub fn fixture_json(name: &str) -> Value {
    let json = fs::read(root().join(format!("tests/fixtures/{name}.json"))).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// A `safetensors` file.
pub fn tensors(path: &Path) -> TensorFile {
    TensorFile::from_safetensors(&path.display().to_string(), fs::read(path).unwrap()).unwrap()
}

/// A tensor of floating-point numbers.
pub fn read(file: &TensorFile, name: &str) -> Vec<f32> {
    block_on(file.read(name)).unwrap()
}

/// The bytes of an i32 or i64 tensor in a `safetensors` file as whole numbers.
pub fn whole_numbers(path: &Path, name: &str) -> Vec<i64> {
    let bytes = fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = file.tensor(name).unwrap();
    match tensor.dtype() {
        safetensors::Dtype::I32 => tensor
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|b| i32::from_le_bytes(*b).into())
            .collect(),
        safetensors::Dtype::I64 => tensor
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|b| i64::from_le_bytes(*b))
            .collect(),
        other => panic!("{name} is {other:?}"),
    }
}

/// A fresh folder for one test.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A folder with the demo's model, changed by `spoil`.
pub fn model_folder(name: &str, spoil: impl FnOnce(&Path)) -> String {
    let folder = folder(name);
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(root().join("web/demo/model").join(file), folder.join(file)).unwrap();
    }
    spoil(&folder);
    folder.display().to_string()
}

/// Splits a folder's model.safetensors into part-0 and part-1, with an index.
pub fn split(folder: &Path) {
    let whole = folder.join("model.safetensors");
    let bytes = fs::read(&whole).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut parts = [vec![], vec![]];
    let mut weight_map = serde_json::Map::new();
    for (i, (name, tensor)) in file.iter().enumerate() {
        weight_map.insert(
            name.to_owned(),
            format!("part-{}.safetensors", i % 2).into(),
        );
        parts[i % 2].push((name, tensor));
    }
    for (i, part) in parts.into_iter().enumerate() {
        let bytes = safetensors::serialize(part, None).unwrap();
        fs::write(folder.join(format!("part-{i}.safetensors")), bytes).unwrap();
    }
    let index = serde_json::json!({ "metadata": {}, "weight_map": weight_map });
    fs::write(
        folder.join("model.safetensors.index.json"),
        index.to_string(),
    )
    .unwrap();
    fs::remove_file(whole).unwrap();
}

/// Runs the program on the CPU.
pub fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Runs the program with these words only.
pub fn bare(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sae-explorer"));
    command.args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

/// The program on the CPU, to be started.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sae-explorer"));
    command
        .args(arguments)
        .args(["--backend", "cpu"])
        // Without it, drivers that look for a screen complain on the standard error.
        .env("XDG_RUNTIME_DIR", std::env::temp_dir())
        .stdin(Stdio::null());
    command
}

/// What the program prints when all goes well.
pub fn output(arguments: &[&str]) -> String {
    let output = run(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    assert_eq!(without_notes(&errors), "");
    String::from_utf8(output.stdout).unwrap()
}

/// The standard error without the lines of notes.
pub fn without_notes(errors: &str) -> String {
    let lines = errors.lines().filter(|line| !line.starts_with("note: "));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The lines of notes on the standard error, without their beginning.
pub fn notes(output: &Output) -> Vec<String> {
    let errors = String::from_utf8_lossy(&output.stderr);
    let lines = errors
        .lines()
        .filter_map(|line| line.strip_prefix("note: "));
    lines.map(str::to_owned).collect()
}

/// The same, as JSON.
pub fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&output(&[arguments, &["--json"]].concat())).unwrap()
}

/// Sees the program refuse: exit code 1, nothing on stdout, and one paragraph on stderr with this code and these words.
pub fn refused(arguments: &[&str], code: &str, words: &[&str]) {
    let output = run(arguments);
    let errors = without_notes(&String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
    assert_eq!(output.stdout, b"", "{arguments:?}");
    assert!(
        errors.starts_with(&format!("error ({code}): ")),
        "{arguments:?}: {errors}"
    );
    assert_eq!(errors.matches('\n').count(), 1, "one paragraph: {errors}");
    for word in words {
        assert!(
            errors.contains(word),
            "{arguments:?}: `{errors}` should say {word}"
        );
    }
}

/// Asserts |a − b| ≤ `absolute` + `relative`·|b| for every element.
pub fn close(what: &str, a: &[f32], b: &[f32], absolute: f32, relative: f32) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (x, y)) in a.iter().zip(b).enumerate() {
        assert!(
            (x - y).abs() <= absolute + relative * y.abs(),
            "{what}[{i}]: {x} is not {y}"
        );
    }
}

/// A line of a shell as arguments: single and double quotation marks, nothing else.
pub fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in line.chars() {
        let last = words.last_mut().unwrap();
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None, ' ') => words.push(String::new()),
            _ => last.push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
