//! `sae-explorer scan`: its folder, shards, kills, and what it refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use crate::common::{command, folder, json, refused, root, run};
use atlas::Tally;
use scan_folder::disk::{read_complete, read_tally};
use serde_json::Value;

/// Two files with some 2,400 tokens in several documents.
fn corpus(folder: &Path) -> [String; 2] {
    let text = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let words: Vec<&str> = text.split_inclusive(' ').take(900).collect();
    let documents: Vec<String> = words.chunks(130).map(<[&str]>::concat).collect();
    let (texts, records) = documents.split_at(documents.len() / 2);
    let lines = (1..).zip(records).map(|(id, text)| {
        let source = ["a", "b"][id % 2];
        serde_json::json!({"text": text, "source": source, "id": id}).to_string() + "\n"
    });
    let files = ["texts.txt", "records.jsonl"].map(|name| folder.join(name));
    fs::write(&files[0], texts.join("\n<|endoftext|>\n")).unwrap();
    fs::write(&files[1], lines.collect::<String>()).unwrap();
    files.map(|file| file.display().to_string())
}

/// The arguments of a scan of the demo's autoencoders and one layer's neurons.
fn arguments<'a>(files: &'a [String; 2], out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let [one, other] = files;
    let first = ["scan", "--sae", "demo"];
    let neurons = ["--neurons", "blocks.2.mlp.hook_post"];
    let rest = ["--corpus", one, other, "--out", out];
    [&first[..], &neurons, &rest, more].concat()
}

/// Every file of a scan's folder that is a result, with its bytes.
fn results(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "lock")
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn tallies(folder: &Path) -> Vec<Tally> {
    let info = read_complete(folder).unwrap();
    let tallies = info.tallies.iter();
    tallies
        .map(|tally| read_tally(folder, tally).unwrap())
        .collect()
}

#[test]
fn a_scan_is_a_folder_and_its_shards_merge_to_it() {
    let folder = folder("scan");
    let files = corpus(&folder);
    let out = folder.join("whole");
    let shown = out.display().to_string();
    let summary = json(&arguments(&files, &shown, &[]));
    let names: Vec<String> = results(&out).into_iter().map(|(name, _)| name).collect();
    let expected = [
        "neurons.blocks.2.mlp.hook_post.tally",
        "openai.layer_1.tally",
        "openai.layer_3.tally",
        "openai.layer_5.tally",
        "scan.json",
    ];
    assert_eq!(names, expected);
    let progress = &summary["progress"];
    let tokens = progress["tokens"].as_u64().unwrap();
    assert!(tokens > 1000, "{summary}");
    assert_eq!(summary["complete"], true);
    assert_eq!(summary["settings"]["bos"], true);
    assert_eq!(summary["settings"]["context"], 64);
    for part in [
        "corpus",
        "model",
        "read_back",
        "bookkeeping",
        "waiting",
        "saving",
    ] {
        assert!(summary["seconds"][part].as_f64().unwrap() >= 0.0, "{part}");
    }
    let whole = tallies(&out);
    for tally in &whole {
        assert_eq!(tally.tokens(), tokens);
        let fired: u64 = tally
            .records()
            .iter()
            .map(|record| record.moments.fired)
            .sum();
        assert!(fired > tokens, "{}", tally.set().id);
    }
    // The same command again does nothing; another one refuses.
    let before = results(&out);
    let again = json(&arguments(&files, &shown, &[]));
    assert_eq!(again["tokens_per_second"], Value::Null);
    assert_eq!(results(&out), before);
    for (more, what) in [
        (&["--context", "128"][..], "contexts"),
        (&["--shard", "0/2"], "shards"),
        (&["--limit-tokens", "100"], "limits of tokens"),
        (&["--corpus-name", "another"], "names of the corpus"),
    ] {
        refused(
            &arguments(&files, &shown, more),
            "other-scan",
            &[what, "name another folder"],
        );
    }
    let shards = ["1/2", "0/2"].map(|shard| {
        let out = folder.join(shard.replace('/', "-of-"));
        json(&arguments(
            &files,
            &out.display().to_string(),
            &["--shard", shard],
        ));
        tallies(&out)
    });
    let [one, other] = shards;
    for ((one, other), whole) in one.into_iter().zip(other).zip(&whole) {
        assert!(one.merge(other).unwrap() == *whole, "{}", whole.set().id);
    }
}

#[test]
fn a_scan_that_is_killed_again_and_again_ends_as_if_it_had_not_been() {
    let folder = folder("scan-killed");
    let files = corpus(&folder);
    let (calm, killed) = (folder.join("calm"), folder.join("killed"));
    let begun = Instant::now();
    json(&arguments(&files, &calm.display().to_string(), &[]));
    let whole = begun.elapsed();
    let shown = killed.display().to_string();
    let saving = ["--checkpoint-windows", "4"];
    let mut resumed = 0;
    for attempt in 0..12u32 {
        // Moments in all parts of a run, saving the most of them.
        let wait = whole.mul_f64(0.25 + 0.13 * f64::from(attempt % 6));
        let mut child = command(&arguments(&files, &shown, &saving))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(wait);
        // On Unix this is SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        resumed += u32::from(has_checkpoint(&killed));
    }
    assert!(resumed > 0, "no run lived long enough to save its state");
    let summary = json(&arguments(&files, &shown, &saving));
    assert_eq!(summary["complete"], true);
    assert_eq!(results(&killed), results(&calm));
}

fn has_checkpoint(folder: &Path) -> bool {
    let checkpoints = ["checkpoint-0", "checkpoint-1"].map(|name| folder.join(name));
    checkpoints
        .iter()
        .any(|checkpoint| checkpoint.join("scan.json").exists())
        || read_complete(folder).is_ok()
}

#[test]
fn of_two_checkpoints_the_whole_one_is_taken() {
    let folder = folder("scan-damaged");
    let files = corpus(&folder);
    let out = folder.join("out");
    let shown = out.display().to_string();
    // Ends in the middle, as if it had been stopped: the scan of a corpus whose second file cannot be read.
    let records = fs::read(&files[1]).unwrap();
    let broken = [&records[..records.len() - 3], b"\xff\xff\n"].concat();
    fs::write(&files[1], &broken).unwrap();
    let saving = ["--checkpoint-windows", "4"];
    refused(
        &arguments(&files, &shown, &saving),
        "bad-file",
        &["records.jsonl", "line"],
    );
    let checkpoints = ["checkpoint-0", "checkpoint-1"].map(|name| out.join(name));
    for checkpoint in &checkpoints {
        assert!(checkpoint.join("scan.json").exists());
    }
    // The newer one is damaged, as by a bad disk.
    let windows = |checkpoint: &PathBuf| {
        let info = scan_folder::disk::read_info(checkpoint).unwrap();
        info.progress.windows
    };
    let newest = checkpoints.iter().max_by_key(|path| windows(path)).unwrap();
    let oldest = checkpoints.iter().map(windows).min().unwrap();
    let tally = newest.join("openai.layer_3.tally");
    let mut bytes = fs::read(&tally).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&tally, bytes).unwrap();
    // Of the same length, so that it is the same corpus.
    let mended = [&records[..records.len() - 3], b"\"}\n"].concat();
    assert_eq!(mended.len(), broken.len());
    fs::write(&files[1], mended).unwrap();
    let summary = json(&arguments(&files, &shown, &saving));
    let resumed = summary["resumed_at_tokens"].as_u64().unwrap();
    assert!(
        resumed > 0 && resumed <= oldest * 63,
        "{resumed} tokens, {oldest} windows"
    );
    let calm = folder.join("calm");
    json(&arguments(&files, &calm.display().to_string(), &[]));
    assert_eq!(results(&out), results(&calm));
}

#[cfg(unix)]
#[test]
fn where_there_is_no_room_for_a_file_the_state_before_stays() {
    let folder = folder("scan-full");
    let files = corpus(&folder);
    let (out, calm) = (folder.join("out"), folder.join("calm"));
    let shown = out.display().to_string();
    // Files may not be longer than some kilobytes: the tallies soon are.
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 60; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_sae-explorer"))
        .args(arguments(&files, &shown, &["--checkpoint-windows", "4"]))
        .args(["--backend", "cpu"])
        .output()
        .unwrap();
    let message = String::from_utf8(limited.stderr).unwrap();
    assert!(!limited.status.success(), "{message}");
    assert!(
        message.contains("error (output)") && message.contains(".tally"),
        "{message}"
    );
    // Nothing half-written is left.
    for checkpoint in ["checkpoint-0", "checkpoint-1"] {
        let checkpoint = out.join(checkpoint);
        assert!(!checkpoint.exists() || checkpoint.join("scan.json").exists());
    }
    json(&arguments(&files, &shown, &[]));
    json(&arguments(&files, &calm.display().to_string(), &[]));
    assert_eq!(results(&out), results(&calm));
}

#[test]
fn wrong_input_is_refused_with_what_to_do() {
    let folder = folder("scan-refused");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let out = folder.join("out").display().to_string();
    let scan = |file: &str, more: &[&str]| {
        let first = ["scan", "--sae", "demo", "--corpus", file, "--out", &out];
        let arguments = [&first[..], more].concat();
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        arguments
    };
    let text = file(
        "good.txt",
        "A text of some length, which is enough. "
            .repeat(5)
            .as_bytes(),
    );
    let cases = [
        (scan(&file("empty.txt", b""), &[]), "bad-file", "empty.txt"),
        (
            scan(&file("latin.txt", b"caf\xe9 au lait"), &[]),
            "bad-file",
            "byte 3",
        ),
        (scan(&file("a.csv", b"x"), &[]), "bad-file", ".parquet"),
        (
            scan(&file("a.txt.gz", b"x"), &[]),
            "bad-file",
            "decompressed",
        ),
        (
            scan(&file("a.jsonl", b"{\"content\": \"x\"}\n"), &[]),
            "bad-file",
            "--text-field",
        ),
        (
            scan(&folder.display().to_string(), &[]),
            "bad-file",
            "is a folder",
        ),
        (
            scan(&text, &["--context", "300"]),
            "bad-option",
            "from 9 to 256",
        ),
        (scan(&text, &["--sae", "absent"]), "missing-file", "absent"),
        (
            scan(&text, &["--neurons", "blocks.9.mlp.hook_post"]),
            "hook-mismatch",
            "blocks.9",
        ),
    ];
    for (arguments, code, part) in cases {
        let _ = fs::remove_dir_all(&out);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&arguments, code, &[part]);
    }
    let arguments = scan(&text, &["--shard", "3/3"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let found = run(&arguments);
    assert!(!found.status.success());
    assert!(
        String::from_utf8(found.stderr)
            .unwrap()
            .contains("I from 0 to N - 1")
    );
}
