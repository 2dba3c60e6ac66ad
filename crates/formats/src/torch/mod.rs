//! `.pt` files: a zip archive with a pickle of tensors and, beside it, one file of raw elements for each storage.

pub(crate) mod write;

use std::io::{Cursor, Read};

use zip::{CompressionMethod, ZipArchive};

use crate::error::{Error, Result, shortened};
use crate::pickle::{ElementType, Object, Pickle, Storage, Tensor, whole};
use crate::tensors::{Entry, check_finite};

/// An archive, open for reading. Use [`TorchFile::pickle_bytes`] first, then [`TorchDict`].
pub(crate) struct TorchFile<'a> {
    name: &'a str,
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The archive's size in bytes.
    size: u64,
    /// The folder within the archive that everything lies in, with its slash.
    folder: String,
}

impl<'a> TorchFile<'a> {
    /// Opens the archive and finds the pickle in it.
    pub(crate) fn open(name: &'a str, bytes: &'a [u8]) -> Result<Self> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|e| {
            Error::bad(
                name,
                format!("truncated, or not a zip archive as torch.save writes: {e}"),
            )
        })?;
        let folder = zip
            .file_names_raw()
            .filter_map(|entry| std::str::from_utf8(entry).ok())
            .find_map(|entry| {
                entry
                    .strip_suffix("data.pkl")
                    .filter(|f| f.is_empty() || f.ends_with('/'))
            })
            .map(str::to_owned)
            .ok_or_else(|| {
                Error::bad(
                    name,
                    "a zip archive without `data.pkl`, so not one of torch.save's",
                )
            })?;
        let mut file = Self {
            name,
            zip,
            size: bytes.len() as u64,
            folder,
        };
        // Archives of older versions do not have this entry, and are little-endian.
        if file
            .zip
            .index_for_name(&format!("{}byteorder", file.folder))
            .is_some()
        {
            let order = file.entry("byteorder", 16)?;
            if order.trim_ascii() != b"little" {
                let found = String::from_utf8_lossy(&order).into_owned();
                return Err(Error::unsupported(name, "the byte order", found, "little"));
            }
        }
        Ok(file)
    }

    /// The pickle's bytes.
    pub(crate) fn pickle_bytes(&mut self) -> Result<Vec<u8>> {
        // A few kilobytes in practice. The limit bounds what the reader may build of it.
        const LARGEST: u64 = 4 << 20;
        self.entry("data.pkl", LARGEST)
    }

    /// A storage's elements, as many bytes as the pickle states.
    fn storage_bytes(&mut self, tensor: &str, storage: &Storage) -> Result<Vec<u8>> {
        let size = storage.elements.saturating_mul(storage.element.size());
        let entry = format!("data/{}", storage.key);
        let bytes = self.entry(&entry, size as u64)?;
        if bytes.len() != size {
            let reason = format!(
                "the storage of `{}` should take {size} bytes, but `{}` has {}",
                shortened(tensor),
                shortened(&entry),
                bytes.len()
            );
            return Err(Error::bad(self.name, reason));
        }
        Ok(bytes)
    }

    /// An entry's bytes, at most `limit` of them. torch.save stores entries without compression, so that an entry is
    /// never larger than the archive and no small file can stand for a huge one.
    fn entry(&mut self, entry: &str, limit: u64) -> Result<Vec<u8>> {
        let entry = format!("{}{entry}", self.folder);
        let damaged = |e: &dyn std::fmt::Display| {
            Error::bad(self.name, format!("`{}` in it: {e}", shortened(&entry)))
        };
        let Some(index) = self.zip.index_for_name(&entry) else {
            return Err(damaged(&"missing from the archive"));
        };
        let reader = self.zip.by_index_raw(index).map_err(|e| damaged(&e))?;
        if reader.compression() != CompressionMethod::Stored || reader.encrypted() {
            return Err(damaged(
                &"packed or encrypted, while torch.save stores plain bytes",
            ));
        }
        let size = reader.size();
        drop(reader);
        if size > limit {
            return Err(damaged(&format!(
                "it states {size} bytes, but at most {limit} are expected"
            )));
        }
        if size > self.size {
            return Err(damaged(&format!(
                "it states {size} bytes, more than the whole file's {}",
                self.size
            )));
        }
        let reader = self.zip.by_index(index).map_err(|e| damaged(&e))?;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        // One byte more than stated, so that the reader reaches the end and compares the checksum.
        reader
            .take(size + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| damaged(&e))?;
        if bytes.len() as u64 != size {
            return Err(damaged(&format!(
                "it states {size} bytes, but has another number"
            )));
        }
        Ok(bytes)
    }
}

/// The dictionary that a `.pt` file holds, with its tensors read on demand.
pub(crate) struct TorchDict<'a, 'p> {
    file: TorchFile<'a>,
    pickle: &'p Pickle<'p>,
    entries: Vec<(&'p str, Object)>,
}

impl<'a, 'p> TorchDict<'a, 'p> {
    /// Joins an archive with its pickle, which must hold a dictionary.
    pub(crate) fn new(file: TorchFile<'a>, pickle: &'p Pickle<'p>) -> Result<Self> {
        let entries = pickle
            .entries()
            .map_err(|reason| Error::bad(file.name, reason))?;
        Ok(Self {
            file,
            pickle,
            entries,
        })
    }

    /// The value under a key.
    pub(crate) fn get(&self, key: &str) -> Option<Object> {
        self.entries
            .iter()
            .rev()
            .find(|(name, _)| *name == key)
            .map(|&(_, value)| value)
    }

    /// A text under a key; None where there is something else or nothing.
    pub(crate) fn text(&self, key: &str) -> Option<&'p str> {
        self.pickle.text(self.get(key)?)
    }

    /// A value of the dictionary under a key.
    pub(crate) fn nested(&self, key: &str, inner: &str) -> Option<Object> {
        let dict = self.pickle.dict(self.get(key)?)?;
        dict.into_iter()
            .rev()
            .find(|(name, _)| *name == inner)
            .map(|(_, value)| value)
    }

    /// A text of the dictionary under a key.
    pub(crate) fn nested_text(&self, key: &str, inner: &str) -> Option<&'p str> {
        self.pickle.text(self.nested(key, inner)?)
    }

    /// A whole number of the dictionary under a key.
    pub(crate) fn nested_whole(&self, key: &str, inner: &str) -> Option<usize> {
        whole(self.nested(key, inner)?)
    }

    /// A tensor's shape.
    pub(crate) fn shape(&self, key: &str) -> Result<&'p [usize]> {
        self.tensor(key).map(|(tensor, _)| tensor.shape.as_slice())
    }

    /// What is known of every tensor without reading it, in the pickle's order.
    pub(crate) fn tensors(&self) -> Vec<Entry> {
        let known = |&(name, object): &(&str, Object)| {
            let (tensor, storage) = self.pickle.tensor(object)?;
            Some(Entry {
                name: name.to_owned(),
                dtype: match storage.element {
                    ElementType::Float(dtype) => format!("{dtype:?}"),
                    ElementType::Whole(bytes) => format!("I{}", 8 * bytes),
                },
                shape: tensor.shape.clone(),
            })
        };
        self.entries.iter().filter_map(known).collect()
    }

    /// Whether a tensor of floating-point numbers in this shape is there.
    pub(crate) fn has_floats(&self, key: &str, shape: &[usize]) -> bool {
        self.tensor(key).is_ok_and(|(tensor, storage)| {
            tensor.shape == shape && matches!(storage.element, ElementType::Float(_))
        })
    }

    /// A tensor of the expected shape, row-major, as f32.
    pub(crate) fn read(&mut self, key: &str, expected: &[usize]) -> Result<Vec<f32>> {
        let (tensor, storage) = self.tensor(key)?;
        let name = self.file.name;
        if tensor.shape != expected {
            return Err(Error::WrongShape {
                file: name.to_owned(),
                tensor: shortened(key),
                expected: expected.to_vec(),
                found: tensor.shape.clone(),
            });
        }
        let ElementType::Float(dtype) = storage.element else {
            let what = format!(
                "the tensor `{}` has a data type that cannot hold weights:",
                shortened(key)
            );
            return Err(Error::unsupported(
                name,
                &what,
                "whole numbers",
                "F64, F32, F16, BF16",
            ));
        };
        check_layout(tensor, storage).map_err(|reason| {
            Error::bad(name, format!("the tensor `{}` {reason}", shortened(key)))
        })?;
        let flat = dtype.decode(&self.file.storage_bytes(key, storage)?);
        let values = gathered(tensor, flat);
        check_finite(name, key, &values, 0)?;
        Ok(values)
    }

    fn tensor(&self, key: &str) -> Result<(&'p Tensor, &'p Storage)> {
        match self.get(key) {
            None => Err(Error::MissingTensor {
                file: self.file.name.to_owned(),
                tensor: key.to_owned(),
                present: self
                    .entries
                    .iter()
                    .take(4)
                    .map(|(name, _)| (*name).to_owned())
                    .collect(),
            }),
            Some(object) => self.pickle.tensor(object).ok_or_else(|| {
                Error::bad(
                    self.file.name,
                    format!("`{}` should be a tensor, and is not", shortened(key)),
                )
            }),
        }
    }
}

/// Refuses a view that reaches past its storage, or that shows elements more than once (an expanded tensor, which may
/// be of any size while its storage holds one number).
fn check_layout(tensor: &Tensor, storage: &Storage) -> std::result::Result<(), String> {
    let mut dimensions: Vec<(usize, usize)> = tensor
        .shape
        .iter()
        .copied()
        .zip(tensor.strides.iter().copied())
        .filter(|&(size, _)| size != 1)
        .collect();
    if dimensions.iter().any(|&(size, _)| size == 0) {
        return Ok(());
    }
    dimensions.sort_unstable_by_key(|&(_, stride)| stride);
    let beyond = || {
        format!(
            "reaches past its storage: offset {}, shape {:?}, strides {:?}, but {} elements",
            tensor.offset, tensor.shape, tensor.strides, storage.elements
        )
    };
    // The furthest element, relative to the offset, of the dimensions so far.
    let mut last = 0usize;
    for (size, stride) in dimensions {
        if stride <= last {
            return Err(format!(
                "shows elements of its storage more than once (shape {:?}, strides {:?}), which is not supported",
                tensor.shape, tensor.strides
            ));
        }
        last = (size - 1)
            .checked_mul(stride)
            .and_then(|reach| reach.checked_add(last))
            .ok_or_else(beyond)?;
    }
    match tensor.offset.checked_add(last) {
        Some(last) if last < storage.elements => Ok(()),
        _ => Err(beyond()),
    }
}

/// A checked view's elements in row-major order.
fn gathered(tensor: &Tensor, flat: Vec<f32>) -> Vec<f32> {
    let count: usize = if tensor.shape.contains(&0) {
        0
    } else {
        tensor.shape.iter().product()
    };
    let mut row_major = 1;
    let contiguous = tensor
        .shape
        .iter()
        .zip(&tensor.strides)
        .rev()
        .all(|(&size, &stride)| {
            let fits = size == 1 || stride == row_major;
            row_major *= size.max(1);
            fits
        });
    if contiguous && tensor.offset == 0 && flat.len() == count {
        return flat;
    }
    let mut index = vec![0; tensor.shape.len()];
    let mut at = tensor.offset;
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        out.push(flat.get(at).copied().unwrap_or(f32::NAN));
        for (place, (&size, &stride)) in index
            .iter_mut()
            .zip(tensor.shape.iter().zip(&tensor.strides))
            .rev()
        {
            *place += 1;
            at += stride;
            if *place < size {
                break;
            }
            at -= stride * size;
            *place = 0;
        }
    }
    out
}
