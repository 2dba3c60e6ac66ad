//! SQL over the tables of atlases.

use std::path::PathBuf;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::error::DataFusionError;
use datafusion::prelude::ParquetReadOptions;

use crate::engine::Engine;
use crate::error::Error;

/// Names of the tables in SQL, and their files in an atlas's folder; docs/atlas.md has their columns.
pub const TABLES: [(&str, &str); 3] = [
    ("features", "tables/features.parquet"),
    ("examples", "tables/examples.parquet"),
    ("coactivations", "tables/coactivations.parquet"),
];

/// The rows that a query gives, over the tables of all atlases together.
///
/// # Errors
/// [`Error::NoTable`], [`Error::Query`].
pub async fn query(
    engine: &Engine,
    atlases: &[PathBuf],
    sql: &str,
) -> Result<Vec<RecordBatch>, Error> {
    for (name, file) in TABLES {
        let paths: Result<Vec<String>, Error> = atlases
            .iter()
            .map(|folder| {
                // Absolute: an executor runs in another folder.
                let path = folder.join(file).canonicalize();
                let path = path.map_err(|_| Error::NoTable {
                    folder: folder.clone(),
                    table: file,
                })?;
                Ok(path.display().to_string())
            })
            .collect();
        let rows = engine
            .context
            .read_parquet(paths?, ParquetReadOptions::default())
            .await?;
        engine.context.register_table(name, rows.into_view())?;
    }
    Ok(engine.context.sql(sql).await?.collect().await?)
}

/// Rows as a table of characters.
///
/// # Errors
/// [`Error::Query`] for a value that cannot be written.
pub fn table(rows: &[RecordBatch]) -> Result<String, Error> {
    let written = pretty_format_batches(rows).map_err(DataFusionError::from)?;
    Ok(written.to_string())
}

/// Rows as JSON, one object per line.
///
/// # Errors
/// [`Error::Query`] for a value that cannot be written.
pub fn lines(rows: &[RecordBatch]) -> Result<Vec<u8>, Error> {
    let mut writer = arrow_json::LineDelimitedWriter::new(Vec::new());
    let written = rows
        .iter()
        .try_for_each(|batch| writer.write(batch))
        .and_then(|()| writer.finish());
    written.map_err(DataFusionError::from)?;
    Ok(writer.into_inner())
}
