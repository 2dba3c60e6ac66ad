//! The three files while they are written.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use atlas::{AtlasInfo, FeatureRecord, SetInfo};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::{coactivations, examples, features};

/// Path of the table of features in an atlas.
pub const FEATURES: &str = "tables/features.parquet";
/// Path of the table of examples.
pub const EXAMPLES: &str = "tables/examples.parquet";
/// Path of the table of co-activations.
pub const COACTIVATIONS: &str = "tables/coactivations.parquet";

/// Records that become rows at once.
const BATCH: usize = 1024;

/// Errors of writing tables.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be written.
    #[error("a table cannot be written: {0}")]
    Write(#[from] ParquetError),
    /// The columns do not fit each other, by a fault of this crate.
    #[error("a table cannot be made: {0}")]
    Columns(#[from] ArrowError),
}

/// Tables that are being written.
pub struct Tables<W: Write + Send> {
    features: ArrowWriter<W>,
    examples: ArrowWriter<W>,
    coactivations: ArrowWriter<W>,
}

impl<W: Write + Send> Tables<W> {
    /// Begins the tables of an atlas. The files' metadata name the version of the atlas, the model, the tokenizer's hash and the
    /// corpus.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn new(
        info: &AtlasInfo,
        features: W,
        examples: W,
        coactivations: W,
    ) -> Result<Self, Error> {
        let begin = |out: W, empty: RecordBatch| -> Result<ArrowWriter<W>, Error> {
            Ok(ArrowWriter::try_new(
                out,
                empty.schema(),
                Some(properties(info)?),
            )?)
        };
        Ok(Self {
            features: begin(features, features::batch(info, "", &[])?)?,
            examples: begin(examples, examples::batch(info, "", &[])?)?,
            coactivations: begin(coactivations, coactivations::batch("", &[])?)?,
        })
    }

    /// Adds records of a set. Latents that the atlas knows nothing of get no row.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn add(
        &mut self,
        info: &AtlasInfo,
        set: &SetInfo,
        records: &[FeatureRecord],
    ) -> Result<(), Error> {
        let known: Vec<&FeatureRecord> = records
            .iter()
            .filter(|record| info.has(&set.id, record.latent))
            .collect();
        for records in known.chunks(BATCH) {
            self.features
                .write(&features::batch(info, &set.id, records)?)?;
            self.examples
                .write(&examples::batch(info, &set.id, records)?)?;
            self.coactivations
                .write(&coactivations::batch(&set.id, records)?)?;
        }
        Ok(())
    }

    /// Ends the files and gives them back, in the order of [`Tables::new`].
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(self) -> Result<[W; 3], Error> {
        Ok([
            self.features.into_inner()?,
            self.examples.into_inner()?,
            self.coactivations.into_inner()?,
        ])
    }
}

fn properties(info: &AtlasInfo) -> Result<WriterProperties, Error> {
    let facts = [
        ("atlas.version", info.version.to_string()),
        ("atlas.model", info.model.name.clone()),
        ("atlas.model_sha256", info.model.sha256.clone()),
        (
            "atlas.tokenizer_sha256",
            info.model.tokenizer_sha256.clone(),
        ),
        ("atlas.corpus", info.corpus.name.clone()),
        ("atlas.sources", info.corpus.sources.join("\n")),
    ];
    let facts = facts
        .into_iter()
        .map(|(key, value)| KeyValue::new(key.to_owned(), value));
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_key_value_metadata(Some(facts.collect()))
        .build())
}
