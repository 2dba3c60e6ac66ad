//! A model's tensors over several files.

use crate::common;
use crate::common::{file, gpt2, safetensors, tensors};
use formats::Error;
use formats::tensors::{ShardIndex, TensorFile, TensorSet};
use pollster::block_on;
use serde_json::{Value, json};

const INDEX: &str = "model.safetensors.index.json";
const FIRST: &str = "model-00001-of-00002.safetensors";
const SECOND: &str = "model-00002-of-00002.safetensors";

type Tensors<'a> = &'a [(&'a str, &'a [usize], Vec<f32>)];

fn shard(name: &str, tensors: Tensors) -> TensorFile {
    TensorFile::from_safetensors(name, safetensors(tensors)).unwrap()
}

fn index(weight_map: &Value) -> Result<ShardIndex, Error> {
    let json = json!({ "metadata": { "total_size": 1 }, "weight_map": weight_map });
    ShardIndex::from_json(INDEX, json.to_string().as_bytes())
}

fn a() -> TensorFile {
    shard(FIRST, &[("a", &[2, 2], vec![1.0, 2.0, 3.0, 4.0])])
}

fn b() -> TensorFile {
    shard(
        SECOND,
        &[("b", &[1], vec![5.0]), ("unlisted", &[1], vec![6.0])],
    )
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>, code: &str, culprits: &[&str]) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    for culprit in culprits {
        assert!(
            error.to_string().contains(culprit),
            "`{error}` should name {culprit}"
        );
    }
}

#[test]
fn tensors_are_read_from_the_file_that_holds_them() {
    let index = index(&json!({ "b": SECOND, "a": FIRST })).unwrap();
    assert_eq!(index.files(), [FIRST, SECOND]);
    let set = index.join(vec![b(), a()]).unwrap();
    assert_eq!(set.file_name(), INDEX);
    assert_eq!(set.names(), ["a", "b"]);
    assert_eq!(block_on(set.read("b")).unwrap(), [5.0]);
    assert_eq!(set.shape("a").unwrap(), [2, 2]);
    assert_eq!(block_on(set.read_rows("a", 1..2)).unwrap(), [3.0, 4.0]);
    assert!(set.contains("a") && !set.contains("unlisted"));
    refused(
        block_on(set.read("unlisted")),
        "bad-file",
        &[INDEX, "`unlisted`", "`a`"],
    );
    refused(
        block_on(set.read_rows("a", 1..3)),
        "wrong-shape",
        &[FIRST, "`a`"],
    );
    let entries = set.entries();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (entries[0].dtype.as_str(), entries[0].shape.as_slice()),
        ("F32", &[2, 2][..])
    );
}

#[test]
fn files_must_be_the_ones_that_the_index_names() {
    let both = || index(&json!({ "a": FIRST, "b": SECOND })).unwrap();
    refused(
        both().join(vec![a()]),
        "missing-file",
        &[SECOND, INDEX, "`b`"],
    );
    refused(
        both().join(vec![a(), a(), b()]),
        "bad-file",
        &[FIRST, "twice"],
    );
    let stranger = shard("other.safetensors", &[("c", &[1], vec![0.0])]);
    refused(
        both().join(vec![a(), b(), stranger]),
        "bad-file",
        &["`other.safetensors`"],
    );
    let lacking = index(&json!({ "a": FIRST, "b": SECOND, "c": SECOND })).unwrap();
    refused(
        lacking.join(vec![a(), b()]),
        "bad-file",
        &[SECOND, "`c` is missing", "`b`"],
    );
    let twice = shard(SECOND, &[("a", &[1], vec![0.0]), ("b", &[1], vec![0.0])]);
    refused(
        both().join(vec![a(), twice]),
        "bad-file",
        &["`a`", FIRST, SECOND],
    );
}

#[test]
fn paths_are_no_names() {
    for path in [
        "../model.safetensors",
        "..",
        ".",
        "",
        "shards/model.safetensors",
        "shards\\model.safetensors",
        "/etc/passwd",
        "C:model.safetensors",
        "model\0.safetensors",
    ] {
        let shown = path.replace('\0', "\\u{0}");
        refused(
            index(&json!({ "a": path })),
            "bad-file",
            &["weight_map", &shown],
        );
    }
}

#[test]
fn an_index_that_is_none_is_refused() {
    let parse = |json: &str| ShardIndex::from_json(INDEX, json.as_bytes());
    refused(parse("{}"), "bad-file", &[INDEX, "weight_map"]);
    refused(parse("[]"), "bad-file", &[INDEX]);
    refused(parse(r#"{"weight_map": {}}"#), "bad-file", &["no tensor"]);
    refused(parse(r#"{"weight_map": {"a": 1}}"#), "bad-file", &[INDEX]);
    let twice = r#"{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}"#;
    refused(parse(twice), "bad-file", &["`a` stands twice"]);
    refused(parse(&"[".repeat(100_000)), "bad-file", &[INDEX]);
}

#[test]
fn a_file_that_names_a_tensor_twice_is_refused() {
    let entry = r#""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
    let bytes = common::with_header(&format!("{{{entry},{entry}}}"), &[0; 4]);
    refused(
        TensorFile::from_safetensors("f.safetensors", bytes),
        "bad-file",
        &["f.safetensors", "`a` stands twice"],
    );
}

#[test]
fn the_demo_in_three_files_is_the_demo() {
    let config = file("web/demo/model/config.json");
    let whole: TensorSet = tensors("web/demo/model/model.safetensors").into();
    let mut parts = [vec![], vec![], vec![]];
    let mut weight_map = serde_json::Map::new();
    for (i, name) in whole.names().into_iter().enumerate() {
        weight_map.insert(name.clone(), format!("{}.safetensors", i % 3).into());
        let shape = whole.shape(&name).unwrap().to_vec();
        let values = block_on(whole.read(&name)).unwrap();
        parts[i % 3].push((name, shape, values));
    }
    let shards = parts.iter().enumerate().map(|(i, part)| {
        let part: Vec<_> = part
            .iter()
            .map(|(n, s, v): &(String, Vec<usize>, Vec<f32>)| (n.as_str(), s.as_slice(), v.clone()))
            .collect();
        shard(&format!("{i}.safetensors"), &part)
    });
    let split = index(&weight_map.into())
        .unwrap()
        .join(shards.collect())
        .unwrap();
    let split = gpt2(&config, split).unwrap();
    block_on(split.check_finite()).unwrap();
    let whole = gpt2(&config, whole).unwrap();
    for key in ["wte.weight", "h.5.mlp.c_fc.weight", "ln_f.bias"] {
        assert_eq!(
            block_on(split.tensor(key)).unwrap(),
            block_on(whole.tensor(key)).unwrap()
        );
    }
    assert_eq!(
        block_on(split.rows("wpe.weight", 3..5)).unwrap(),
        block_on(whole.rows("wpe.weight", 3..5)).unwrap()
    );
}
