//! Checks of kernels' arguments, and their pipeline constants.

use crate::buffer::Buffer;
use crate::device::Device;
use crate::error::Error;
use crate::matrix::Matrix;

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

/// Checks that matrices are of f32 and have one shape, and so the same shards.
pub(crate) fn require_alike(kernel: &'static str, matrices: &[&Matrix]) -> Result<(), Error> {
    let shape = |matrix: &Matrix| (matrix.rows(), matrix.cols(), matrix.shard_count());
    let shapes: Vec<_> = matrices.iter().map(|matrix| shape(matrix)).collect();
    let is_alike = shapes.windows(2).all(|two| two[0] == two[1]);
    if is_alike && matrices.iter().all(|matrix| !matrix.is_f16()) {
        return Ok(());
    }
    let what = format!("matrices have to be f32 and of one shape, and are {shapes:?}");
    Err(Error::shape(kernel, what))
}

/// Workgroups for each of so many things, in two dimensions where one does not hold them: the shader takes
/// `group.y * groups.x + group.x`, which may lie beyond the last one.
pub(crate) fn grid(count: usize) -> [u32; 3] {
    /// The workgroups that every WebGPU device takes in one dimension.
    const MOST: usize = 65_535;
    if count <= MOST {
        return [count as u32, 1, 1];
    }
    [MOST as u32, count.div_ceil(MOST) as u32, 1]
}
