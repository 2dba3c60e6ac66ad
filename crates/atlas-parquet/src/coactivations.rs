//! The table of co-activations: a row for each feature and partner.

use arrow_array::RecordBatch;
use arrow_array::types::{Float32Type, UInt32Type, UInt64Type};
use arrow_schema::ArrowError;
use atlas::FeatureRecord;

use crate::columns::Columns;

/// Rows of records of a set.
pub fn batch(set: &str, records: &[&FeatureRecord]) -> Result<RecordBatch, ArrowError> {
    let rows = || {
        records.iter().flat_map(|record| {
            record
                .coactive
                .iter()
                .map(|partner| (record.latent, partner))
        })
    };
    let mut columns = Columns::default();
    columns.text("set", rows().map(|_| set));
    columns.number::<UInt32Type>("latent", rows().map(|(latent, _)| latent));
    columns.number::<UInt32Type>("partner", rows().map(|(_, partner)| partner.latent));
    columns.number::<UInt64Type>("count", rows().map(|(_, partner)| partner.count));
    columns.number::<Float32Type>("pmi", rows().map(|(_, partner)| partner.pmi));
    columns.batch()
}
