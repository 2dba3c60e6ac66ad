//! A corpus of files of every kind, whole and damaged.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use corpus::{Corpus, Document, Error, Options, Place};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// A folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn read(files: &[PathBuf]) -> Result<Vec<Document>, Error> {
    Corpus::open(files, Options::default())?.collect()
}

/// Columns of a table: texts, ids, sources. Two row groups, and small pages.
fn table(path: &Path, codec: Codec, rows: &[(Option<&str>, i64, &str)]) {
    let schema = "message schema { OPTIONAL BYTE_ARRAY text (UTF8); REQUIRED INT64 id; REQUIRED BYTE_ARRAY source (UTF8); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_data_page_row_count_limit(3)
        .set_write_batch_size(2)
        .build();
    let file = fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    for rows in rows.chunks(rows.len().div_ceil(2).max(1)) {
        let mut group = writer.next_row_group().unwrap();
        let texts: Vec<ByteArray> = rows.iter().filter_map(|row| Some(row.0?.into())).collect();
        let levels: Vec<i16> = rows.iter().map(|row| i16::from(row.0.is_some())).collect();
        let mut column = group.next_column().unwrap().unwrap();
        let typed = column.typed::<ByteArrayType>();
        typed.write_batch(&texts, Some(&levels), None).unwrap();
        column.close().unwrap();
        let ids: Vec<i64> = rows.iter().map(|row| row.1).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<Int64Type>()
            .write_batch(&ids, None, None)
            .unwrap();
        column.close().unwrap();
        let sources: Vec<ByteArray> = rows.iter().map(|row| row.2.into()).collect();
        let mut column = group.next_column().unwrap().unwrap();
        let typed = column.typed::<ByteArrayType>();
        typed.write_batch(&sources, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn files_of_every_kind_are_one_corpus() {
    let folder = folder("every-kind");
    let text = "one\n<|endoftext|>\ntwo";
    let lines =
        "{\"text\": \"three\"}\n{\"text\": \"four\", \"source\": \"s\", \"title\": \"T\"}\n";
    let mut files = Vec::new();
    let mut put = |name: &str, bytes: &[u8]| {
        files.push(folder.join(name));
        fs::write(folder.join(name), bytes).unwrap();
    };
    put("a.txt", text.as_bytes());
    put("b.txt.gz", &gzip(text.as_bytes()));
    // Compressed files are joined by putting one behind the other.
    put(
        "c.txt.zst",
        &[zstd(b"one\n<|endoft"), zstd(b"ext|>\ntwo")].concat(),
    );
    put("d.jsonl", lines.as_bytes());
    put(
        "e.jsonl.gz",
        &[gzip(&lines.as_bytes()[..20]), gzip(&lines.as_bytes()[20..])].concat(),
    );
    put("f.JSONL.ZST", &zstd(lines.as_bytes()));
    files.push(folder.join("g.parquet"));
    let rows = [
        (Some("five"), 10, "x"),
        (None, 11, "x"),
        (Some("six"), 12, "y"),
        (Some(" "), 13, "y"),
    ];
    table(&folder.join("g.parquet"), Codec::UNCOMPRESSED, &rows);
    let documents = read(&files).unwrap();
    let numbers: Vec<u64> = documents.iter().map(|document| document.number).collect();
    assert_eq!(numbers, (0..14).collect::<Vec<_>>());
    let found: Vec<[&str; 3]> = documents
        .iter()
        .map(|document| [&*document.name, &*document.source, &*document.text])
        .collect();
    let expected = [
        ["a #1", "a", "one"],
        ["a #2", "a", "two"],
        ["b #1", "b", "one"],
        ["b #2", "b", "two"],
        ["c #1", "c", "one"],
        ["c #2", "c", "two"],
        ["d #1", "d", "three"],
        ["T", "s", "four"],
        ["e #1", "e", "three"],
        ["T", "s", "four"],
        ["f #1", "f", "three"],
        ["T", "s", "four"],
        ["10", "x", "five"],
        ["12", "y", "six"],
    ];
    assert_eq!(found, expected);
    let mut corpus = Corpus::open(&files, Options::default()).unwrap();
    assert_eq!(corpus.bytes_read(), 0);
    let mut before = 0;
    while let Some(document) = corpus.next() {
        document.unwrap();
        assert!((before..=corpus.bytes()).contains(&corpus.bytes_read()));
        before = corpus.bytes_read();
    }
    assert_eq!(corpus.bytes_read(), corpus.bytes());
}

#[test]
fn tables_are_read_in_every_compression_and_across_pages() {
    let folder = folder("tables");
    let texts: Vec<String> = (0..500)
        .map(|number| format!("text {number} {}", "é".repeat(number % 50)))
        .collect();
    let rows: Vec<(Option<&str>, i64, &str)> = (0..)
        .zip(&texts)
        .map(|(id, text)| ((id % 7 != 3).then_some(&**text), id, "s"))
        .collect();
    let expected: Vec<(String, String)> = rows
        .iter()
        .filter_map(|(text, id, _)| Some((id.to_string(), (*text)?.to_owned())))
        .collect();
    for (name, codec) in [
        ("plain", Codec::UNCOMPRESSED),
        ("snappy", Codec::SNAPPY),
        ("zstd", Codec::ZSTD(ZstdLevel::default())),
        ("gzip", Codec::GZIP(Default::default())),
        ("lz4", Codec::LZ4_RAW),
    ] {
        let path = folder.join(format!("{name}.parquet"));
        table(&path, codec, &rows);
        let found = read(&[path])
            .unwrap()
            .into_iter()
            .map(|document| (document.name, document.text));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn files_that_cannot_be_a_corpus_are_refused_before_anything_is_read() {
    let folder = folder("refused");
    fs::write(folder.join("a.txt"), "text").unwrap();
    fs::write(folder.join("b.csv"), "text").unwrap();
    fs::write(folder.join("c.parquet.gz"), gzip(b"x")).unwrap();
    fs::write(folder.join("d.jsonl"), "").unwrap();
    type Check = fn(&Error) -> bool;
    let cases: [(&str, Check); 5] = [
        ("b.csv", |error| matches!(error, Error::UnknownKind { .. })),
        ("c.parquet.gz", |error| {
            matches!(error, Error::CompressedTable { .. })
        }),
        ("d.jsonl", |error| matches!(error, Error::Empty { .. })),
        ("absent.txt", |error| matches!(error, Error::Read { .. })),
        ("", |error| matches!(error, Error::Folder { .. })),
    ];
    for (name, is_right) in cases {
        let files = [folder.join("a.txt"), folder.join(name)];
        let error = Corpus::open(&files, Options::default()).err().unwrap();
        assert!(is_right(&error), "{name}: {error}");
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
}

#[test]
fn damaged_files_are_named_with_the_place() {
    let folder = folder("damaged");
    // Numbers do not compress to nothing, so that a cut is in the middle.
    let text: String = (0..20_000u32)
        .map(|n| format!("{} ", n.wrapping_mul(2_654_435_761)))
        .collect();
    for (name, bytes) in [
        ("a.txt.gz", gzip(text.as_bytes())),
        ("a.txt.zst", zstd(text.as_bytes())),
    ] {
        let path = folder.join(name);
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let error = read(std::slice::from_ref(&path)).unwrap_err();
        let Error::Truncated { file, offset } = &error else {
            panic!("{name}: {error}");
        };
        assert!(
            file.ends_with(name) && *offset < text.len() as u64,
            "{error}"
        );
        let mut damaged = bytes.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 8].fill(0xff);
        fs::write(&path, &damaged).unwrap();
        let error = read(std::slice::from_ref(&path)).unwrap_err();
        let expected = matches!(
            error,
            Error::Compressed { .. } | Error::NotText { .. } | Error::Truncated { .. }
        );
        assert!(expected, "{name}: {error}");
        fs::write(&path, b"this is plain text").unwrap();
        let error = read(&[path]).unwrap_err();
        assert!(matches!(error, Error::Compressed { .. }), "{name}: {error}");
    }
    let path = folder.join("t.parquet");
    let rows = [(Some("one"), 1, "s"), (Some("two"), 2, "s")];
    table(&path, Codec::UNCOMPRESSED, &rows);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let error = read(std::slice::from_ref(&path)).unwrap_err();
    assert!(matches!(error, Error::Table { .. }), "{error}");
    // A text of the table that is not UTF-8.
    let at = whole.windows(3).position(|bytes| bytes == b"two").unwrap();
    let mut broken = whole.clone();
    broken[at + 1] = 0xff;
    fs::write(&path, &broken).unwrap();
    let error = read(std::slice::from_ref(&path)).unwrap_err();
    assert!(
        matches!(
            &error,
            Error::NotText {
                place: Place::Row(2),
                offset: 1,
                ..
            }
        ),
        "{error}"
    );
    fs::write(&path, &whole).unwrap();
    let options = Options {
        text_field: "content".to_owned(),
        ..Options::default()
    };
    let found: Result<Vec<_>, _> = Corpus::open(&[path], options).unwrap().collect();
    let error = found.unwrap_err();
    assert!(error.to_string().contains("text, id, source"), "{error}");
}
