//! The form of a kernel's shader: its source and its bindings.

/// Use of a binding by a kernel.
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
    /// Bindings of group 0, in order.
    pub bindings: &'static [Access],
}

macro_rules! shader {
    ($name:literal, $($access:ident)*) => {
        crate::kernel::shader::Shader {
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
            bindings: &[crate::kernel::shader::Access::Parameters, $(crate::kernel::shader::Access::$access),*],
        }
    };
}
pub(crate) use shader;
