//! Writing `.pt` files as `torch.save` does: stored entries, each tensor with a storage of its own.

use std::io::{Cursor, Read as _, Write};

use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::error::{Error, Result};

/// Torch begins every entry's bytes at a multiple of this, so that they can be mapped into memory.
const ALIGNMENT: u16 = 64;
/// Elements that are turned into bytes at once.
const ELEMENTS: usize = 1 << 14;

/// A value of the dictionary.
pub(crate) enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// A whole number.
    Whole(usize),
    /// A dictionary.
    Dict(Vec<(&'a str, Value<'a>)>),
    /// A tensor's elements, row-major, and its shape.
    Tensor(Data<'a>, Vec<usize>),
}

/// A tensor's elements.
#[derive(Clone, Copy)]
pub(crate) enum Data<'a> {
    /// f32.
    Floats(&'a [f32]),
    /// So many zeros, i64.
    WholeZeros(usize),
}

impl Data<'_> {
    /// Elements, their size in bytes, and the name of the storage's class.
    fn layout(self) -> (usize, usize, &'static str) {
        match self {
            Self::Floats(values) => (values.len(), 4, "FloatStorage"),
            Self::WholeZeros(count) => (count, 8, "LongStorage"),
        }
    }

    fn bytes(self) -> usize {
        let (count, size, _) = self.layout();
        count * size
    }

    fn write(self, out: &mut impl Write) -> std::io::Result<()> {
        match self {
            Self::Floats(values) => values.chunks(ELEMENTS).try_for_each(|values| {
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                out.write_all(&bytes)
            }),
            Self::WholeZeros(count) => {
                std::io::copy(&mut std::io::repeat(0).take(8 * count as u64), out).map(|_| ())
            }
        }
    }
}

/// An archive that holds this dictionary. The same dictionary always gives the same bytes.
///
/// # Errors
/// `bad-file` where a zip archive cannot hold it. `name` stands for the file.
pub(crate) fn archive(name: &str, entries: &[(&str, Value<'_>)]) -> Result<Vec<u8>> {
    let mut tensors = Vec::new();
    let mut pickle = vec![0x80, 2];
    dict(&mut pickle, entries, &mut tensors);
    pickle.push(b'.');

    zipped(&pickle, &tensors).map_err(|error| Error::bad(name, error.to_string()))
}

/// The archive of a pickle and its storages.
fn zipped(pickle: &[u8], tensors: &[Data<'_>]) -> ZipResult<Vec<u8>> {
    let total: usize = tensors.iter().map(|data| data.bytes()).sum();
    // With the headers of a few entries, so that a large archive is not copied while it grows.
    let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(total + (1 << 14))));
    start(&mut zip, "data.pkl", pickle.len())?;
    zip.write_all(pickle)?;
    start(&mut zip, "byteorder", 6)?;
    zip.write_all(b"little")?;
    for (key, data) in tensors.iter().enumerate() {
        start(&mut zip, &format!("data/{key}"), data.bytes())?;
        data.write(&mut zip)?;
    }
    start(&mut zip, "version", 2)?;
    zip.write_all(b"3\n")?;
    Ok(zip.finish()?.into_inner())
}

/// Begins an entry of so many bytes.
fn start(zip: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, bytes: usize) -> ZipResult<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        // The date that zip counts from: the same dictionary always gives the same bytes.
        .last_modified_time(DateTime::default())
        .large_file(u32::try_from(bytes).is_err())
        .with_alignment(ALIGNMENT);
    zip.start_file(format!("archive/{name}"), options)
}

/// Pickles a dictionary; `tensors` gathers the storages in the order of their keys.
fn dict<'a>(out: &mut Vec<u8>, entries: &[(&str, Value<'a>)], tensors: &mut Vec<Data<'a>>) {
    out.extend(b"}(");
    for (key, value) in entries {
        text(out, key);
        match value {
            Value::Text(value) => text(out, value),
            Value::Whole(value) => whole(out, *value),
            Value::Dict(inner) => dict(out, inner, tensors),
            Value::Tensor(data, shape) => {
                tensor(out, *data, shape, tensors.len());
                tensors.push(*data);
            }
        }
    }
    out.push(b'u');
}

/// `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`, the storage by its persistent id.
fn tensor(out: &mut Vec<u8>, data: Data<'_>, shape: &[usize], key: usize) {
    let (count, _, class) = data.layout();
    out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text(out, "storage");
    out.extend(format!("ctorch\n{class}\n").as_bytes());
    text(out, &key.to_string());
    text(out, "cpu");
    whole(out, count);
    out.extend(b"tQ");
    whole(out, 0);
    let strides: Vec<usize> = (1..=shape.len())
        .map(|i| shape.iter().skip(i).product())
        .collect();
    for sizes in [shape, &strides] {
        out.push(b'(');
        sizes.iter().for_each(|&size| whole(out, size));
        out.push(b't');
    }
    out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
}

/// BINUNICODE. Texts here are names of a few characters.
fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

/// BININT where it fits, else LONG1: little-endian two's complement with its length.
fn whole(out: &mut Vec<u8>, number: usize) {
    match i32::try_from(number) {
        Ok(small) => {
            out.push(b'J');
            out.extend(small.to_le_bytes());
        }
        Err(_) => {
            // Elements in memory are fewer than 2⁶³, so that the sign's bit is clear.
            out.extend([0x8a, 8]);
            out.extend((number as u64).to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pickle::{Object, Pickle};

    #[test]
    fn whole_numbers_of_any_size_come_back() {
        for number in [0, 255, 65_536, i32::MAX as usize, 1 << 31, 1 << 40] {
            let mut pickle = vec![0x80, 2];
            dict(&mut pickle, &[("n", Value::Whole(number))], &mut Vec::new());
            pickle.push(b'.');
            let read = Pickle::read(&pickle).unwrap();
            let expected = Object::Int(number as i64);
            assert_eq!(read.entries().unwrap(), [("n", expected)]);
        }
    }
}
