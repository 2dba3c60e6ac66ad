//! Scratch memory that the plans of one executor share.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::buffer::Buffer;
use crate::device::Device;
use crate::error::Error;
use crate::pool::size_class;

/// Scratch memory that plans share: what a plan writes there is of no use to anyone once it has run, and plans run one after
/// the other, so that together they need as much as the largest of them. A plan that was submitted in several parts must
/// not be interrupted by another one of the same workspace.
///
/// Cheap to clone; all clones are the same memory.
#[derive(Clone, Default)]
pub struct Workspace {
    classes: Rc<RefCell<HashMap<usize, Vec<Buffer>>>>,
}

/// Buffers of a workspace that the plan being recorded has taken: the number of buffers per size class.
#[derive(Default)]
pub(crate) struct Taken(RefCell<HashMap<usize, usize>>);

impl Workspace {
    /// The next buffer that this plan has not taken yet.
    pub(crate) fn take(
        &self,
        device: &Device,
        taken: &Taken,
        label: &str,
        words: usize,
    ) -> Result<Buffer, Error> {
        let class = size_class(words, (device.max_binding_bytes() / 4) as usize);
        let mut classes = self.classes.borrow_mut();
        let buffers = classes.entry(class).or_default();
        let mut taken = taken.0.borrow_mut();
        let count = taken.entry(class).or_default();
        if buffers.len() == *count {
            buffers.push(Buffer::pooled(&device.inner.state, "workspace", class)?);
        }
        *count += 1;
        Ok(buffers[*count - 1].view(label, words))
    }

    /// Lets go of memory that no plan holds any more; it goes to the device's pool.
    pub fn forget(&self) {
        self.classes.borrow_mut().clear();
    }
}
