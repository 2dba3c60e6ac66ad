//! Bad `.pt` files: `inspect` says what is wrong with each, and where.

#[path = "../../../formats/tests/formats/common/torch.rs"]
#[allow(dead_code, reason = "the other half belongs to the crate it lies in")]
mod torch;

use std::fs;

use crate::common::bad::Bad;
use crate::common::folder;
use serde_json::json;
use torch::{Stored, archive, entries, pickled, pt, small, topk};

#[test]
fn archives() {
    let bad = Bad(folder("bad_archives"));
    let sound = || entries(&small(), &topk(2, "ReLU"));
    let whole = archive(&sound());
    bad.file(
        "cut.pt",
        &whole[..whole.len() / 2],
        "bad-file",
        &["truncated"],
    );
    for (name, evil) in [
        ("up.pt", "../evil"),
        ("root.pt", "/evil"),
        ("inside.pt", "archive/../../evil"),
    ] {
        let mut with = sound();
        with.push((evil.to_owned(), vec![0]));
        bad.file(
            name,
            &archive(&with),
            "bad-file",
            &[&format!("`{evil}`"), "leads out of the archive"],
        );
    }
    let mut twice = sound();
    twice.push(twice[1].clone());
    bad.file(
        "twice.pt",
        &archive(&twice),
        "bad-file",
        &["`archive/data/0`", "stands twice"],
    );
    // The directory's record of an entry, and where a field of it lies.
    let record = |name: &str, field: usize| {
        let at = whole
            .windows(name.len())
            .rposition(|w| w == name.as_bytes());
        at.unwrap() - 46 + field
    };
    let changed = |at: usize, bytes: &[u8]| {
        let mut out = whole.clone();
        out[at..at + bytes.len()].copy_from_slice(bytes);
        out
    };
    let entry = "archive/data/2";
    // A bomb: packed, it could stand for a thousand times its size.
    bad.file(
        "bomb.pt",
        &changed(record(entry, 10), &[8, 0]),
        "bad-file",
        &[entry, "packed or encrypted"],
    );
    bad.file(
        "encrypted.pt",
        &changed(record(entry, 8), &[1, 0]),
        "bad-file",
        &[entry, "packed or encrypted"],
    );
    let size = (1u32 << 30).to_le_bytes();
    bad.file(
        "size.pt",
        &changed(record(entry, 20), &[size, size].concat()),
        "bad-file",
        &[entry, "1073741824"],
    );
    bad.file(
        "unequal.pt",
        &changed(record(entry, 24), &size),
        "bad-file",
        &[entry, "takes 24"],
    );
    bad.file(
        "overlap.pt",
        &changed(record(entry, 42), &[0; 4]),
        "bad-file",
        &["overlap"],
    );
    bad.file(
        "away.pt",
        &changed(record(entry, 42), &[0xff, 0xff, 0xff, 0x7f]),
        "bad-file",
        &[entry],
    );
    let at = whole
        .windows(4)
        .rposition(|w| w == 3f32.to_le_bytes())
        .unwrap();
    bad.file(
        "flipped.pt",
        &changed(at, &[1]),
        "bad-file",
        &["archive/data/3", "checksum"],
    );
    let mut lost = sound();
    lost.retain(|(name, _)| name != entry);
    bad.file("lost.pt", &archive(&lost), "bad-file", &[entry, "missing"]);
    bad.file(
        "other.pt",
        &archive(&[("a".to_owned(), vec![1])]),
        "bad-file",
        &["data.pkl"],
    );
}

#[test]
fn pickles() {
    let bad = Bad(folder("bad_pickles"));
    let pickle = |name: &str, program: &[u8], words: &[&str]| {
        bad.file(name, &pickled(program), "bad-file", words);
    };
    pickle(
        "system.pt",
        b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.",
        &["`posix.system`", "nothing was run"],
    );
    pickle(
        "eval.pt",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        &["`builtins.eval`"],
    );
    pickle(
        "opcode.pt",
        b"\x80\x02(ios\nsystem\n.",
        &["instruction 0x69"],
    );
    pickle("cut.pt", b"\x80\x02}", &["truncated"]);
    let deep = [&b"\x80\x02)"[..], &[0x85; 1 << 20], b"."].concat();
    pickle("deep.pt", &deep, &["something else than a dictionary"]);
    pickle("long.pt", b"\x80\x02X\xff\xff\xff\xffa", &["truncated"]);
}

#[test]
fn autoencoders_in_pt_files() {
    let bad = Bad(folder("bad_pt"));
    let topk = |k: i32| topk(k, "ReLU");
    let spoilt = |spoil: fn(&mut Stored)| {
        let mut tensors = small();
        spoil(&mut tensors[2]);
        pt(&tensors, &topk(2))
    };
    bad.file(
        "k.pt",
        &pt(&small(), &topk(4)),
        "bad-file",
        &["activation_state_dict.k", "latents, 3"],
    );
    bad.file(
        "no_k.pt",
        &pt(&small(), &torch::activation("TopK")),
        "bad-file",
        &["`activation_state_dict.k` is missing"],
    );
    bad.file(
        "other.pt",
        &pt(&small(), &torch::activation("Tanh")),
        "unsupported-architecture",
        &["`Tanh`"],
    );
    bad.file(
        "missing.pt",
        &pt(&small()[1..], &topk(2)),
        "bad-file",
        &["`pre_bias` is missing"],
    );
    let whole = spoilt(|t| {
        t.class = "LongStorage";
        t.bytes = vec![0; 48];
    });
    bad.file(
        "whole.pt",
        &whole,
        "unsupported-architecture",
        &["`encoder.weight`", "cannot hold weights"],
    );
    let beyond = spoilt(|t| t.strides = vec![i32::MAX, 1]);
    bad.file(
        "beyond.pt",
        &beyond,
        "bad-file",
        &["`encoder.weight`", "reaches past its storage"],
    );
    let expanded = spoilt(|t| {
        t.shape = vec![i32::MAX, i32::MAX];
        t.strides = vec![0, 0];
    });
    bad.file("expanded.pt", &expanded, "bad-file", &["more than once"]);
    let nan = spoilt(|t| t.bytes[4..8].copy_from_slice(&f32::NAN.to_le_bytes()));
    bad.file(
        "nan.pt",
        &nan,
        "non-finite-weights",
        &["`encoder.weight` holds NaN at element 1"],
    );
    let narrow = spoilt(|t| t.shape = vec![6]);
    bad.file("narrow.pt", &narrow, "bad-file", &["strides are damaged"]);
}

#[test]
fn attention_autoencoders() {
    let bad = Bad(folder("bad_attention"));
    let z = pt(&[Stored::floats("W_enc", &[2, 3], &[1.0; 6])], b"");
    bad.file("z.pt", &z, "bad-file", &["_cfg.json is needed"]);
    let cfg = json!({ "act_size": 2, "dict_size": 3, "head": 5 });
    fs::write(bad.0.join("z_cfg.json"), cfg.to_string()).unwrap();
    bad.inspect("z.pt", "unsupported-architecture", &["z_cfg.json", "`5`"]);
    bad.inspect(
        "z_cfg.json",
        "unsupported-architecture",
        &["z_cfg.json", "`5`"],
    );
    let cfg = json!({ "act_size": 2, "dict_size": 3, "head": "cat" });
    fs::write(bad.0.join("z_cfg.json"), cfg.to_string()).unwrap();
    bad.inspect("z.pt", "bad-file", &["`W_dec` is missing"]);
}
