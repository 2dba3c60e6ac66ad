//! `sae-explorer atlas`: shards into an atlas, and what is shown, exchanged and refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use atlas::files::{encode, file_info};
use atlas::tally::{TallySet, Values, Window};
use atlas::{ModelKey, SetKind, Settings, Tally};
use scan_folder::{
    CorpusFile, CorpusKey, Progress, ScanInfo, Shard, TallyFile, encode_info, tally_name,
};
use serde_json::Value;

const LATENTS: u32 = 70;

/// Tokens of a tokenizer of its own, written as `vocab.json` and `merges.txt`.
fn vocabulary() -> Vec<Vec<u8>> {
    (0..=255u8).map(|byte| vec![byte]).collect()
}

fn model() -> ModelKey {
    ModelKey {
        name: "small".to_owned(),
        sha256: "aa".repeat(32),
        tokenizer_sha256: ModelKey::tokenizer_hash(&vocabulary()),
        vocabulary: 256,
    }
}

fn key(id: &str) -> TallySet {
    TallySet {
        id: id.to_owned(),
        kind: SetKind::Sae,
        hook: "blocks.0.hook_resid_post".to_owned(),
        n_latents: LATENTS,
        sha256: "bb".repeat(32),
    }
}

/// The tally of a part of a small corpus: latent `t % 70` fires on token `t`.
fn tally(id: &str, settings: &Settings, shard: Shard) -> Tally {
    let set = key(id);
    let mut tally = Tally::new(model(), set, "corpus".to_owned(), settings.clone());
    for document in (0..12u64).filter(|document| shard.has(*document)) {
        let name = format!("<script>alert({document})</script>");
        tally.document(
            document,
            &name,
            if document % 2 == 0 { "even" } else { "odd" },
        );
        let tokens: Vec<u32> = (0..30u32)
            .map(|at| (at * 7 + document as u32 * 13) % 256)
            .collect();
        let latents: Vec<i32> = tokens
            .iter()
            .map(|token| (token % LATENTS) as i32)
            .collect();
        let activations: Vec<f32> = tokens
            .iter()
            .map(|token| 0.5 + *token as f32 / 64.0)
            .collect();
        let window = Window {
            document,
            start: 0,
            tokens: &tokens,
            counted: &[true; 30],
        };
        let values = Values::Sparse {
            slots: 1,
            latents: &latents,
            activations: &activations,
        };
        tally.add(&window, &values).unwrap();
    }
    tally
}

/// Writes the folder of an ended scan.
fn scan_folder(
    place: &Path,
    name: &str,
    shard: Shard,
    change: impl FnOnce(&mut ScanInfo),
) -> PathBuf {
    let folder = place.join(name);
    fs::create_dir(&folder).unwrap();
    let settings = Settings::default();
    let sets = ["layer-0", "layer-1"];
    let tallies = sets.map(|id| {
        let bytes = encode(&tally(id, &settings, shard)).unwrap();
        fs::write(folder.join(tally_name(id)), &bytes).unwrap();
        TallyFile {
            set: id.to_owned(),
            file: file_info(tally_name(id), &bytes),
        }
    });
    let mut info = ScanInfo {
        version: scan_folder::VERSION,
        complete: true,
        model: model(),
        corpus: CorpusKey {
            name: "corpus".to_owned(),
            files: vec![CorpusFile {
                name: "a.txt".to_owned(),
                bytes: 360,
            }],
            text_field: "text".to_owned(),
        },
        settings,
        shard,
        limit_tokens: None,
        progress: Progress::default(),
        sets: sets.map(key).to_vec(),
        tallies: tallies.to_vec(),
    };
    change(&mut info);
    fs::write(folder.join(scan_folder::INDEX), encode_info(&info).unwrap()).unwrap();
    folder
}

fn shard(index: u32, of: u32) -> Shard {
    Shard { index, of }
}

/// The tokenizer's folder.
fn tokenizer(place: &Path) -> PathBuf {
    let folder = place.join("tokenizer");
    fs::create_dir_all(&folder).unwrap();
    let mut other = 0x100u32;
    let mut vocab = serde_json::Map::new();
    for byte in 0..=255u32 {
        let plain = matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
        let code = if plain {
            byte
        } else {
            other += 1;
            other - 1
        };
        vocab.insert(char::from_u32(code).unwrap().to_string(), byte.into());
    }
    fs::write(folder.join("vocab.json"), Value::Object(vocab).to_string()).unwrap();
    fs::write(folder.join("merges.txt"), "#version: 0.2\n").unwrap();
    folder
}

fn run(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sae-explorer"));
    command.arg("atlas");
    for argument in arguments {
        command.arg(argument.as_ref());
    }
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}

fn refusal(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// All files of a folder with their content.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.push((
                    path.strip_prefix(folder).unwrap().to_owned(),
                    fs::read(&path).unwrap(),
                ));
            }
        }
    }
    all.sort();
    all
}

/// An atlas of the whole corpus, with the texts of its tokens.
fn merged(place: &Path) -> PathBuf {
    let one = scan_folder(place, "whole", shard(0, 1), |_| ());
    let out = place.join("atlas");
    stdout(&run(&[
        &"merge",
        &one,
        &"--out",
        &out,
        &"--tokenizer",
        &tokenizer(place),
    ]));
    out
}

#[test]
fn any_shards_give_the_same_atlas() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let whole = merged(place);
    let folder = tokenizer(place);
    let parts: Vec<PathBuf> = (0..3)
        .map(|index| scan_folder(place, &format!("part-{index}"), shard(index, 3), |_| ()))
        .collect();
    for order in [[0, 1, 2], [2, 0, 1]] {
        let out = place.join("sharded");
        let [one, two, three] = order.map(|part| &parts[part]);
        stdout(&run(&[
            &"merge",
            one,
            two,
            three,
            &"--out",
            &out,
            &"--tokenizer",
            &folder,
        ]));
        assert_eq!(files(&out), files(&whole));
    }
    assert!(
        files(&whole)
            .iter()
            .any(|(path, _)| path.ends_with("tables/features.parquet"))
    );
    assert!(stdout(&run(&[&"check", &whole])).contains("all are as they were written"));
}

#[test]
fn shards_that_do_not_belong_together_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let first = scan_folder(place, "first", shard(0, 2), |_| ());
    let out = place.join("atlas");
    let refused = |name: &str, shard: Shard, change: &dyn Fn(&mut ScanInfo)| {
        let second = scan_folder(place, name, shard, change);
        let error = refusal(&run(&[&"merge", &first, &second, &"--out", &out]));
        assert!(
            !out.exists() && error.contains(name) || error.contains("missing"),
            "{error}"
        );
        error
    };
    let error = refused("model", shard(1, 2), &|info| {
        info.model.sha256 = "ff".to_owned()
    });
    assert!(
        error.contains("models differ") && error.contains("ff"),
        "{error}"
    );
    let error = refused("tokenizer", shard(1, 2), &|info| {
        info.model.tokenizer_sha256 = "ee".to_owned()
    });
    assert!(
        error.contains("tokenizers differ") && error.contains("ee"),
        "{error}"
    );
    let error = refused("settings", shard(1, 2), &|info| info.settings.context = 128);
    assert!(
        error.contains("settings differ (context 64 and context 128)"),
        "{error}"
    );
    let error = refused("sets", shard(1, 2), &|info| {
        info.sets.pop();
        info.tallies.pop();
    });
    assert!(
        error.contains("feature sets differ (2 entries and 1 entries)"),
        "{error}"
    );
    let error = refused("weights", shard(1, 2), &|info| {
        info.sets[1].sha256 = "dd".to_owned()
    });
    assert!(error.contains("feature sets differ ([1].sha256"), "{error}");
    let error = refused("corpus", shard(1, 2), &|info| {
        info.corpus.files[0].bytes = 9
    });
    assert!(
        error.contains("corpora differ (files[0].bytes 360 and files[0].bytes 9)"),
        "{error}"
    );
    let error = refused("count", shard(1, 3), &|_| ());
    assert!(
        error.contains("numbers of shards differ (2 and 3)"),
        "{error}"
    );
    let error = refused("again", shard(0, 2), &|_| ());
    assert!(error.contains("both shard 0/2"), "{error}");
    let error = refusal(&run(&[&"merge", &first, &"--out", &out]));
    assert!(
        error.contains("shards 1/2 of the corpus are missing"),
        "{error}"
    );
    let error = refused("unfinished", shard(1, 2), &|info| {
        info.complete = false;
        info.tallies.clear();
    });
    assert!(error.contains("has not ended"), "{error}");
    let error = refusal(&run(&[&"merge", &place.join("nothing"), &"--out", &out]));
    assert!(
        error.contains("nothing") && error.contains("no scan"),
        "{error}"
    );
    let whole = scan_folder(place, "whole", shard(0, 1), |_| ());
    let error = refusal(&run(&[
        &"merge",
        &whole,
        &"--out",
        &out,
        &"--tokenizer",
        &"demo",
    ]));
    assert!(error.contains("another tokenizer"), "{error}");
    fs::write(whole.join("layer-1.tally"), "short").unwrap();
    let error = refusal(&run(&[&"merge", &whole, &"--out", &out]));
    assert!(
        error.contains("layer-1.tally") && error.contains("damaged"),
        "{error}"
    );
    assert!(!out.exists());
}

#[test]
fn a_feature_is_shown() {
    let place = tempfile::tempdir().unwrap();
    let atlas = merged(place.path());
    // Token 65 is A; 135 and 205 are the other tokens of latent 65.
    let text = stdout(&run(&[
        &"show",
        &atlas,
        &"--sae",
        &"layer-0",
        &"--feature",
        &"65",
    ]));
    for part in [
        "Feature 65 of layer-0 at blocks.0.hook_resid_post, small",
        "of 360 tokens",
        "Largest activation 3.703",
        "«�»",
        "1 of 1         A",
        "█",
        "even",
        "Strongest",
        "<script>alert(",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text:?}"
    );
    let json = stdout(&run(&[
        &"show",
        &atlas,
        &"--sae",
        &"layer-0",
        &"--feature",
        &"65",
        &"--json",
    ]));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["feature"]["latent"], 65);
    assert_eq!(json["texts"]["65"], "A");
    let error = refusal(&run(&[
        &"show",
        &atlas,
        &"--sae",
        &"layer-0",
        &"--feature",
        &"70",
    ]));
    assert!(error.contains("latents 0 to 69"), "{error}");
    let error = refusal(&run(&[&"show", &atlas, &"--feature", &"7"]));
    assert!(error.contains("layer-0, layer-1"), "{error}");
    let error = refusal(&run(&[
        &"show",
        &atlas,
        &"--sae",
        &"layer-7",
        &"--feature",
        &"7",
    ]));
    assert!(error.contains("no feature set layer-7"), "{error}");
}

#[test]
fn features_are_listed() {
    let place = tempfile::tempdir().unwrap();
    let atlas = merged(place.path());
    let list = |options: &[&str]| -> Vec<Value> {
        let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
            vec![&"list", &atlas, &"--sae", &"layer-0", &"--json"];
        arguments.extend(
            options
                .iter()
                .map(|option| option as &dyn AsRef<std::ffi::OsStr>),
        );
        serde_json::from_str(&stdout(&run(&arguments))).unwrap()
    };
    let all = list(&["--limit", "0"]);
    assert_eq!(all.len(), LATENTS as usize);
    let by = |field: &str| {
        let values: Vec<f64> = list(&["--limit", "0", "--sort", field])
            .iter()
            .map(|row| row[field].as_f64().unwrap())
            .collect();
        assert!(
            values.is_sorted_by(|one, other| one >= other),
            "{field}: {values:?}"
        );
    };
    by("density");
    by("max");
    by("mean");
    let on = list(&["--token", "A"]);
    assert_eq!(on.len(), 1);
    assert_eq!(
        (
            on[0]["latent"].as_u64(),
            on[0]["on_token"].as_u64().is_some()
        ),
        (Some(65), true)
    );
    let error = refusal(&run(&[
        &"list", &atlas, &"--sae", &"layer-0", &"--token", &"king",
    ]));
    assert!(error.contains("\"king\" is not one token"), "{error}");
    let text = stdout(&run(&[
        &"list", &atlas, &"--sae", &"layer-0", &"--limit", &"3",
    ]));
    assert!(
        text.contains("67 more") && text.contains("density %"),
        "{text}"
    );
}

#[test]
fn damage_is_found_and_named() {
    let place = tempfile::tempdir().unwrap();
    let atlas = merged(place.path());
    for name in ["layer-0/features-0001.bin", "tables/examples.parquet"] {
        let path = atlas.join(name);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::write(&path, bytes).unwrap();
    }
    let output = run(&[&"check", &atlas]);
    assert!(!output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("layer-0/features-0001.bin")
            && text.contains("tables/examples.parquet")
            && text.contains("2 of"),
        "{text}"
    );
    stdout(&run(&[
        &"show",
        &atlas,
        &"--sae",
        &"layer-0",
        &"--feature",
        &"3",
    ]));
    let error = refusal(&run(&[
        &"show",
        &atlas,
        &"--sae",
        &"layer-0",
        &"--feature",
        &"69",
    ]));
    assert!(error.contains("features-0001.bin is damaged"), "{error}");
    // Damage in the tables of analysis does not keep an atlas from being replaced.
    let whole = place.path().join("whole");
    stdout(&run(&[&"merge", &whole, &"--out", &atlas, &"--no-tables"]));
    assert!(!atlas.join("tables").exists());
    assert!(run(&[&"check", &atlas]).status.success());
}

#[test]
fn atlases_go_to_other_formats_and_come_back() {
    let place = tempfile::tempdir().unwrap();
    let atlas = merged(place.path());
    let folder = tokenizer(place.path());
    for format in ["sae-dashboard", "openai-viewer"] {
        let (other, again) = (
            place.path().join(format),
            place.path().join(format!("{format}-atlas")),
        );
        stdout(&run(&[
            &"export",
            &atlas,
            &"--format",
            &format,
            &"--out",
            &other,
        ]));
        let error = refusal(&run(&[
            &"export",
            &atlas,
            &"--format",
            &format,
            &"--out",
            &other,
        ]));
        assert!(error.contains("is there already"), "{error}");
        fs::write(other.join("run_settings.json"), "{\"seed\": 1}").unwrap();
        let output = run(&[&"import", &other, &"--out", &again, &"--tokenizer", &folder]);
        stdout(&output);
        assert!(String::from_utf8_lossy(&output.stderr).contains("left out: "));
        assert!(run(&[&"check", &again]).status.success());
        let show = |atlas: &Path| -> Value {
            let json = stdout(&run(&[
                &"show",
                &atlas,
                &"--sae",
                &"layer-1",
                &"--feature",
                &"9",
                &"--json",
            ]));
            serde_json::from_str(&json).unwrap()
        };
        let (one, other) = (show(&atlas), show(&again));
        assert_eq!(
            one["feature"]["moments"]["density"],
            other["feature"]["moments"]["density"]
        );
        let examples = one["feature"]["top"].as_array().unwrap();
        assert!(!examples.is_empty());
        for (one, other) in examples
            .iter()
            .zip(other["feature"]["top"].as_array().unwrap())
        {
            for field in ["tokens", "peak", "positions", "activations"] {
                assert_eq!(one[field], other[field], "{format}: {field}");
            }
        }
        assert!(
            other["unknown"]
                .as_array()
                .unwrap()
                .contains(&"windows".into())
        );
        let text = stdout(&run(&[
            &"show",
            &again,
            &"--sae",
            &"layer-1",
            &"--feature",
            &"9",
        ]));
        assert!(text.contains("in – windows"), "{text}");
        stdout(&run(&[
            &"list", &again, &"--sae", &"layer-1", &"--sort", &"density",
        ]));
    }
    let again = place.path().join("sae-dashboard-atlas");
    let error = refusal(&run(&[
        &"list", &again, &"--sae", &"layer-1", &"--sort", &"mean",
    ]));
    assert!(error.contains("the mean is not known"), "{error}");
    let error = refusal(&run(&[
        &"import",
        &place.path().join("tokenizer/vocab.json"),
        &"--out",
        &again,
    ]));
    assert!(error.contains("vocab.json is neither"), "{error}");
}
