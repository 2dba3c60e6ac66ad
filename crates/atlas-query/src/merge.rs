//! The shards of a scan as one scan.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atlas::Tally;
use datafusion::arrow::array::{
    Array as _, AsArray as _, LargeBinaryArray, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::error::DataFusionError;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::ParquetReadOptions;
use scan_folder::disk::{Folder, Found, read_shards, read_tally};
use scan_folder::{Part, Progress, Scan, ScanInfo, Shard};

use crate::engine::Engine;
use crate::error::Error;

/// The query that merges: one row per feature set, over a table with one row per shard and set.
pub const SQL: &str = r#"SELECT "set", merge_tallies(tally) AS tally FROM tallies GROUP BY "set""#;

/// Beside the result while it is made: a table per shard.
const SCRATCH: &str = "tallies";

/// Makes one scan of all the shards of one, and writes its folder. The result is that of a single scan of the corpus, to the byte.
/// On a cluster `out` is a folder that all of its machines see, by the same name.
///
/// # Errors
/// [`Error::Scan`] for shards that do not belong together, [`Error::Exists`], [`Error::Query`], [`Error::Write`].
pub async fn merge(engine: &Engine, shards: &[PathBuf], out: &Path) -> Result<ScanInfo, Error> {
    let parts = read_shards(shards)?;
    let wanted = whole(&parts).ok_or(Error::NoShard)?;
    let (mut folder, found) = Folder::open(out, &wanted)?;
    if !matches!(found, Found::Nothing) {
        return Err(Error::Exists {
            path: out.to_owned(),
        });
    }
    let scratch = out.join(SCRATCH);
    let merged = merged(engine, &parts, &scratch).await;
    let cleared = fs::remove_dir_all(&scratch);
    let mut merged = merged?;
    cleared.map_err(|source| Error::Write {
        path: scratch,
        source,
    })?;
    let tallies: Result<Vec<Tally>, Error> = wanted
        .sets
        .iter()
        .map(|set| {
            let at = merged.iter().position(|tally| tally.set().id == set.id);
            let at = at.ok_or_else(|| Error::NoTally {
                set: set.id.clone(),
            })?;
            Ok(merged.swap_remove(at))
        })
        .collect();
    let info = ScanInfo {
        complete: true,
        ..wanted
    };
    Ok(folder.finish(&Scan::of(info, tallies?))?)
}

/// The description of all shards as one scan; nothing where there are none.
fn whole(parts: &[Part]) -> Option<ScanInfo> {
    let progress = parts.iter().fold(Progress::default(), |sum, (_, info)| {
        let part = info.progress;
        Progress {
            // Each shard counts the documents of all.
            documents: sum.documents.max(part.documents),
            windows_of_next: 0,
            windows: sum.windows + part.windows,
            tokens: sum.tokens + part.tokens,
            short_windows: sum.short_windows + part.short_windows,
            short_tokens: sum.short_tokens + part.short_tokens,
        }
    });
    let (_, first) = parts.first()?;
    Some(ScanInfo {
        complete: false,
        shard: Shard::default(),
        progress,
        tallies: Vec::new(),
        ..first.clone()
    })
}

async fn merged(engine: &Engine, parts: &[Part], scratch: &Path) -> Result<Vec<Tally>, Error> {
    fs::create_dir_all(scratch).map_err(|source| Error::Write {
        path: scratch.to_owned(),
        source,
    })?;
    for (number, part) in parts.iter().enumerate() {
        write(&scratch.join(format!("shard-{number:05}.parquet")), part)?;
    }
    let path = scratch.canonicalize().map_err(|source| Error::Write {
        path: scratch.to_owned(),
        source,
    })?;
    let options = ParquetReadOptions::default();
    let path = path.display().to_string();
    engine
        .context
        .register_parquet("tallies", &path, options)
        .await?;
    let rows = engine.context.sql(SQL).await?.collect().await?;
    let mut tallies = Vec::new();
    for batch in rows {
        let column = batch.column_by_name("tally");
        let column = column.ok_or_else(|| {
            DataFusionError::Internal("the merging query gave no tallies".to_owned())
        })?;
        let column = column.as_binary::<i64>();
        for row in (0..column.len()).filter(|row| column.is_valid(*row)) {
            let tally: Tally = atlas::files::decode("a merged tally", column.value(row))?;
            tallies.push(tally);
        }
    }
    Ok(tallies)
}

/// The tallies of a shard as a table.
fn write(path: &Path, (folder, info): &Part) -> Result<(), Error> {
    let failed = |source| Error::Table {
        path: path.to_owned(),
        source,
    };
    let schema = Arc::new(Schema::new(vec![
        Field::new("set", DataType::Utf8, false),
        Field::new("tally", DataType::LargeBinary, false),
    ]));
    let file = File::create(path).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })?;
    let mut writer = ArrowWriter::try_new(file, schema.clone(), None).map_err(failed)?;
    for file in &info.tallies {
        // One at a time is in memory, compared with its hash.
        let bytes = atlas::files::encode(&read_tally(folder, file)?)?;
        let columns: (StringArray, LargeBinaryArray) = (
            [Some(file.set.as_str())].into_iter().collect(),
            [Some(bytes.as_slice())].into_iter().collect(),
        );
        let batch = RecordBatch::try_new(
            schema.clone(),
            vec![Arc::new(columns.0), Arc::new(columns.1)],
        );
        let batch = batch.map_err(DataFusionError::from)?;
        writer.write(&batch).map_err(failed)?;
        writer.flush().map_err(failed)?;
    }
    writer.close().map_err(failed)?;
    Ok(())
}
