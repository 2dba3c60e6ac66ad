//! Checks of kernels' arguments, and their pipeline constants.

use crate::buffer::Buffer;
use crate::device::Device;
use crate::error::Error;

/// Checks that `buffer` has at least `words` words.
pub(crate) fn require(
    kernel: &'static str,
    role: &str,
    buffer: &Buffer,
    words: usize,
) -> Result<(), Error> {
    if buffer.words() < words {
        return Err(Error::shape(
            kernel,
            format!(
                "{role} ({}) has {} words, {words} are needed",
                buffer.label(),
                buffer.words()
            ),
        ));
    }
    Ok(())
}

/// A dimension as the shaders take it.
pub(crate) fn dimension(kernel: &'static str, name: &str, value: usize) -> Result<u32, Error> {
    u32::try_from(value)
        .map_err(|_| Error::shape(kernel, format!("{name} = {value} does not fit 32 bits")))
}

/// The pipeline constant `threads`: the invocations of a workgroup that share one row, `gpu` on a GPU and `software`
/// on a software adapter (see [`crate::DispatchProfile`]).
pub(crate) fn threads(device: &Device, gpu: u32, software: u32) -> (&'static str, f64) {
    let threads = if device.has_software_profile() {
        software
    } else {
        gpu
    };
    ("threads", f64::from(threads))
}

/// A flag as a pipeline constant.
pub(crate) fn flag(name: &'static str, value: bool) -> (&'static str, f64) {
    (name, f64::from(u8::from(value)))
}
