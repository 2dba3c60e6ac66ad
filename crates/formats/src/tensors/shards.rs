//! Tensors that lie in one `safetensors` file or are split over several.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Deserialize;

use super::{Dtype, Entry, TensorFile};
use crate::error::{Error, Result, shortened};
use crate::unique::UniqueMap;

/// `model.safetensors.index.json`: which file holds which tensor.
#[derive(Debug)]
pub struct ShardIndex {
    name: String,
    /// Every file once, in the order of names.
    files: Vec<String>,
    /// A tensor's key, and the file that holds it.
    weight_map: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct IndexJson {
    weight_map: UniqueMap<String>,
}

impl ShardIndex {
    /// Reads the index. The files that it names are to be read next, from the folder that the index lies in.
    ///
    /// # Errors
    /// `bad-file` where it is not an index, names a tensor twice, or names a file that is not a plain name: a path
    /// could lead anywhere.
    pub fn from_json(file_name: &str, json: &[u8]) -> Result<Self> {
        let index: IndexJson = serde_json::from_slice(json)
            .map_err(|e| Error::bad(file_name, format!("not an index of tensors: {e}")))?;
        let weight_map: BTreeMap<String, String> = index.weight_map.0.into_iter().collect();
        if weight_map.is_empty() {
            return Err(Error::bad(file_name, "its `weight_map` names no tensor"));
        }
        let files: BTreeSet<&String> = weight_map.values().collect();
        if let Some(path) = files.iter().find(|file| !is_plain_name(file)) {
            return Err(Error::field(
                file_name,
                "weight_map",
                path,
                "every file must be a plain name in the index's own folder, without separators or `..`",
            ));
        }
        let files = files.into_iter().cloned().collect();
        Ok(Self {
            name: file_name.to_owned(),
            files,
            weight_map,
        })
    }

    /// The names of the files, each once, in order.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Joins the files, in any order, each with the name that the index has for it. Tensors that the index does not
    /// name are left out.
    ///
    /// # Errors
    /// `missing-file` where a file is not among them; `bad-file` where one is there twice or not in the index, where a
    /// file lacks a tensor that the index sees in it, or where two files hold the same tensor.
    pub fn join(self, shards: Vec<TensorFile>) -> Result<TensorSet> {
        let mut indices = BTreeMap::new();
        for (at, shard) in shards.iter().enumerate() {
            let file = shard.file_name();
            if !self.files.iter().any(|name| name == file) {
                let reason = format!("`{}` is not one of its files", shortened(file));
                return Err(Error::bad(&self.name, reason));
            }
            if indices.insert(file.to_owned(), at).is_some() {
                let reason = format!("`{}` was given twice", shortened(file));
                return Err(Error::bad(&self.name, reason));
            }
        }
        let mut homes = BTreeMap::new();
        for (key, file) in &self.weight_map {
            let shard = indices
                .get(file)
                .and_then(|&at| Some((at, shards.get(at)?)));
            let Some((at, shard)) = shard else {
                return Err(Error::MissingFile {
                    file: shortened(file),
                    needed_by: self.name.clone(),
                    tensor: shortened(key),
                });
            };
            shard.shape(key)?;
            homes.insert(key.clone(), at);
        }
        for (at, shard) in shards.iter().enumerate() {
            for key in shard.names() {
                if let Some(home) = homes.get(&key).filter(|&&home| home != at) {
                    let other = shards.get(*home).map_or("", TensorFile::file_name);
                    let reason = format!(
                        "the tensor `{}` is in two files, {other} and {}",
                        shortened(&key),
                        shard.file_name()
                    );
                    return Err(Error::bad(&self.name, reason));
                }
            }
        }
        Ok(TensorSet {
            name: self.name,
            files: shards,
            homes: Some(homes),
        })
    }
}

/// True for a file's name without a folder, on any system.
fn is_plain_name(file: &str) -> bool {
    !file.is_empty()
        && file != "."
        && !file.contains("..")
        && !file.contains(|c: char| matches!(c, '/' | '\\' | ':') || c.is_control())
}

/// Tensors by key, from one file or from several behind an index: what a model is read from.
#[derive(Debug)]
pub struct TensorSet {
    name: String,
    files: Vec<TensorFile>,
    /// Index of the file that holds a tensor; None where there is only one.
    homes: Option<BTreeMap<String, usize>>,
}

impl From<TensorFile> for TensorSet {
    fn from(file: TensorFile) -> Self {
        Self {
            name: file.file_name().to_owned(),
            files: vec![file],
            homes: None,
        }
    }
}

impl TensorSet {
    /// The name of the file, or of the index.
    pub fn file_name(&self) -> &str {
        &self.name
    }

    /// The tensors' keys: in the order of the data of one file, or in the order of names.
    pub fn names(&self) -> Vec<String> {
        match (&self.homes, self.files.first()) {
            (Some(homes), _) => homes.keys().cloned().collect(),
            (None, Some(file)) => file.names(),
            (None, None) => Vec::new(),
        }
    }

    /// Descriptions of all tensors, in the order of [`TensorSet::names`].
    pub fn entries(&self) -> Vec<Entry> {
        self.names()
            .iter()
            .filter_map(|name| self.home(name).ok()?.entry(name).ok())
            .collect()
    }

    /// True if a tensor of this name is there.
    pub fn contains(&self, name: &str) -> bool {
        self.home(name).is_ok_and(|file| file.contains(name))
    }

    /// A tensor's shape.
    ///
    /// # Errors
    /// `bad-file` where there is no such tensor.
    pub fn shape(&self, name: &str) -> Result<&[usize]> {
        self.home(name)?.shape(name)
    }

    /// Data type of a tensor's elements.
    ///
    /// # Errors
    /// As [`TensorFile::dtype`].
    pub fn dtype(&self, name: &str) -> Result<Dtype> {
        self.home(name)?.dtype(name)
    }

    /// A whole tensor, row-major, as f32.
    ///
    /// # Errors
    /// As [`TensorFile::read`].
    pub async fn read(&self, name: &str) -> Result<Vec<f32>> {
        self.home(name)?.read(name).await
    }

    /// Some rows of a tensor's leading dimension, row-major, as f32.
    ///
    /// # Errors
    /// As [`TensorFile::read_rows`].
    pub async fn read_rows(&self, name: &str, rows: Range<usize>) -> Result<Vec<f32>> {
        self.home(name)?.read_rows(name, rows).await
    }

    /// First byte of a tensor in all files laid end to end: the order in which reading is fastest. A tensor that is
    /// not there comes last.
    pub(crate) fn position(&self, name: &str) -> u64 {
        let find = || {
            let home = self.home_place(name)?;
            let before = self.files.iter().take(home).map(TensorFile::file_size);
            let start = self.files.get(home)?.offset(name).ok()?;
            Some(before.fold(start, u64::saturating_add))
        };
        find().unwrap_or(u64::MAX)
    }

    /// Refuses NaN and infinities in a tensor, reading it in pieces.
    pub(crate) async fn check_finite(&self, name: &str) -> Result<()> {
        self.home(name)?.check_finite(name).await
    }

    /// Refuses a tensor that is missing or has another shape.
    pub(crate) fn expect(&self, name: &str, expected: &[usize]) -> Result<()> {
        self.home(name)?.expect(name, expected)
    }

    /// True if two tensors have the same shape and, as f32, the same values, however they are stored.
    pub(crate) async fn same(&self, a: &str, b: &str) -> Result<bool> {
        self.home(a)?.same(a, self.home(b)?, b).await
    }

    fn home_place(&self, name: &str) -> Option<usize> {
        match &self.homes {
            None => Some(0),
            Some(homes) => homes.get(name).copied(),
        }
    }

    /// The file that holds a tensor.
    fn home(&self, name: &str) -> Result<&TensorFile> {
        self.home_place(name)
            .and_then(|index| self.files.get(index))
            .ok_or_else(|| Error::MissingTensor {
                file: self.name.clone(),
                tensor: shortened(name),
                present: self.names().into_iter().take(4).collect(),
            })
    }
}
