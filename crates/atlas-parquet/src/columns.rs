//! Columns from records.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, ListArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_schema::ArrowError;

/// Columns of a table, in order.
#[derive(Default)]
pub struct Columns {
    columns: Vec<(&'static str, ArrayRef, bool)>,
}

impl Columns {
    /// A column of numbers.
    pub fn number<T: ArrowPrimitiveType>(
        &mut self,
        name: &'static str,
        values: impl Iterator<Item = T::Native>,
    ) {
        let array = PrimitiveArray::<T>::from_iter_values(values);
        self.columns.push((name, Arc::new(array), false));
    }

    /// A column of numbers that may be missing.
    pub fn optional<T: ArrowPrimitiveType>(
        &mut self,
        name: &'static str,
        values: impl Iterator<Item = Option<T::Native>>,
    ) {
        let values: Vec<Option<T::Native>> = values.collect();
        let array: PrimitiveArray<T> = values.into_iter().collect();
        self.columns.push((name, Arc::new(array), true));
    }

    /// A column of texts.
    pub fn text<'a>(&mut self, name: &'static str, values: impl Iterator<Item = &'a str>) {
        let array = StringArray::from_iter_values(values.collect::<Vec<&str>>());
        self.columns.push((name, Arc::new(array), false));
    }

    /// A column of lists of numbers; a list may be missing.
    pub fn lists<T: ArrowPrimitiveType>(
        &mut self,
        name: &'static str,
        rows: impl Iterator<Item = Option<Vec<T::Native>>>,
    ) {
        let rows = rows.map(|row| row.map(|row| row.into_iter().map(Some)));
        let array = ListArray::from_iter_primitive::<T, _, _>(rows);
        self.columns.push((name, Arc::new(array), true));
    }

    /// A column of lists of texts.
    pub fn texts<'a>(&mut self, name: &'static str, rows: impl Iterator<Item = Vec<&'a str>>) {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in rows {
            for text in row {
                lists.values().append_value(text);
            }
            lists.append(true);
        }
        self.columns.push((name, Arc::new(lists.finish()), true));
    }

    /// The rows.
    pub fn batch(self) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_from_iter_with_nullable(self.columns)
    }
}
