//! One typed function a kernel: it checks shapes, and records the dispatch with its CPU twin.

pub(crate) mod add;
pub(crate) mod apply_edits;
pub(crate) mod attention;
pub(crate) mod attention_pattern;
pub(crate) mod attention_tiled;
pub(crate) mod copy;
pub(crate) mod cross_entropy;
pub(crate) mod embedding;
pub(crate) mod gate;
pub(crate) mod gather_rows;
pub(crate) mod kl_divergence;
pub(crate) mod latent_statistics;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod matmul;
pub(crate) mod matmul_direct;
pub(crate) mod norm_scale;
pub(crate) mod sae_normalize;
pub(crate) mod scale_shift;
pub(crate) mod source;
pub(crate) mod sparse_decode;
pub(crate) mod splice;
pub(crate) mod topk;
pub(crate) mod write_columns;

use crate::buffer::Buffer;
use crate::device::Device;
use crate::error::Error;

/// How a kernel uses a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The uniform parameters: always binding 0.
    Parameters,
    /// A storage buffer that is only read.
    Read,
    /// A storage buffer that is written.
    Write,
}

/// A WGSL kernel: one file, entry point `main`.
#[derive(Debug)]
pub struct Shader {
    /// The file's name without its ending.
    pub name: &'static str,
    /// The source, without its comments and indentation.
    pub wgsl: &'static str,
    /// What group 0 binds, in order.
    pub bindings: &'static [Access],
}

macro_rules! shader {
    ($name:literal, $($access:ident)*) => {
        crate::kernel::Shader {
            name: $name,
            wgsl: {
                const FILE: &str = include_str!(concat!("../../../../shaders/", $name, ".wgsl"));
                const CODE: [u8; crate::kernel::source::code_length(FILE)] =
                    crate::kernel::source::code(FILE);
                match std::str::from_utf8(&CODE) {
                    Ok(code) => code,
                    Err(_) => panic!("what is left of a text is text"),
                }
            },
            bindings: &[crate::kernel::Access::Parameters, $(crate::kernel::Access::$access),*],
        }
    };
}
pub(crate) use shader;

/// Every kernel's shader, for checks that go over all of them.
pub static SHADERS: [&Shader; 24] = [
    &add::SHADER,
    &apply_edits::SHADER,
    &attention::SHADER,
    &attention_pattern::SHADER,
    &attention_tiled::SHADER,
    &copy::SHADER,
    &cross_entropy::SHADER,
    &embedding::SHADER,
    &gate::SHADER,
    &gather_rows::SHADER,
    &kl_divergence::SHADER,
    &latent_statistics::SHADER,
    &layer_norm::SHADER,
    &linear::SHADER,
    &matmul::SHADER,
    &matmul_direct::SHADER,
    &matmul::SMALL_SHADER,
    &norm_scale::SHADER,
    &sae_normalize::SHADER,
    &scale_shift::SHADER,
    &sparse_decode::SHADER,
    &splice::SHADER,
    &topk::SHADER,
    &write_columns::SHADER,
];

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

/// The pipeline constant `threads`: the invocations of a workgroup that share one row, `fine` on a GPU and `coarse`
/// on an adapter in software (see [`crate::Division`]).
pub(crate) fn threads(device: &Device, fine: u32, coarse: u32) -> (&'static str, f64) {
    let threads = if device.is_coarse() { coarse } else { fine };
    ("threads", f64::from(threads))
}

/// A flag as a pipeline constant.
pub(crate) fn flag(name: &'static str, value: bool) -> (&'static str, f64) {
    (name, f64::from(u8::from(value)))
}
