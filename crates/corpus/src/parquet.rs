//! Documents of a Parquet table.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fs::File;
use std::rc::Rc;

use parquet::basic::Type;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::document::{Entry, Options};
use crate::error::{Error, Place};
use crate::text::ending;

/// Rows that are read at a time. Values share the memory of their page.
const ROWS: usize = 64;

/// The documents of a table's column of text, `source` and `title` or else `id` beside it where it has them. Rows whose text is
/// null or nothing but white space are left out. Ends after an error. `read` receives how much of the file was read, by its rows.
///
/// # Errors
/// [`Error::Table`], [`Error::NoColumn`]; later [`Error::Table`], [`Error::NotText`], [`Error::TooLong`]; [`Error::Empty`] where
/// there is no document at all.
pub(crate) fn read_table(
    opened: File,
    (file, stem): (String, String),
    options: &Options,
    read: Rc<Cell<u64>>,
) -> Result<impl Iterator<Item = Result<Entry, Error>> + use<>, Error> {
    let bytes = opened.metadata().map_or(0, |metadata| metadata.len());
    let damaged = |error: ParquetError| Error::Table {
        file: file.clone(),
        why: error.to_string(),
    };
    let reader = SerializedFileReader::new(opened).map_err(damaged)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let column = |name: &str, types: &[Type]| {
        schema.columns().iter().position(|column| {
            column.path().parts() == [name]
                && column.max_rep_level() == 0
                && types.contains(&column.physical_type())
        })
    };
    let text = column(&options.text_field, &[Type::BYTE_ARRAY]).ok_or_else(|| Error::NoColumn {
        file: file.clone(),
        column: options.text_field.clone(),
        columns: {
            let columns = schema.columns().iter();
            let names: Vec<String> = columns.map(|column| column.path().string()).collect();
            names.join(", ")
        },
    })?;
    let names = [Type::BYTE_ARRAY, Type::INT64, Type::INT32];
    let columns = [
        Some(text),
        column("source", &names),
        column("title", &names).or_else(|| column("id", &names)),
    ];
    let rows = reader.metadata().file_metadata().num_rows();
    let mut table = Table {
        file,
        stem,
        bytes,
        rows: u64::try_from(rows).unwrap_or(0).max(1),
        longest: options.longest,
        reader,
        columns,
        open: [const { None }; 3],
        group: 0,
        left: 0,
        row: 0,
        any: false,
        read,
    };
    Ok(ending(move || table.next()))
}

struct Table {
    file: String,
    stem: String,
    bytes: u64,
    rows: u64,
    longest: usize,
    reader: SerializedFileReader<File>,
    /// Text, source, name: the columns' indices.
    columns: [Option<usize>; 3],
    /// Their values in the row group that is being read.
    open: [Option<Column>; 3],
    /// The next row group.
    group: usize,
    /// Rows of the open group that are left.
    left: u64,
    /// Rows that were read.
    row: u64,
    any: bool,
    read: Rc<Cell<u64>>,
}

impl Table {
    fn next(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            while self.left == 0 {
                if self.group >= self.reader.num_row_groups() {
                    return match self.any {
                        true => Ok(None),
                        false => Err(Error::Empty {
                            file: self.file.clone(),
                        }),
                    };
                }
                self.open_group().map_err(|error| self.damaged(&error))?;
            }
            self.left -= 1;
            self.row += 1;
            let share = self.row as f64 / self.rows as f64;
            self.read.set((self.bytes as f64 * share.min(1.0)) as u64);
            let [text, source, name] = self.values()?;
            let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
                continue;
            };
            let named = |name: &String| !name.trim().is_empty();
            self.any = true;
            let stem = &self.stem;
            return Ok(Some(Entry {
                name: name
                    .filter(named)
                    .unwrap_or_else(|| format!("{stem} #{}", self.row)),
                source: source.filter(named).unwrap_or_else(|| stem.clone()),
                text,
            }));
        }
    }

    fn open_group(&mut self) -> Result<(), ParquetError> {
        let group = self.reader.get_row_group(self.group)?;
        self.group += 1;
        self.left = u64::try_from(group.metadata().num_rows()).unwrap_or(0);
        for (open, column) in self.open.iter_mut().zip(self.columns) {
            *open = match column {
                None => None,
                Some(column) => {
                    let descriptor = group.metadata().column(column).column_descr();
                    let optional = descriptor.max_def_level() > 0;
                    Some(Column::new(group.get_column_reader(column)?, optional)?)
                }
            };
        }
        Ok(())
    }

    /// The values of the next row.
    fn values(&mut self) -> Result<[Option<String>; 3], Error> {
        let mut values = [const { None }; 3];
        let place = Place::Row(self.row);
        for (value, column) in values.iter_mut().zip(&mut self.open) {
            let Some(column) = column else { continue };
            let found = column.next().map_err(|error| Error::Table {
                file: self.file.clone(),
                why: format!("{place}: {error}"),
            })?;
            let Some(bytes) = found else { continue };
            if bytes.len() > self.longest {
                return Err(Error::TooLong {
                    file: self.file.clone(),
                    place,
                    longest: self.longest,
                });
            }
            let text = String::from_utf8(bytes).map_err(|error| Error::NotText {
                file: self.file.clone(),
                place,
                offset: error.utf8_error().valid_up_to() as u64,
            })?;
            *value = Some(text);
        }
        Ok(values)
    }

    fn damaged(&self, error: &ParquetError) -> Error {
        Error::Table {
            file: self.file.clone(),
            why: error.to_string(),
        }
    }
}

/// A column of a row group.
enum Column {
    Bytes(Values<ByteArrayType>),
    Long(Values<Int64Type>),
    Int(Values<Int32Type>),
}

impl Column {
    fn new(reader: ColumnReader, optional: bool) -> Result<Self, ParquetError> {
        Ok(match reader {
            ColumnReader::ByteArrayColumnReader(reader) => {
                Self::Bytes(Values::new(reader, optional))
            }
            ColumnReader::Int64ColumnReader(reader) => Self::Long(Values::new(reader, optional)),
            ColumnReader::Int32ColumnReader(reader) => Self::Int(Values::new(reader, optional)),
            _ => {
                return Err(ParquetError::General(
                    "a column has another type than the schema says".to_owned(),
                ));
            }
        })
    }

    /// The next row's value as text; None for a null.
    fn next(&mut self) -> Result<Option<Vec<u8>>, ParquetError> {
        let number = |value: String| value.into_bytes();
        Ok(match self {
            Self::Bytes(values) => values.next()?.map(|value: ByteArray| value.data().to_vec()),
            Self::Long(values) => values.next()?.map(|value| number(value.to_string())),
            Self::Int(values) => values.next()?.map(|value| number(value.to_string())),
        })
    }
}

/// The values of a column, row by row.
struct Values<T: DataType> {
    reader: ColumnReaderImpl<T>,
    optional: bool,
    /// True for a value, false for a null, of the rows that were read.
    there: VecDeque<bool>,
    values: VecDeque<T::T>,
}

impl<T: DataType> Values<T> {
    fn new(reader: ColumnReaderImpl<T>, optional: bool) -> Self {
        Self {
            reader,
            optional,
            there: VecDeque::new(),
            values: VecDeque::new(),
        }
    }

    fn next(&mut self) -> Result<Option<T::T>, ParquetError> {
        if self.there.is_empty() {
            let (mut levels, mut values) = (Vec::new(), Vec::new());
            let levels_wanted = self.optional.then_some(&mut levels);
            let (rows, _, _) = self
                .reader
                .read_records(ROWS, levels_wanted, None, &mut values)?;
            match self.optional {
                true => self.there.extend(levels.iter().map(|level| *level > 0)),
                false => self.there.extend((0..rows).map(|_| true)),
            }
            self.values.extend(values);
        }
        let short = || ParquetError::EOF("the column has fewer values than rows".to_owned());
        match self.there.pop_front() {
            None => Err(short()),
            Some(false) => Ok(None),
            Some(true) => self.values.pop_front().map(Some).ok_or_else(short),
        }
    }
}
