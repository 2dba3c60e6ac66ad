//! Errors of `train`.

/// Errors of `train`.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The training refused.
    #[error(transparent)]
    Training(#[from] train::Error),
    /// Activations that cannot be trained on.
    #[error("{file}: {why}")]
    Activations {
        /// The file or the folder.
        file: String,
        /// Why.
        why: String,
    },
    /// A context that cannot be, or a BOS that the model lacks.
    #[error("{0} (--context, --bos)")]
    Windows(train_run::Error),
    /// Ctrl C cannot be listened to.
    #[error("the signal of Ctrl C cannot be listened to: {0}")]
    Signal(String),
    /// Ctrl C while the corpus was read or activations were computed.
    #[error("stopped before the first step; nothing was written")]
    Stopped,
}

impl TrainError {
    /// The error's kind in kebab-case.
    pub fn code(&self) -> &'static str {
        use kernels::Error as Device;
        use train::Error as Training;
        match self {
            Self::Training(error) => match error {
                Training::Setting { .. } | Training::Configuration { .. } => "bad-option",
                Training::TooFew { .. }
                | Training::Constant { .. }
                | Training::Width { .. }
                | Training::Damaged { .. }
                | Training::Read { .. } => "bad-file",
                Training::NotFinite { .. } | Training::Diverged { .. } => "not-a-number",
                Training::Device(error) => match error {
                    Device::NoAdapter { .. } | Device::NoDevice { .. } => "no-webgpu",
                    Device::DeviceLost { .. } => "device-lost",
                    Device::OutOfMemory { .. } | Device::BufferTooLarge { .. } => "out-of-memory",
                    _ => "internal",
                },
                Training::NoState { .. } => "missing-file",
                Training::Other { .. } => "other-training",
                Training::Format(error) => error.code(),
                _ => "output",
            },
            Self::Activations { .. } => "bad-file",
            Self::Windows(_) => "bad-option",
            Self::Signal(_) => "internal",
            Self::Stopped => "cancelled",
        }
    }
}
