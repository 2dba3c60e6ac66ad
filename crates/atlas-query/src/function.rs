//! `merge_tallies(tally)`: the tally of all documents of a group of tallies, as SQL knows it.
//!
//! Tallies of parts of a corpus merge in any order and grouping to the same bytes, so that an engine may merge some of them here, some
//! there, and the results again.

use std::sync::Arc;

use atlas::Tally;
use datafusion::arrow::array::{Array as _, ArrayRef, AsArray as _};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

/// Its name in SQL.
pub const NAME: &str = "merge_tallies";

/// The function.
pub fn merge_tallies() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(MergeTallies {
        signature: Signature::exact(vec![DataType::LargeBinary], Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct MergeTallies {
    signature: Signature,
}

impl AggregateUDFImpl for MergeTallies {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::LargeBinary)
    }

    // What is handed on between two steps is a tally, too: the default of one field of the result's type.
    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Merged::default()))
    }
}

/// The tallies of a group, so far.
#[derive(Debug, Default)]
struct Merged {
    /// As one, in the bytes of its file.
    bytes: Option<Vec<u8>>,
}

impl Merged {
    fn add(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(column) = values.first() else {
            return Ok(());
        };
        let column = column.as_binary::<i64>();
        let mut whole = self.bytes.take().map(|bytes| decoded(&bytes)).transpose()?;
        for row in (0..column.len()).filter(|row| column.is_valid(*row)) {
            let next = decoded(column.value(row))?;
            whole = Some(match whole {
                Some(whole) => whole.merge(next).map_err(external)?,
                None => next,
            });
        }
        self.bytes = match &whole {
            Some(tally) => Some(atlas::files::encode(tally).map_err(external)?),
            None => None,
        };
        Ok(())
    }
}

fn decoded(bytes: &[u8]) -> Result<Tally> {
    let tally: Tally = atlas::files::decode("a row of tallies", bytes).map_err(external)?;
    tally.check().map_err(external)?;
    Ok(tally)
}

fn external(error: atlas::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl Accumulator for Merged {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.add(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::LargeBinary(self.bytes.clone()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes.as_ref().map_or(0, Vec::capacity)
    }
}
