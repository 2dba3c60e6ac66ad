//! The state of a device that its memory depends on: backend, limits, counters, and the pool.

use std::cell::Cell;
use std::rc::Rc;

use crate::error::Error;
use crate::gpu::Gpu;
use crate::options::{Counters, DeviceOptions};
use crate::pool::{Counted, Pool};

pub(crate) enum Backend {
    Gpu(Box<Gpu>),
    Cpu,
}

pub(crate) struct DeviceState {
    pub(crate) backend: Backend,
    pub(crate) counters: Cell<Counters>,
    pub(crate) pool: Rc<Pool>,
    pub(crate) max_binding_bytes: u64,
    bytes: Rc<Cell<u64>>,
}

impl DeviceState {
    /// The state of a new device whose bindings hold `limit` bytes, or fewer where the options say so.
    pub(crate) fn new(backend: Backend, limit: u64, options: DeviceOptions) -> Self {
        Self {
            backend,
            counters: Cell::default(),
            pool: Rc::new(Pool::new(options.poison)),
            max_binding_bytes: options
                .max_binding_bytes
                .map_or(limit, |most| most.min(limit)),
            bytes: Rc::default(),
        }
    }

    /// Bytes held on the device.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Counts bytes as held for as long as the returned value lives.
    pub(crate) fn hold(&self, bytes: u64) -> Counted {
        Counted::new(&self.bytes, bytes)
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counters)) {
        let mut counters = self.counters.get();
        change(&mut counters);
        self.counters.set(counters);
    }

    /// Reports an error that the driver raised since the last call.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.backend {
            Backend::Gpu(gpu) => gpu.faults.check(self.bytes()),
            Backend::Cpu => Ok(()),
        }
    }
}
