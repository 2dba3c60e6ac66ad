//! Atlases on disk: what is read back, what is damaged, what is refused.

use std::fs;
use std::path::Path;

use atlas::files::{INDEX, encode_info};
use atlas::testing::{content, content_of, vocabulary};
use atlas::{AtlasInfo, Content};
use atlas_folder::{Error, Folder, Writer};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// An atlas with the same content in every run.
fn fixed(n_latents: u32) -> Content {
    let tree = content_of(n_latents).new_tree(&mut TestRunner::deterministic());
    tree.expect("a strategy that always has values").current()
}

fn write(content: &Content, target: &Path) -> AtlasInfo {
    let mut writer = Writer::new(target).unwrap();
    for (set, records) in content.info.sets.iter().zip(&content.records) {
        let index = vec![vec![(0u32, 3u64)]; vocabulary().len()];
        let points = vec![[0.5f32, -0.5]; records.len()];
        writer
            .set(set.clone(), records, Some(&index), Some(&points))
            .unwrap();
    }
    if let Some(vocabulary) = &content.vocabulary {
        writer.vocabulary(vocabulary).unwrap();
    }
    writer.finish(&content.info).unwrap()
}

/// Names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn problems(folder: &Folder) -> Vec<String> {
    let mut problems = Vec::new();
    folder.check(|_, error| problems.extend(error.map(|error| error.to_string())));
    problems
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again(content in content()) {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("atlas");
        write(&content, &target);
        let folder = Folder::open(&target).unwrap();
        prop_assert_eq!(&folder.info().corpus, &content.info.corpus);
        prop_assert_eq!(&folder.info().documents, &content.info.documents);
        for (set, records) in folder.info().sets.iter().zip(&content.records) {
            let read: Result<Vec<_>, Error> = folder.shards(set).collect();
            prop_assert_eq!(&read.unwrap().concat(), records);
            let last = set.n_latents - 1;
            prop_assert_eq!(&folder.feature(set, last).unwrap(), records.last().unwrap());
            prop_assert_eq!(folder.table(set).unwrap().unwrap().len(), records.len());
            prop_assert_eq!(folder.map(set).unwrap().unwrap().len(), records.len());
            prop_assert!(folder.token_index(set).unwrap().is_some());
        }
        prop_assert_eq!(folder.vocabulary().unwrap(), content.vocabulary);
        prop_assert_eq!(problems(&folder), Vec::<String>::new());
        prop_assert_eq!(names(place.path()), ["atlas"]);
    }
}

#[test]
fn a_damaged_shard_is_named_and_the_rest_works() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("atlas");
    write(&fixed(130), &target);
    let shard = target.join("layer-0/features-0001.bin");
    let whole = fs::read(&shard).unwrap();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    let damages: [(&[u8], &str); 4] = [
        (&changed, "SHA-256"),
        (&whole[..whole.len() / 2], "bytes in the place of"),
        (&whole[..10], "bytes in the place of"),
        (b"", "bytes in the place of"),
    ];
    for (bytes, why) in damages {
        fs::write(&shard, bytes).unwrap();
        let folder = Folder::open(&target).unwrap();
        let set = folder.set("layer-0").unwrap();
        let error = folder.feature(set, 64).unwrap_err().to_string();
        assert!(
            error.contains("layer-0/features-0001.bin") && error.contains(why),
            "{error}"
        );
        for latent in [0, 63, 128, 129] {
            assert_eq!(folder.feature(set, latent).unwrap().latent, latent);
        }
        assert_eq!(problems(&folder).len(), 1);
        let readable = folder.shards(set).filter(Result::is_ok).count();
        assert_eq!(readable, 2);
    }
    fs::remove_file(&shard).unwrap();
    let folder = Folder::open(&target).unwrap();
    assert!(problems(&folder)[0].contains("it is missing"));
}

#[test]
fn shards_that_were_exchanged_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("atlas");
    write(&fixed(130), &target);
    // Whoever can write the index can give any shard its hash; the latents inside still have to be the right ones.
    let mut info = Folder::open(&target).unwrap().info().clone();
    info.sets[0].shards.swap(0, 1);
    fs::write(target.join(INDEX), encode_info(&info).unwrap()).unwrap();
    let folder = Folder::open(&target).unwrap();
    let set = folder.set("layer-0").unwrap();
    let error = folder.feature(set, 0).unwrap_err().to_string();
    assert!(
        error.contains("does not hold the 64 latents from 0 on"),
        "{error}"
    );
}

#[test]
fn paths_out_of_the_folder_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("atlas");
    write(&fixed(3), &target);
    let index = fs::read_to_string(target.join(INDEX)).unwrap();
    let names = [
        "layer-0/features-0000.bin",
        "layer-0/table.bin",
        "layer-0/map.bin",
        "layer-0/tokens.bin",
        "vocabulary.bin",
    ];
    for name in names {
        for bad in [
            "../secret",
            "/etc/passwd",
            "a/../../b",
            "",
            "C:\\\\secret",
            "https://host/x",
            "layer-0//x",
            ".",
        ] {
            let changed = index.replace(&format!("\"{name}\""), &format!("\"{bad}\""));
            assert_ne!(changed, index);
            fs::write(target.join(INDEX), changed).unwrap();
            let error = Folder::open(&target).unwrap_err().to_string();
            assert!(
                error.contains("is not the name of a file below it"),
                "{name} as {bad}: {error}"
            );
        }
    }
}

#[test]
fn other_versions_and_broken_indices_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("atlas");
    write(&fixed(3), &target);
    let path = target.join(INDEX);
    let index = fs::read_to_string(&path).unwrap();
    let cases = [
        (
            index.replace("\"version\": 1", "\"version\": 9"),
            "version 9",
        ),
        (index[..index.len() / 2].to_owned(), "not JSON"),
        ("{}".to_owned(), "no `version`"),
        (
            index.replace("\"n_latents\": 3", "\"n_latents\": 300"),
            "shards",
        ),
    ];
    for (bytes, why) in cases {
        fs::write(&path, bytes).unwrap();
        let error = Folder::open(&target).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(INDEX), "{error}");
    }
    // A binary file of a later version, with a hash that is right.
    let shard = target.join("layer-0/features-0000.bin");
    let mut bytes = fs::read(&shard).unwrap();
    let before = atlas::files::file_info(String::new(), &bytes).sha256;
    bytes[8] = 2;
    fs::write(&shard, &bytes).unwrap();
    let after = atlas::files::file_info(String::new(), &bytes).sha256;
    fs::write(&path, index.replace(&before, &after)).unwrap();
    let folder = Folder::open(&target).unwrap();
    let error = folder
        .feature(folder.set("layer-0").unwrap(), 0)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("features-0000.bin is in version 2"),
        "{error}"
    );
}

#[test]
fn what_is_not_an_atlas_is_neither_read_nor_replaced() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("letters");
    assert!(matches!(Folder::open(&target), Err(Error::NoAtlas { .. })));
    fs::create_dir(&target).unwrap();
    fs::write(target.join("letter.txt"), "dear").unwrap();
    assert!(matches!(Folder::open(&target), Err(Error::NoAtlas { .. })));
    assert!(matches!(
        Writer::new(&target),
        Err(Error::NotReplaced { .. })
    ));
    assert_eq!(fs::read(target.join("letter.txt")).unwrap(), b"dear");
    let file = target.join("letter.txt");
    assert!(matches!(Writer::new(&file), Err(Error::NotReplaced { .. })));
    assert!(matches!(
        Writer::new(Path::new("/")),
        Err(Error::NoName { .. })
    ));
    assert_eq!(names(&target), ["letter.txt"]);
}

#[test]
fn an_atlas_that_is_not_finished_leaves_the_old_one() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("atlas");
    let old = fixed(5);
    write(&old, &target);
    let mut writer = Writer::new(&target).unwrap();
    let set = old.info.sets[0].clone();
    writer
        .set(set.clone(), &old.records[0], None, None)
        .unwrap();
    assert!(matches!(Writer::new(&target), Err(Error::Busy { .. })));
    // Fewer records than latents.
    assert!(matches!(
        writer.set(set, &old.records[0][1..], None, None),
        Err(Error::File { .. })
    ));
    drop(writer);
    assert_eq!(names(place.path()), ["atlas"]);
    let folder = Folder::open(&target).unwrap();
    assert_eq!(
        folder.shard(&folder.info().sets[0], 0).unwrap(),
        old.records[0]
    );
    let new = fixed(9);
    write(&new, &target);
    assert_eq!(Folder::open(&target).unwrap().info().sets[0].n_latents, 9);
    assert_eq!(names(place.path()), ["atlas"]);
}

#[test]
fn sets_latents_and_missing_records_are_named() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("atlas");
    let mut content = fixed(5);
    content.info.imported = Some(atlas::Imported {
        format: "sae-dashboard".to_owned(),
        unknown: vec![atlas::Quantity::Windows],
        missing: [("layer-0".to_owned(), vec![[1, 3]])].into(),
    });
    write(&content, &target);
    let folder = Folder::open(&target).unwrap();
    let message = |error: Error| error.to_string();
    let error = message(folder.set("layer-9").unwrap_err());
    assert!(
        error.contains("layer-9") && error.contains("layer-0, mlp.1"),
        "{error}"
    );
    let set = folder.set("layer-0").unwrap();
    let error = message(folder.feature(set, 5).unwrap_err());
    assert!(error.contains("latents 0 to 4"), "{error}");
    assert!(matches!(
        folder.feature(set, u32::MAX),
        Err(Error::NoLatent { .. })
    ));
    let error = message(folder.feature(set, 2).unwrap_err());
    assert!(error.contains("sae-dashboard"), "{error}");
    assert_eq!(folder.feature(set, 3).unwrap(), content.records[0][3]);
    assert!(!folder.info().knows(atlas::Quantity::Windows));
}
