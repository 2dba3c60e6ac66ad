//! On a cluster: a scheduler and two executors, each a process of its own.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{content, shard, shards, tables};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sae-explorer-sql");

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port with a free one behind it.
fn ports() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

/// Starts a process of the cluster, and waits until it listens.
fn start(arguments: &[&str], port: u16) -> Process {
    let child = Command::new(PROGRAM)
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let process = Process(child);
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{arguments:?} does not listen"
        );
        sleep(Duration::from_millis(50));
    }
    process
}

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_cluster_gives_what_one_process_gives() {
    let place = tempfile::tempdir().unwrap();
    let port = ports();
    let scheduler = format!("127.0.0.1:{port}");
    let _scheduler = start(&["scheduler", "--bind", &scheduler], port);
    let _executors: Vec<Process> = (0..2)
        .map(|number| {
            let port = ports();
            let bind = format!("127.0.0.1:{port}");
            let work = place.path().join(format!("work-{number}"));
            std::fs::create_dir(&work).unwrap();
            let arguments = [
                "executor",
                "--scheduler",
                &scheduler,
                "--bind",
                &bind,
                "--work",
                text(&work),
            ];
            start(&arguments, port)
        })
        .collect();

    // The merge of shards, which leads to the same atlas because it is the same scan.
    let whole = shard(place.path(), 0, 1);
    let out = place.path().join("merged");
    let parts = shards(place.path(), 4);
    let mut arguments = vec!["merge", "--cluster", &scheduler, "--out", text(&out)];
    arguments.extend(parts.iter().map(|part| text(part)));
    let merged = run(&arguments);
    assert!(merged.status.success(), "{merged:?}");
    assert_eq!(content(&out), content(&whole));

    let atlas = tables(place.path(), &out);
    let sql = r#"SELECT latent, fired, max FROM features WHERE "set" = 'layer-1' AND fired > 0 ORDER BY fired DESC, latent"#;
    let asked = ["query", sql, "--json", "--atlas", text(&atlas)];
    let here = run(&asked);
    let there = run(&[&asked[..], &["--cluster", &scheduler]].concat());
    assert!(there.status.success(), "{there:?}");
    assert_eq!(there.stdout.split(|byte| *byte == b'\n').count(), 71);
    assert_eq!(here.stdout, there.stdout);

    // What is wrong with a query is said, and the cluster goes on.
    let wrong = run(&[
        "query",
        "SELECT nothing FROM features",
        "--atlas",
        text(&atlas),
        "--cluster",
        &scheduler,
    ]);
    assert!(!wrong.status.success());
    assert!(
        String::from_utf8_lossy(&wrong.stderr).contains("nothing"),
        "{wrong:?}"
    );
    assert_eq!(run(&asked).stdout, here.stdout);
}

#[test]
fn a_cluster_that_is_not_there_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    let atlas = tables(place.path(), &shard(place.path(), 0, 1));
    let nobody = format!("127.0.0.1:{}", ports());
    let asked = run(&[
        "query",
        "SELECT 1",
        "--atlas",
        text(&atlas),
        "--cluster",
        &nobody,
    ]);
    assert!(!asked.status.success());
    let asked = run(&[
        "query",
        "SELECT 1",
        "--atlas",
        text(&atlas),
        "--cluster",
        "nowhere",
    ]);
    assert!(
        String::from_utf8_lossy(&asked.stderr).contains("must be HOST:PORT"),
        "{asked:?}"
    );
}
