//! A reader for the few pickles that `torch.save` writes of plain tensors.
//!
//! A pickle is a program for a stack machine that may call any Python function by name. This reader knows only the
//! instructions that dictionaries, numbers, texts and tensors need, and only the names in [`Global`]; any other
//! instruction or name is refused, and nothing is ever called: "calling" a known name builds a plain record.
//!
//! Values are small and `Copy`: texts are ranges of the input, and containers are indices into one arena. So nothing
//! is nested in memory (a deeply nested pickle cannot exhaust the stack), and each instruction costs a constant.

mod machine;

use crate::tensors::Dtype;

/// A value on the machine's stack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Object {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A text: bytes of the input that are valid UTF-8.
    Text(Span),
    /// A name that the pickle refers to.
    Global(Global),
    /// A tuple or a list: an index into the arena.
    List(usize),
    /// A dictionary: an index into the arena, where keys and values alternate.
    Dict(usize),
    /// A storage (a flat buffer): an index.
    Storage(usize),
    /// A tensor: an index.
    Tensor(usize),
}

/// A range of the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    start: usize,
    end: usize,
}

/// The Python names that a pickle of tensors needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    /// `collections.OrderedDict`
    OrderedDict,
    /// `torch._utils._rebuild_tensor_v2`
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`
    RebuildParameter,
    /// `torch.FloatStorage` and its like.
    StorageType(ElementType),
}

/// Element type of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ElementType {
    /// Floating point.
    Float(Dtype),
    /// Whole numbers or booleans of so many bytes. They are located, but their values are not needed.
    Whole(usize),
}

impl Global {
    fn named(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", "DoubleStorage") => Self::StorageType(ElementType::Float(Dtype::F64)),
            ("torch", "FloatStorage") => Self::StorageType(ElementType::Float(Dtype::F32)),
            ("torch", "HalfStorage") => Self::StorageType(ElementType::Float(Dtype::F16)),
            ("torch", "BFloat16Storage") => Self::StorageType(ElementType::Float(Dtype::BF16)),
            ("torch", "LongStorage") => Self::StorageType(ElementType::Whole(8)),
            ("torch", "IntStorage") => Self::StorageType(ElementType::Whole(4)),
            ("torch", "ShortStorage") => Self::StorageType(ElementType::Whole(2)),
            ("torch", "CharStorage" | "ByteStorage" | "BoolStorage") => {
                Self::StorageType(ElementType::Whole(1))
            }
            _ => return None,
        })
    }
}

/// A flat buffer that lies in the archive beside the pickle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Storage {
    /// Element type.
    pub(crate) element: ElementType,
    /// The name of its file in the archive's `data` folder.
    pub(crate) key: String,
    /// Its elements, as the pickle states them.
    pub(crate) elements: usize,
}

/// A tensor: a view of a storage. Nothing in it has been compared with the storage yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    /// Index of its storage.
    pub(crate) storage: usize,
    /// Offset in the storage, in elements.
    pub(crate) offset: usize,
    /// Its shape.
    pub(crate) shape: Vec<usize>,
    /// Elements from one index of each dimension to the next.
    pub(crate) strides: Vec<usize>,
}

/// A pickle that was read to its end.
#[derive(Debug)]
pub(crate) struct Pickle<'a> {
    input: &'a [u8],
    lists: Vec<Vec<Object>>,
    storages: Vec<Storage>,
    tensors: Vec<Tensor>,
    root: Object,
}

impl<'a> Pickle<'a> {
    /// Runs the pickle's program. An error is a sentence without the file's name.
    pub(crate) fn read(input: &'a [u8]) -> Result<Self, String> {
        machine::run(input)
    }

    /// The entries of the dictionary that the pickle holds, with texts as keys; later entries win.
    pub(crate) fn entries(&self) -> Result<Vec<(&'a str, Object)>, String> {
        match self.root {
            Object::Dict(_) => self
                .dict(self.root)
                .ok_or_else(|| "a dictionary has keys that are not texts".into()),
            _ => Err("the pickle holds something else than a dictionary of tensors".into()),
        }
    }

    /// A dictionary's entries, if the object is one and its keys are texts.
    pub(crate) fn dict(&self, object: Object) -> Option<Vec<(&'a str, Object)>> {
        let Object::Dict(index) = object else {
            return None;
        };
        let flat = self.lists.get(index)?;
        flat.as_chunks::<2>()
            .0
            .iter()
            .map(|[key, value]| Some((self.text(*key)?, *value)))
            .collect()
    }

    /// A text, if the object is one.
    pub(crate) fn text(&self, object: Object) -> Option<&'a str> {
        let Object::Text(Span { start, end }) = object else {
            return None;
        };
        std::str::from_utf8(self.input.get(start..end)?).ok()
    }

    /// A tensor and its storage, if the object is one.
    pub(crate) fn tensor(&self, object: Object) -> Option<(&Tensor, &Storage)> {
        let Object::Tensor(index) = object else {
            return None;
        };
        let tensor = self.tensors.get(index)?;
        Some((tensor, self.storages.get(tensor.storage)?))
    }

    fn list(&self, object: Object) -> Option<&[Object]> {
        let Object::List(index) = object else {
            return None;
        };
        self.lists.get(index).map(Vec::as_slice)
    }

    fn sizes(&self, object: Object) -> Option<Vec<usize>> {
        // No tensor of an autoencoder has more than two dimensions; PyTorch itself stops at 64.
        const MOST: usize = 64;
        self.list(object)?
            .iter()
            .map(|&n| whole(n))
            .collect::<Option<Vec<_>>>()
            .filter(|sizes| sizes.len() <= MOST)
    }
}

/// A whole number that is not negative.
pub(crate) fn whole(object: Object) -> Option<usize> {
    match object {
        Object::Int(n) => usize::try_from(n).ok(),
        _ => None,
    }
}
