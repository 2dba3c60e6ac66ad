//! How much memory the program takes for an autoencoder that is larger than what it may take.
#![cfg(target_os = "linux")]

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::common::command;
use serde_json::Value;

/// The largest of OpenAI's sweep over GPT-2.
const LATENTS: usize = 2_097_152;
/// The demo's. Each matrix has 2.1 GB; at GPT-2's width they would have three times as many bytes, read through a buffer
/// of the same size.
const WIDTH: usize = 256;
const K: usize = 32;
/// Half of what a whole matrix takes.
const LIMIT_BYTES: u64 = 1 << 30;

/// The most memory that a process has had, in bytes; none once it has ended.
fn peak_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[test]
fn two_million_latents_are_read_in_less_than_one_gibibyte() {
    // Of holes, so it takes no room and no time to write.
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("two-million.pt");
    random_model::write_hollow_sae(&file, LATENTS, WIDTH, K).unwrap();
    let sae = format!("{}@blocks.3.hook_resid_post", file.display());
    let arguments = ["trace", "--prompt", "Once upon a time", "--sae", &sae];
    let mut process = command(&[&arguments[..], &["--stream", "--json"]].concat())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = process.stdout.take().unwrap();
    let printed = std::thread::spawn(move || {
        let mut printed = String::new();
        pipe.read_to_string(&mut printed).map(|_| printed)
    });
    let mut peak = 0;
    while process.try_wait().unwrap().is_none() {
        peak = peak.max(peak_of(process.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(10));
    }
    std::fs::remove_file(&file).unwrap();
    let trace: Value = serde_json::from_str(&printed.join().unwrap().unwrap()).unwrap();

    // Without weights it is the biases that decide.
    let biases = random_model::hollow_biases();
    let mut latents: Vec<(f32, u64)> = (0..LATENTS as u64).map(|i| (biases.at(i), i)).collect();
    latents.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let expected: Vec<u64> = latents[..K].iter().map(|(_, latent)| *latent).collect();
    let positions = trace["saes"][0]["features"].as_array().unwrap();
    assert!(positions.len() > 3);
    // The first is the BOS, on which no autoencoder is read.
    for features in &positions[1..] {
        let features = features.as_array().unwrap().iter();
        let found: Vec<u64> = features.map(|f| f["latent"].as_u64().unwrap()).collect();
        assert_eq!(found, expected);
    }
    println!("{} MiB at most", peak >> 20);
    assert!(peak > 256 << 20, "{peak} bytes: less than the buffer's own");
    assert!(peak < LIMIT_BYTES, "{peak} bytes of memory");
}
