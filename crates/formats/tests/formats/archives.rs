//! Zip archives that are no archives of torch.save's, refused by what is wrong with them; and the ones of 64 bits.

use crate::common;
use crate::common::read_pt;
use crate::common::torch::{archive, entries, pt, small, topk};
use formats::Error;
use formats::sae::Sae;
use std::io::Write as _;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The archive of a small autoencoder.
fn sound() -> Vec<u8> {
    pt(&small(), &topk(2, "ReLU"))
}

fn refused(bytes: Vec<u8>, culprits: &[&str]) {
    let error = read_pt("test.pt", bytes).unwrap_err();
    assert_eq!(error.code(), "bad-file", "{error}");
    for culprit in culprits {
        assert!(
            error.to_string().contains(culprit),
            "`{error}` should name {culprit}"
        );
    }
}

/// Where in an archive the directory's record of an entry begins.
fn record(bytes: &[u8], name: &str) -> usize {
    let at = bytes
        .windows(name.len())
        .rposition(|w| w == name.as_bytes())
        .unwrap();
    at - 46
}

/// Where an entry's local header begins.
fn header(bytes: &[u8], name: &str) -> usize {
    let at = bytes
        .windows(name.len())
        .position(|w| w == name.as_bytes())
        .unwrap();
    at - 30
}

/// The archive with these bytes in it replaced.
fn with(at: impl Fn(&[u8]) -> usize, bytes: &[u8]) -> Vec<u8> {
    let mut out = sound();
    let at = at(&out);
    out[at..at + bytes.len()].copy_from_slice(bytes);
    out
}

const WEIGHT: &str = "archive/data/2";

#[test]
fn what_is_damaged_or_missing_is_named() {
    let whole = pt(&small(), &topk(2, "ReLU"));
    common::refused(
        read_pt("test.pt", whole[..whole.len() / 2].to_vec()),
        "bad-file",
        "truncated",
    );
    common::refused(read_pt("test.pt", Vec::new()), "bad-file", "truncated");
    common::refused(
        read_pt("test.pt", b"\x80\x02}.".to_vec()),
        "unsupported-architecture",
        "bare pickle",
    );
    common::refused(
        read_pt("test.pt", archive(&[("a".to_owned(), vec![1])])),
        "bad-file",
        "without `data.pkl`",
    );

    let mut lost = entries(&small(), &topk(2, "ReLU"));
    lost.retain(|(name, _)| name != "archive/data/2");
    common::refused(
        read_pt("test.pt", archive(&lost)),
        "bad-file",
        "`archive/data/2` in it: missing",
    );

    let mut big_endian = entries(&small(), &topk(2, "ReLU"));
    big_endian.push(("archive/byteorder".to_owned(), b"big".to_vec()));
    common::refused(
        read_pt("test.pt", archive(&big_endian)),
        "unsupported-architecture",
        "`big`",
    );

    // One bit of a weight: the archive's checksum tells.
    let mut flipped = whole.clone();
    let weight = 3.0f32.to_le_bytes();
    let at = whole.windows(4).rposition(|w| w == weight).unwrap();
    flipped[at] ^= 1;
    common::refused(
        read_pt("test.pt", flipped),
        "bad-file",
        "`archive/data/3` in it",
    );

    // A packed entry could stand for a thousand times its size.
    let mut packed = whole;
    let at = packed
        .windows(16)
        .rposition(|w| w == b"archive/data.pkl")
        .unwrap();
    packed[at - 46 + 10] = 8;
    common::refused(
        read_pt("test.pt", packed),
        "bad-file",
        "packed or encrypted",
    );
}

#[test]
fn names_that_lead_out_are_refused() {
    for name in [
        "../evil",
        "archive/../../evil",
        "/etc/passwd",
        "archive\\..\\evil",
        "C:evil",
        "archive/nul\0",
        "",
    ] {
        let mut entries = entries(&small(), &topk(2, "ReLU"));
        entries.push((name.to_owned(), vec![1]));
        refused(archive(&entries), &["leads out of the archive"]);
    }
    let mut bytes = sound();
    let at = record(&bytes, WEIGHT) + 46;
    bytes[at] = 0xff;
    refused(bytes, &["not UTF-8"]);
}

#[test]
fn an_entry_may_stand_once_only() {
    let mut entries = entries(&small(), &topk(2, "ReLU"));
    let again = entries[3].clone();
    entries.push(again);
    refused(
        archive(&entries),
        &["`archive/data/2` in it: it stands twice"],
    );
}

#[test]
fn packed_and_encrypted_entries_are_refused() {
    let words = ["`archive/data/2` in it", "packed or encrypted"];
    refused(with(|b| record(b, WEIGHT) + 10, &[8, 0]), &words);
    refused(with(|b| record(b, WEIGHT) + 8, &[1, 0]), &words);
    refused(with(|b| record(b, WEIGHT) + 8, &[0, 0x20]), &words);
    // A real one: a thousand zeros packed into a few bytes.
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    zip.start_file("archive/data.pkl", options).unwrap();
    zip.write_all(b"\x80\x02}.").unwrap();
    let mut bomb = zip.finish().unwrap().into_inner();
    let at = record(&bomb, "archive/data.pkl");
    bomb[at + 24..at + 28].copy_from_slice(&u32::MAX.to_le_bytes()[..4]);
    refused(bomb, &["damaged"]);
}

#[test]
fn sizes_and_places_that_lie_are_refused() {
    // Packed and unpacked size differ; both too large; beyond the end; onto another entry.
    let size = 24u32;
    refused(
        with(|b| record(b, WEIGHT) + 24, &(size + 1).to_le_bytes()),
        &["`archive/data/2` in it: it states 25 bytes, but takes 24"],
    );
    let both = |size: u32| [size.to_le_bytes(), size.to_le_bytes()].concat();
    refused(
        with(|b| record(b, WEIGHT) + 20, &both(size + 1)),
        &[
            "`archive/data/2` in it",
            "`archive/data/3` begins",
            "overlap",
        ],
    );
    refused(
        with(|b| record(b, WEIGHT) + 20, &both(1 << 30)),
        &[
            "`archive/data/2` in it: it states 1073741824 bytes",
            "entries end",
        ],
    );
    refused(
        with(|b| record(b, WEIGHT) + 42, &0x7fff_ffffu32.to_le_bytes()),
        &["`archive/data/2` in it", "entries end"],
    );
    refused(with(|b| record(b, WEIGHT) + 42, &[0; 4]), &["overlap"]);
    // Sound in the directory, another story in the entry's own header.
    for (at, bytes) in [
        (0, &[0u8, 0][..]),
        (8, &[8, 0]),
        (14, &[1, 2, 3, 4]),
        (18, &[25, 0, 0, 0]),
        (22, &[25, 0, 0, 0]),
        (28, &[200, 0]),
        (30, b"x"),
    ] {
        refused(
            with(|b| header(b, WEIGHT) + at, bytes),
            &["`archive/data/2` in it: its header and the archive's directory contradict"],
        );
    }
}

#[test]
fn directories_that_lie_are_refused() {
    let end = |b: &[u8]| b.len() - 22;
    refused(with(|b| end(b) + 10, &[200, 0]), &["end record is damaged"]);
    refused(
        with(|b| end(b) + 8, &[200, 0, 200, 0]),
        &["does not hold the entries"],
    );
    refused(
        with(|b| end(b) + 8, &[4, 0, 4, 0]),
        &["does not hold the entries"],
    );
    refused(
        with(|b| end(b) + 12, &[1, 0, 0, 0]),
        &["does not lie where the end record says"],
    );
    refused(
        with(|b| end(b) + 16, &[0xff; 4]),
        &["does not lie where the end record says"],
    );
    refused(with(|b| end(b) + 4, &[1, 0]), &["end record is damaged"]);
    refused(with(|b| end(b) + 20, &[7, 0]), &["end record is damaged"]);
    refused(with(end, b"XX"), &["no end record"]);
    let mut longer = sound();
    longer.extend([0; 100]);
    refused(longer, &["end record is damaged"]);
    refused(b"PK\x05\x06".to_vec(), &["truncated"]);
}

#[test]
fn a_comment_at_the_end_is_no_harm() {
    let mut bytes = sound();
    let at = bytes.len() - 2;
    bytes[at..].copy_from_slice(&300u16.to_le_bytes());
    bytes.extend([b'c'; 300]);
    assert_eq!(read_pt("a.pt", bytes), read_pt("a.pt", sound()));
}

/// What another writer makes of the same entries.
fn rewritten(options: SimpleFileOptions) -> Result<Sae, Error> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, data) in entries(&small(), &topk(2, "ReLU")) {
        zip.start_file(name, options).unwrap();
        zip.write_all(&data).unwrap();
    }
    read_pt("a.pt", zip.finish().unwrap().into_inner())
}

#[test]
fn archives_of_another_writer_are_read_too() {
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let expected = read_pt("a.pt", sound());
    assert_eq!(rewritten(stored), expected);
    // With 64-bit sizes in every header, and with bytes aligned.
    assert_eq!(rewritten(stored.large_file(true)), expected);
    assert_eq!(rewritten(stored.with_alignment(64)), expected);
}

#[test]
fn the_zip64_record_counts_where_the_small_one_leaves_off() {
    let bytes = sound();
    let end = bytes.len() - 22;
    let directory = u32::from_le_bytes(*bytes[end + 16..].first_chunk().unwrap());
    let wide = |entries: u64, start: u64, small: [u8; 4]| {
        let mut out = bytes[..end].to_vec();
        out.extend(b"PK\x06\x06");
        out.extend(44u64.to_le_bytes());
        out.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let size = (end as u64) - u64::from(directory);
        for number in [entries, entries, size, start] {
            out.extend(number.to_le_bytes());
        }
        out.extend(b"PK\x06\x07\0\0\0\0");
        out.extend((end as u64).to_le_bytes());
        out.extend(1u32.to_le_bytes());
        out.extend(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff");
        out.extend(small);
        out.extend([0, 0]);
        out
    };
    let start = u64::from(directory);
    let expected = read_pt("a.pt", bytes.clone());
    assert_eq!(read_pt("a.pt", wide(5, start, [0xff; 4])), expected);
    assert_eq!(
        read_pt("a.pt", wide(5, start, directory.to_le_bytes())),
        expected
    );
    refused(wide(5, start, [1, 0, 0, 0]), &["contradict each other"]);
    refused(wide(6, start, [0xff; 4]), &["does not hold the entries"]);
    refused(wide(5, start + 1, [0xff; 4]), &["does not lie where"]);
    refused(wide(5, u64::MAX, [0xff; 4]), &["does not lie where"]);
    refused(wide(u64::MAX, start, [0xff; 4]), &["does not hold"]);
}
