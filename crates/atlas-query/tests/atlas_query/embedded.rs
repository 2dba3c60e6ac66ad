//! In this process.

use atlas_query::{Engine, Error, TABLES, lines, merge, query, table};

use crate::common::{SETS, content, shard, shards, tables};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

#[test]
fn a_query_counts_what_the_records_say() {
    let place = tempfile::tempdir().unwrap();
    let atlas = tables(place.path(), &shard(place.path(), 0, 1));
    let sql = r#"SELECT "set", count(*) AS features, sum(fired) AS fired, max(max) AS largest FROM features GROUP BY "set" ORDER BY "set""#;
    let rows = block_on(query(
        &Engine::embedded(),
        std::slice::from_ref(&atlas),
        sql,
    ))
    .unwrap();
    // 12 documents of 30 tokens, on each of which one latent fires; token 255 has 0.5 + 255 / 64.
    let found = String::from_utf8(lines(&rows).unwrap()).unwrap();
    let expected = SETS
        .map(|set| format!(r#"{{"set":"{set}","features":70,"fired":360,"largest":4.484375}}"#));
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    assert!(
        table(&rows)
            .unwrap()
            .contains("| layer-1 | 70       | 360   |")
    );

    // Two atlases are asked together; lists are indexed from 1.
    let sql = "SELECT count(*) AS rows, max(tokens[1]) AS token FROM features";
    let other = place.path().join("other");
    std::fs::create_dir_all(other.join("tables")).unwrap();
    for (_, file) in TABLES {
        std::fs::copy(atlas.join(file), other.join(file)).unwrap();
    }
    let rows = block_on(query(&Engine::embedded(), &[atlas.clone(), other], sql)).unwrap();
    let found = String::from_utf8(lines(&rows).unwrap()).unwrap();
    assert!(found.starts_with(r#"{"rows":280,"token":"#), "{found}");

    let wrong = block_on(query(
        &Engine::embedded(),
        &[atlas],
        "SELECT nothing FROM features",
    ));
    assert!(wrong.unwrap_err().to_string().contains("nothing"));
    let nowhere = block_on(query(
        &Engine::embedded(),
        &[place.path().join("x")],
        "SELECT 1",
    ));
    assert!(matches!(nowhere, Err(Error::NoTable { .. })));
}

#[test]
fn shards_merge_to_the_scan_of_the_whole() {
    let place = tempfile::tempdir().unwrap();
    let whole = content(&shard(place.path(), 0, 1));
    for of in [1, 3, 5] {
        let out = place.path().join(format!("merged-{of}"));
        let parts = match of {
            1 => vec![place.path().join("shard-0-1")],
            _ => shards(place.path(), of),
        };
        let info = block_on(merge(&Engine::embedded(), &parts, &out)).unwrap();
        assert_eq!(content(&out), whole, "{of} shards");
        assert_eq!(info, whole.0);
        assert!(
            !out.join("tallies").exists(),
            "nothing is left beside the result"
        );
        let again = block_on(merge(&Engine::embedded(), &parts, &out));
        assert!(matches!(again, Err(Error::Exists { .. })));
    }
    let missing = shards(place.path(), 4);
    let missing = block_on(merge(
        &Engine::embedded(),
        &missing[1..],
        &place.path().join("m"),
    ));
    assert!(
        missing
            .unwrap_err()
            .to_string()
            .contains("shards 0/4 of the corpus are missing")
    );
}
