//! The stack machine: one method an instruction, or a few of a kind.

use std::ops::Range;

use super::{Global, Object, Pickle, Span, Storage, Tensor, whole};
use crate::error::shortened;

/// Runs a pickle's program to its end.
pub(super) fn run(input: &[u8]) -> Result<Pickle<'_>, String> {
    let mut machine = Machine {
        pickle: Pickle {
            input,
            lists: Vec::new(),
            storages: Vec::new(),
            tensors: Vec::new(),
            root: Object::None,
        },
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
    };
    while machine.step()? {}
    Ok(machine.pickle)
}

struct Machine<'a> {
    pickle: Pickle<'a>,
    at: usize,
    stack: Vec<Object>,
    /// Heights of the stack at which a container's items begin.
    marks: Vec<usize>,
    memo: Vec<Object>,
}

impl<'a> Machine<'a> {
    /// Runs one instruction; false after the last.
    fn step(&mut self) -> Result<bool, String> {
        match self.byte()? {
            0x80 => {
                let version = self.byte()?;
                if !(2..=5).contains(&version) {
                    return Err(format!(
                        "pickle protocol {version} is not supported (2 to 5 are)"
                    ));
                }
            }
            // FRAME: a hint for buffered reading.
            0x95 => self.take(8).map(drop)?,
            b'N' => self.stack.push(Object::None),
            0x88 => self.stack.push(Object::Bool(true)),
            0x89 => self.stack.push(Object::Bool(false)),
            b'K' => self.number::<1>(|b| i64::from(u8::from_le_bytes(b)))?,
            b'M' => self.number::<2>(|b| i64::from(u16::from_le_bytes(b)))?,
            b'J' => self.number::<4>(|b| i64::from(i32::from_le_bytes(b)))?,
            0x8a => self.long()?,
            b'G' => {
                let bits = self.array::<8>()?;
                self.stack.push(Object::Float(f64::from_be_bytes(bits)));
            }
            b'X' => {
                let length = u32::from_le_bytes(self.array()?);
                self.push_text(length)?;
            }
            0x8c => {
                let length = self.byte()?;
                self.push_text(u32::from(length))?;
            }
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.pop().map(drop)?,
            b')' | b']' => self.push_list(Vec::new()),
            b'}' => self.push_dict(Vec::new()),
            b't' | b'l' => {
                let items = self.pop_to_mark()?;
                self.push_list(items);
            }
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push_dict(items);
            }
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.extend(vec![key, value])?;
            }
            b'e' | b'u' => {
                let items = self.pop_to_mark()?;
                self.extend(items)?;
            }
            b'q' => {
                let slot = self.byte()?;
                self.store(usize::from(slot))?;
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.array()?);
                self.store(slot as usize)?;
            }
            0x94 => self.store(self.memo.len())?,
            b'h' => {
                let slot = self.byte()?;
                self.recall(usize::from(slot))?;
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.array()?);
                self.recall(slot as usize)?;
            }
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.push_global(module, name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.pickle.text(module), self.pickle.text(name)) {
                    (Some(module), Some(name)) => self.push_global(module, name)?,
                    _ => return Err("the pickle refers to a name that is not a text".into()),
                }
            }
            b'Q' => self.persistent_id()?,
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            b'.' => {
                self.pickle.root = self.pop()?;
                return Ok(false);
            }
            other => {
                return Err(format!(
                    "its pickle uses the instruction 0x{other:02x} at byte {}, which no file of tensors needs",
                    self.at - 1
                ));
            }
        }
        Ok(true)
    }

    fn take(&mut self, length: usize) -> Result<Range<usize>, String> {
        let end = self
            .at
            .checked_add(length)
            .filter(|&end| end <= self.pickle.input.len());
        let end = end.ok_or_else(|| {
            format!(
                "its pickle is truncated at byte {}",
                self.pickle.input.len()
            )
        })?;
        let range = self.at..end;
        self.at = end;
        Ok(range)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let range = self.take(N)?;
        self.pickle
            .input
            .get(range)
            .and_then(|b| b.try_into().ok())
            .ok_or_else(|| "its pickle is truncated".into())
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn number<const N: usize>(&mut self, read: fn([u8; N]) -> i64) -> Result<(), String> {
        let bytes = self.array::<N>()?;
        self.stack.push(Object::Int(read(bytes)));
        Ok(())
    }

    /// LONG1: a whole number of so many little-endian bytes, the last carrying the sign.
    fn long(&mut self) -> Result<(), String> {
        let length = usize::from(self.byte()?);
        let range = self.take(length)?;
        let bytes = self.pickle.input.get(range).unwrap_or_default();
        let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        let low = wide
            .get_mut(..length)
            .ok_or("its pickle holds a number of more than 64 bits")?;
        low.copy_from_slice(bytes);
        self.stack.push(Object::Int(i64::from_le_bytes(wide)));
        Ok(())
    }

    fn push_text(&mut self, length: u32) -> Result<(), String> {
        let Range { start, end } = self.take(length as usize)?;
        let bytes = self.pickle.input.get(start..end).unwrap_or_default();
        std::str::from_utf8(bytes)
            .map_err(|_| format!("its pickle holds a text at byte {start} that is not UTF-8"))?;
        self.stack.push(Object::Text(Span { start, end }));
        Ok(())
    }

    fn line(&mut self) -> Result<&'a str, String> {
        let rest = self.pickle.input.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|&b| b == b'\n')
            .ok_or("its pickle is truncated within a name")?;
        self.at += length + 1;
        std::str::from_utf8(&rest[..length])
            .map_err(|_| "its pickle refers to a name that is not UTF-8".into())
    }

    fn push_list(&mut self, items: Vec<Object>) {
        self.stack.push(Object::List(self.pickle.lists.len()));
        self.pickle.lists.push(items);
    }

    fn push_dict(&mut self, items: Vec<Object>) {
        self.stack.push(Object::Dict(self.pickle.lists.len()));
        self.pickle.lists.push(items);
    }

    fn push_global(&mut self, module: &str, name: &str) -> Result<(), String> {
        let global = Global::named(module, name).ok_or_else(|| {
            format!(
                "its pickle asks for the Python name `{}.{}`, which no file of plain tensors needs; it was refused and nothing was run",
                shortened(module),
                shortened(name)
            )
        })?;
        self.stack.push(Object::Global(global));
        Ok(())
    }

    fn pop(&mut self) -> Result<Object, String> {
        // Items under an open mark belong to the container that the mark began.
        let mark = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= mark {
            return Err("its pickle takes a value that is not there".into());
        }
        self.stack
            .pop()
            .ok_or_else(|| "its pickle takes a value that is not there".into())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Object>, String> {
        let mark = self
            .marks
            .pop()
            .ok_or("its pickle ends a container that it never began")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn tuple(&mut self, length: usize) -> Result<(), String> {
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push_list(items);
        Ok(())
    }

    /// Appends to the list or dictionary on top of the stack.
    fn extend(&mut self, items: Vec<Object>) -> Result<(), String> {
        let container = match self.stack.last() {
            Some(Object::List(index)) => self.pickle.lists.get_mut(*index),
            Some(Object::Dict(index)) if items.len().is_multiple_of(2) => {
                self.pickle.lists.get_mut(*index)
            }
            _ => None,
        };
        container
            .ok_or("its pickle fills something that is no list or dictionary")?
            .extend(items);
        Ok(())
    }

    fn store(&mut self, slot: usize) -> Result<(), String> {
        let value = *self
            .stack
            .last()
            .ok_or("its pickle notes a value that is not there")?;
        // Python numbers slots in order, so a slot further away than the next is no pickle of Python's.
        let used = self.memo.len();
        match self.memo.get_mut(slot) {
            Some(slot) => *slot = value,
            None if slot == used => self.memo.push(value),
            None => {
                return Err(format!(
                    "its pickle notes a value in slot {slot} before the slots below it"
                ));
            }
        }
        Ok(())
    }

    fn recall(&mut self, slot: usize) -> Result<(), String> {
        let value = *self
            .memo
            .get(slot)
            .ok_or_else(|| format!("its pickle recalls slot {slot}, which is empty"))?;
        self.stack.push(value);
        Ok(())
    }

    /// BINPERSID: ("storage", type, key, device, elements).
    fn persistent_id(&mut self) -> Result<(), String> {
        let id = self.pop()?;
        let storage = match self.pickle.list(id) {
            Some(
                &[
                    kind,
                    Object::Global(Global::StorageType(element)),
                    key,
                    _,
                    elements,
                ],
            ) if self.pickle.text(kind) == Some("storage") => self
                .pickle
                .text(key)
                .zip(whole(elements))
                .map(|(key, elements)| Storage {
                    element,
                    key: key.to_owned(),
                    elements,
                }),
            _ => None,
        };
        let storage = storage
            .ok_or("its pickle refers to something outside of it that is no tensor's storage")?;
        self.stack.push(Object::Storage(self.pickle.storages.len()));
        self.pickle.storages.push(storage);
        Ok(())
    }

    /// REDUCE: "calls" one of the known names.
    fn reduce(&mut self) -> Result<(), String> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let list = self.pickle.list(arguments).unwrap_or_default();
        match (callee, list) {
            (Object::Global(Global::OrderedDict), []) => self.push_dict(Vec::new()),
            (Object::Global(Global::RebuildParameter), &[data @ Object::Tensor(_), ..]) => {
                self.stack.push(data)
            }
            (
                Object::Global(Global::RebuildTensor),
                &[Object::Storage(storage), offset, shape, strides, ..],
            ) => {
                let tensor = || {
                    let (offset, shape) = (whole(offset)?, self.pickle.sizes(shape)?);
                    let strides = self
                        .pickle
                        .sizes(strides)
                        .filter(|strides| strides.len() == shape.len())?;
                    Some(Tensor {
                        storage,
                        offset,
                        shape,
                        strides,
                    })
                };
                let tensor = tensor().ok_or(
                    "its pickle holds a tensor whose offset, shape or strides are damaged",
                )?;
                self.stack.push(Object::Tensor(self.pickle.tensors.len()));
                self.pickle.tensors.push(tensor);
            }
            _ => {
                return Err(
                    "its pickle calls something in a way that no file of tensors does".into(),
                );
            }
        }
        Ok(())
    }

    /// BUILD: a state dictionary carries `_metadata` this way; it says nothing that is needed.
    fn build(&mut self) -> Result<(), String> {
        let state = self.pop()?;
        match (self.stack.last(), state) {
            (Some(Object::Dict(_)), Object::Dict(_)) => Ok(()),
            _ => Err("its pickle sets the state of something that is no dictionary".into()),
        }
    }
}
