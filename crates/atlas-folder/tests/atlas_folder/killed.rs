//! A process that is killed while it replaces an atlas.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use atlas::Content;
use atlas::testing::content_of;
use atlas_folder::{Folder, Writer};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// Set for the process that writes until it is killed: the folder.
const TARGET: &str = "ATLAS_FOLDER_TEST_TARGET";

fn fixed(n_latents: u32) -> Content {
    let tree = content_of(n_latents).new_tree(&mut TestRunner::deterministic());
    tree.expect("a strategy that always has values").current()
}

fn write(content: &Content, target: &Path) {
    let mut writer = Writer::new(target).unwrap();
    for (set, records) in content.info.sets.iter().zip(&content.records) {
        writer.set(set.clone(), records, None, None).unwrap();
    }
    writer.finish(&content.info).unwrap();
}

/// The part of the process that is killed; without the variable there is nothing to do.
#[test]
fn write_until_killed() {
    let Some(target) = env::var_os(TARGET).map(PathBuf::from) else {
        return;
    };
    let atlases = [fixed(70), fixed(3)];
    for atlas in atlases.iter().cycle() {
        write(atlas, &target);
    }
}

#[test]
fn a_kill_at_any_moment_leaves_a_whole_atlas() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("atlas");
    write(&fixed(3), &target);
    let mut found = [false; 2];
    for round in 0..30u64 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "killed::write_until_killed"])
            .env(TARGET, &target)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(300 + round * 23 % 190));
        child.kill().unwrap();
        child.wait().unwrap();
        let folder = Folder::open(&target).unwrap();
        folder.check(|file, error| {
            assert!(error.is_none(), "round {round}: {}: {error:?}", file.path)
        });
        match folder.info().sets[0].n_latents {
            3 => found[0] = true,
            70 => found[1] = true,
            other => panic!("{other} latents"),
        }
    }
    assert!(found[1], "no process came so far as to write");
    // What a killed one left behind is removed by the next.
    write(&fixed(3), &target);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}
