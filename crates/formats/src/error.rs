//! Errors in files.

use std::fmt::Write as _;

use serde_json::json;

/// A result whose error names what is wrong with a file.
pub type Result<T> = std::result::Result<T, Error>;

/// An error in a file, which names the file, tensor, shape or value at fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file's bytes cannot be had: it is gone, or its host or the disk failed.
    #[error("{file} could not be read: {reason}")]
    Unreadable {
        /// The file's name, as it was handed in.
        file: String,
        /// The reason that the source of its bytes gives.
        reason: String,
    },
    /// The file is not what it should be: truncated, damaged, or of another kind.
    #[error("{file}: {reason}")]
    BadFile {
        /// The file's name, as it was handed in.
        file: String,
        /// The expected and the found.
        reason: String,
    },
    /// A setting in a JSON file is missing or out of range.
    #[error("{file}: `{field}` is {value}, but {expected}")]
    BadField {
        /// The file's name.
        file: String,
        /// The key in the JSON file.
        field: String,
        /// Its value, as JSON, or `missing`.
        value: String,
        /// The requirement.
        expected: String,
    },
    /// A file that an index names was not handed in.
    #[error("{file} is missing: {needed_by} says that it holds `{tensor}`")]
    MissingFile {
        /// The missing file's name.
        file: String,
        /// The index's name.
        needed_by: String,
        /// The first tensor that is missed with it.
        tensor: String,
    },
    /// A tensor that has to be there is not.
    #[error("{file}: the tensor `{tensor}` is missing{}", at_hand(.present))]
    MissingTensor {
        /// The file's name.
        file: String,
        /// The tensor's key.
        tensor: String,
        /// The first few keys that the file does have.
        present: Vec<String>,
    },
    /// A tensor has another shape than the configuration says.
    #[error(
        "{file}: the tensor `{tensor}` has shape {found:?}, but {expected:?} is needed{}",
        transposed(.found, .expected)
    )]
    WrongShape {
        /// The file's name.
        file: String,
        /// The tensor's key.
        tensor: String,
        /// The shape that the configuration requires.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor holds NaN or an infinity.
    #[error(
        "{file}: the tensor `{tensor}` holds {value} at element {index}; every weight must be a finite number, so the file is damaged or its training diverged"
    )]
    NonFinite {
        /// The file's name.
        file: String,
        /// The tensor's key.
        tensor: String,
        /// The first offending element, row-major.
        index: usize,
        /// `NaN`, `inf` or `-inf`.
        value: String,
    },
    /// A tensor is there that the architecture does not use: to leave it out would make another function of the file.
    #[error("{file}: the tensor `{tensor}` is not used by {user}: {reason}")]
    SurplusTensor {
        /// The file's name.
        file: String,
        /// The tensor's key.
        tensor: String,
        /// The architecture or format without such a tensor.
        user: String,
        /// The architecture or format that has such tensors, and what to do.
        reason: String,
    },
    /// The file is a transcoder's, which reads one activation and predicts another.
    #[error(
        "{file} is of a transcoder ({sign}): it predicts another activation than it reads, so it is no autoencoder; transcoders are not supported yet"
    )]
    Transcoder {
        /// The file's name.
        file: String,
        /// The evidence: a setting or a tensor.
        sign: String,
    },
    /// The file is a training checkpoint, whose function is another one than that of the finished autoencoder.
    #[error(
        "{file}: the architecture `{architecture}` is that of a training checkpoint of SAELens; save it for inference there, with `sae.save_inference_model(PATH)`, which writes a jumprelu SAE, and load that"
    )]
    TrainingCheckpoint {
        /// The file's name.
        file: String,
        /// The architecture that it states.
        architecture: String,
    },
    /// The file is sound, but of a kind that is not supported.
    #[error("{file}: {what} `{found}` is not supported; supported: {supported}")]
    Unsupported {
        /// The file's name.
        file: String,
        /// The property at fault, for example `the architecture`.
        what: String,
        /// Its value.
        found: String,
        /// The values that are supported.
        supported: String,
    },
}

impl Error {
    /// The error's kind in kebab-case, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::BadFile { .. } | Self::BadField { .. } | Self::MissingTensor { .. } => "bad-file",
            Self::MissingFile { .. } => "missing-file",
            Self::WrongShape { .. } => "wrong-shape",
            Self::NonFinite { .. } => "non-finite-weights",
            Self::Unsupported { .. }
            | Self::SurplusTensor { .. }
            | Self::Transcoder { .. }
            | Self::TrainingCheckpoint { .. } => "unsupported-architecture",
        }
    }

    /// The culprit's particulars as JSON: file, tensor, shapes, values.
    pub fn details(&self) -> serde_json::Value {
        match self {
            Self::Unreadable { file, .. } | Self::BadFile { file, .. } => json!({ "file": file }),
            Self::BadField {
                file, field, value, ..
            } => json!({ "file": file, "field": field, "value": value }),
            Self::MissingFile {
                file,
                needed_by,
                tensor,
            } => {
                json!({ "file": file, "needed_by": needed_by, "tensor": tensor })
            }
            Self::MissingTensor {
                file,
                tensor,
                present,
            } => {
                json!({ "file": file, "tensor": tensor, "present": present })
            }
            Self::WrongShape {
                file,
                tensor,
                expected,
                found,
            } => {
                json!({ "file": file, "tensor": tensor, "expected": expected, "found": found })
            }
            Self::NonFinite {
                file,
                tensor,
                index,
                value,
            } => {
                json!({ "file": file, "tensor": tensor, "index": index, "value": value })
            }
            Self::SurplusTensor { file, tensor, .. } => json!({ "file": file, "tensor": tensor }),
            Self::Transcoder { file, sign } => json!({ "file": file, "found": sign }),
            Self::TrainingCheckpoint { file, architecture } => {
                json!({ "file": file, "found": architecture })
            }
            Self::Unsupported {
                file,
                what,
                found,
                supported,
            } => {
                json!({ "file": file, "what": what, "found": found, "supported": supported })
            }
        }
    }

    pub(crate) fn bad(file: &str, reason: impl Into<String>) -> Self {
        Self::BadFile {
            file: file.to_owned(),
            reason: reason.into(),
        }
    }

    pub(crate) fn field(
        file: &str,
        field: &str,
        value: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        Self::BadField {
            file: file.to_owned(),
            field: field.to_owned(),
            value: shortened(&value.to_string()),
            expected: expected.into(),
        }
    }

    pub(crate) fn surplus(file: &str, tensor: &str, user: &str, reason: &str) -> Self {
        Self::SurplusTensor {
            file: file.to_owned(),
            tensor: shortened(tensor),
            user: user.to_owned(),
            reason: reason.to_owned(),
        }
    }

    pub(crate) fn transcoder(file: &str, sign: impl Into<String>) -> Self {
        Self::Transcoder {
            file: file.to_owned(),
            sign: sign.into(),
        }
    }

    pub(crate) fn unsupported(
        file: &str,
        what: &str,
        found: impl ToString,
        supported: &str,
    ) -> Self {
        Self::Unsupported {
            file: file.to_owned(),
            what: what.to_owned(),
            found: shortened(&found.to_string()),
            supported: supported.to_owned(),
        }
    }
}

/// Text from a file as it may stand in a message: control characters escaped, at most 80 characters.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == LONGEST {
            out.push('…');
            break;
        }
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The hint that a matrix is transposed in its file: shapes alone do not show it to everyone.
fn transposed(found: &[usize], expected: &[usize]) -> &'static str {
    let fits = found.len() == 2 && found.iter().rev().eq(expected);
    if fits && found != expected {
        "; it would fit transposed, so the file seems to come from a program that stores this matrix as [outputs, inputs] where [inputs, outputs] is meant, or the reverse: transpose it"
    } else {
        ""
    }
}

fn at_hand(present: &[String]) -> String {
    let mut out = String::new();
    for (i, name) in present.iter().enumerate() {
        let lead = if i == 0 { " (the file has " } else { ", " };
        let _ = write!(out, "{lead}`{}`", shortened(name));
    }
    if !out.is_empty() {
        out.push_str(", …)");
    }
    out
}
