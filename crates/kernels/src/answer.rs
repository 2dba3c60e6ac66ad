//! What a callback of the device will say.

use futures_channel::oneshot;

/// The receiving end of what a callback says: `Ok`, or why not.
pub(crate) type Answer = oneshot::Receiver<Result<(), String>>;
