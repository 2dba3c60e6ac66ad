//! The header of a `safetensors` file: eight bytes with its length, then JSON that says where each tensor lies.
//!
//! Offsets are 64 bits wide everywhere, so that a file of more than 4 GiB can be read in parts in a browser as well.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::error::shortened;

/// Bytes that state the header's length.
pub(super) const LENGTH_BYTES: u64 = 8;

/// The longest header that the format allows.
const LONGEST: u64 = 100_000_000;

/// A tensor's entry in the header.
#[derive(Debug, Deserialize)]
pub(super) struct Info {
    /// The name of its data type.
    pub(super) dtype: String,
    /// Its shape.
    pub(super) shape: Vec<usize>,
    /// Range of its bytes, counted from the end of the header.
    data_offsets: (u64, u64),
}

impl Info {
    /// First of its bytes, counted from the end of the header.
    pub(super) fn start(&self) -> u64 {
        self.data_offsets.0
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.data_offsets.1.saturating_sub(self.data_offsets.0)
    }
}

/// A header whose offsets, shapes and types agree with each other and with the file's size.
#[derive(Debug)]
pub(super) struct Header {
    /// In the order of their bytes.
    tensors: Vec<(String, Info)>,
    indices: BTreeMap<String, usize>,
}

impl Header {
    /// The header's length, from the file's first eight bytes. An error is a sentence without the file's name.
    pub(super) fn length(first: &[u8], file_size: u64) -> Result<u64, String> {
        let Some(length) = first.first_chunk::<8>() else {
            return Err(format!(
                "not a safetensors file: it has {} bytes, fewer than its header takes",
                first.len()
            ));
        };
        let stated = u64::from_le_bytes(*length);
        let rest = file_size.saturating_sub(LENGTH_BYTES);
        if stated > rest {
            return Err(format!(
                "not a safetensors file, or truncated: its header should take {stated} bytes, {rest} are there"
            ));
        }
        if stated > LONGEST {
            return Err(format!(
                "not a safetensors file: its header should take {stated} bytes, and the format allows {LONGEST}"
            ));
        }
        Ok(stated)
    }

    /// Reads the header; `data` bytes follow it in the file.
    pub(super) fn parse(json: &[u8], data: u64) -> Result<Self, String> {
        let Table(mut tensors) = serde_json::from_slice(json)
            .map_err(|e| format!("its safetensors header is not valid JSON: {e}"))?;
        let damaged = |name: &str, reason: &str| {
            let name = shortened(name);
            Err(format!(
                "its safetensors header is damaged: the tensor `{name}` {reason}"
            ))
        };
        tensors.sort_by_key(|(_, info)| info.data_offsets);
        let mut next = 0;
        for (name, info) in &tensors {
            let (start, end) = info.data_offsets;
            if start.max(end) > data {
                return Err(format!(
                    "truncated: `{}` reaches to byte {} of the data, but only {data} bytes are there",
                    shortened(name),
                    start.max(end)
                ));
            }
            if start != next || end < start {
                return damaged(
                    name,
                    &format!(
                        "lies at bytes {start} to {end}, but the tensors before it end at {next}: they overlap, or leave a gap"
                    ),
                );
            }
            next = end;
            let Some(bits) = element_bits(&info.dtype) else {
                let dtype = shortened(&info.dtype);
                return damaged(name, &format!("has the unknown data type `{dtype}`"));
            };
            let stated = info
                .shape
                .iter()
                .try_fold(bits, |product, &size| product.checked_mul(size as u64));
            if stated != Some((end - start) * 8) {
                return damaged(
                    name,
                    &format!(
                        "has shape {:?} of {}, but {} bytes",
                        info.shape,
                        info.dtype,
                        end - start
                    ),
                );
            }
        }
        if next != data {
            return Err(format!(
                "its safetensors header is damaged: its tensors take {next} bytes, and {data} follow it"
            ));
        }
        let indices = tensors
            .iter()
            .enumerate()
            .map(|(index, (name, _))| (name.clone(), index))
            .collect();
        Ok(Self { tensors, indices })
    }

    /// The entry of a tensor.
    pub(super) fn info(&self, name: &str) -> Option<&Info> {
        let index = *self.indices.get(name)?;
        self.tensors.get(index).map(|(_, info)| info)
    }

    /// The tensors' keys, in the order of their bytes.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().map(|(name, _)| name.as_str())
    }
}

/// Bits an element of this type takes.
fn element_bits(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F4" => 4,
        "F6_E2M3" | "F6_E3M2" => 6,
        "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0" | "F8_E4M3FNUZ"
        | "F8_E5M2FNUZ" => 8,
        "I16" | "U16" | "F16" | "BF16" => 16,
        "I32" | "U32" | "F32" => 32,
        "I64" | "U64" | "F64" | "C64" => 64,
        _ => return None,
    })
}

/// The header's JSON: tensors by key, each once, and texts under `__metadata__`, which say nothing that is needed.
struct Table(Vec<(String, Info)>);

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor)
    }
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = Table;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table, A::Error> {
        let mut seen = std::collections::HashSet::new();
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!(
                    "the key `{}` stands twice",
                    shortened(&key)
                )));
            }
            if key == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
            } else {
                entries.push((key, map.next_value::<Info>()?));
            }
        }
        Ok(Table(entries))
    }
}
