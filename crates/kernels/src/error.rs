//! Errors of a device and of kernels' arguments.

/// An error of the device or of a kernel's arguments.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No GPU adapter can be had.
    #[error("no GPU adapter: {reason}")]
    NoAdapter {
        /// The adapter request's error.
        reason: String,
    },
    /// The adapter refused a device.
    #[error("the adapter {adapter} refused a device: {reason}")]
    NoDevice {
        /// The adapter's name.
        adapter: String,
        /// The device request's error.
        reason: String,
    },
    /// The device was lost: the driver reset it, or it was destroyed.
    #[error("the GPU device was lost: {reason}")]
    DeviceLost {
        /// The reason the driver gave.
        reason: String,
    },
    /// Memory ran out.
    #[error(
        "out of device memory: {label} needs {needed} bytes, {in_use} bytes are in use here, the device gave: {reason}"
    )]
    OutOfMemory {
        /// The buffer that did not fit.
        label: String,
        /// Bytes requested.
        needed: u64,
        /// Bytes this device's buffers already hold.
        in_use: u64,
        /// The driver's message.
        reason: String,
    },
    /// One buffer is larger than the device binds at once.
    #[error("{label} needs {needed} bytes in one buffer; this device binds at most {limit}")]
    BufferTooLarge {
        /// The buffer.
        label: String,
        /// Bytes requested.
        needed: u64,
        /// The device's limit in bytes.
        limit: u64,
    },
    /// A kernel was given shapes that do not belong together.
    #[error("{kernel}: {what}")]
    Shape {
        /// The kernel.
        kernel: &'static str,
        /// The shapes and why they do not fit.
        what: String,
    },
    /// The driver rejected a command. This is a defect of this library.
    #[error("the GPU rejected a command: {0}")]
    Validation(String),
    /// A weight is beyond the range of f16.
    #[error(
        "{label} holds the weight {value}, which is beyond the range of f16 (±65504); keep it in f32"
    )]
    NotInF16 {
        /// The matrix.
        label: String,
        /// The weight.
        value: f32,
    },
}

impl Error {
    /// A shape error of `kernel`.
    pub(crate) fn shape(kernel: &'static str, what: impl Into<String>) -> Self {
        Self::Shape {
            kernel,
            what: what.into(),
        }
    }
}
