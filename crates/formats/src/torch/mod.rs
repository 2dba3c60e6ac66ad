//! `.pt` files: a zip archive with a pickle of tensors and, beside it, one file of raw elements for each storage.

mod view;
pub(crate) mod write;
mod zip;

use std::rc::Rc;

use self::zip::Archive;
use crate::error::{Error, Result, shortened};
use crate::pickle::{ElementType, Object, Pickle, Storage, Tensor, whole};
use crate::source::{ByteSource, Bytes};
use crate::tensors::{Entry, no_weights};

pub(crate) use view::View;

const PICKLE: &str = "data.pkl";

/// An archive, open for reading. Use [`TorchFile::pickle_bytes`] first, then [`TorchDict`].
pub(crate) struct TorchFile {
    archive: Archive,
    /// The folder within the archive that everything lies in, with its slash.
    folder: String,
}

impl TorchFile {
    /// Opens the archive and finds the pickle in it.
    pub(crate) async fn open(source: Rc<dyn ByteSource>) -> Result<Self> {
        let archive = Archive::open(source).await?;
        let folder = archive
            .names()
            .find_map(|entry| {
                entry
                    .strip_suffix(PICKLE)
                    .filter(|f| f.is_empty() || f.ends_with('/'))
            })
            .map(str::to_owned)
            .ok_or_else(|| {
                Error::bad(
                    archive.file_name(),
                    "a zip archive without `data.pkl`, so not one of torch.save's",
                )
            })?;
        let file = Self { archive, folder };
        // Archives of older versions do not have this entry, and are little-endian.
        let order = file.path("byteorder");
        if file.archive.size(&order).is_some() {
            let order = file.archive.read(&order, 16).await?;
            if order.trim_ascii() != b"little" {
                let found = String::from_utf8_lossy(&order).into_owned();
                return Err(Error::unsupported(
                    file.name(),
                    "the byte order",
                    found,
                    "little",
                ));
            }
        }
        Ok(file)
    }

    /// The file's name.
    pub(crate) fn name(&self) -> &str {
        self.archive.file_name()
    }

    /// The pickle's bytes.
    pub(crate) async fn pickle_bytes(&self) -> Result<Bytes> {
        // A few kilobytes in practice. The limit bounds what the reader may build of it.
        const LARGEST: u64 = 4 << 20;
        self.archive.read(&self.path(PICKLE), LARGEST).await
    }

    fn path(&self, entry: &str) -> String {
        format!("{}{entry}", self.folder)
    }

    /// A part of an entry of the archive.
    async fn part(&self, entry: &str, from: u64, length: u64) -> Result<Bytes> {
        self.archive.read_part(entry, from, length).await
    }

    /// About where an entry of the archive begins in the file.
    fn position(&self, entry: &str) -> u64 {
        self.archive.position(entry).unwrap_or(u64::MAX)
    }
}

/// The dictionary that a `.pt` file holds.
pub(crate) struct TorchDict<'p> {
    file: &'p TorchFile,
    pickle: &'p Pickle<'p>,
    entries: Vec<(&'p str, Object)>,
}

impl<'p> TorchDict<'p> {
    /// Joins an archive with its pickle, which must hold a dictionary.
    pub(crate) fn new(file: &'p TorchFile, pickle: &'p Pickle<'p>) -> Result<Self> {
        let entries = pickle
            .entries()
            .map_err(|reason| Error::bad(file.name(), reason))?;
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

    /// A whole number under a key; None where there is something else or nothing.
    pub(crate) fn whole(&self, key: &str) -> Option<usize> {
        whole(self.get(key)?)
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

    /// The keys of the dictionary under a key.
    pub(crate) fn nested_names(&self, key: &str) -> Vec<&'p str> {
        let dict = self.get(key).and_then(|object| self.pickle.dict(object));
        dict.into_iter().flatten().map(|(name, _)| name).collect()
    }

    /// Refuses the first key that a layout does not use: what it holds may be a part of the function.
    pub(crate) fn refuse_surplus(&self, layout: &str, used: impl Fn(&str) -> bool) -> Result<()> {
        match self.entries.iter().find(|(name, _)| !used(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let reason =
                    "without it the file might be another function; remove it if it does nothing";
                Err(Error::surplus(self.file.name(), name, layout, reason))
            }
        }
    }

    /// A tensor's shape.
    pub(crate) fn shape(&self, key: &str) -> Result<&'p [usize]> {
        self.tensor(key).map(|(tensor, _)| tensor.shape.as_slice())
    }

    /// Descriptions of all tensors, in the pickle's order.
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

    /// A tensor of floating-point numbers in the expected shape, compared with its storage but not read.
    pub(crate) fn view(&self, key: &str, expected: &[usize]) -> Result<View> {
        let (tensor, storage) = self.tensor(key)?;
        let name = self.file.name();
        if tensor.shape != expected {
            return Err(Error::WrongShape {
                file: name.to_owned(),
                tensor: shortened(key),
                expected: expected.to_vec(),
                found: tensor.shape.clone(),
            });
        }
        let ElementType::Float(dtype) = storage.element else {
            return Err(no_weights(name, key, "whole numbers"));
        };
        let entry = format!("data/{}", storage.key);
        let path = self.file.path(&entry);
        let view = View::new(key, path.clone(), dtype, tensor, storage).map_err(|reason| {
            Error::bad(name, format!("the tensor `{}` {reason}", shortened(key)))
        })?;
        let Some(size) = self.file.archive.size(&path) else {
            return Err(self.file.archive.damaged(&path, "missing from the archive"));
        };
        let stated = (storage.elements as u64).saturating_mul(dtype.size() as u64);
        if size != stated {
            let reason = format!(
                "the storage of `{}` should take {stated} bytes, but `{}` has {size}",
                shortened(key),
                shortened(&entry)
            );
            return Err(Error::bad(name, reason));
        }
        Ok(view)
    }

    fn tensor(&self, key: &str) -> Result<(&'p Tensor, &'p Storage)> {
        match self.get(key) {
            None => Err(Error::MissingTensor {
                file: self.file.name().to_owned(),
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
                    self.file.name(),
                    format!("`{}` should be a tensor, and is not", shortened(key)),
                )
            }),
        }
    }
}
