//! Feature sets: autoencoders on the device, autoencoders in their files, and neurons, behind one shape.

pub(crate) mod coder;
pub(crate) mod listed;
pub(crate) mod multiply;
pub(crate) mod neurons;
pub(crate) mod sae;
pub(crate) mod set;
pub(crate) mod source;
pub(crate) mod streamed;
