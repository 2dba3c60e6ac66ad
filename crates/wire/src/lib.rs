//! Edits of features as data, as text and as JSON. One grammar serves links, files, the command line and JavaScript; it is
//! described in `docs/edits.md`. And addresses of the page about a prompt, and of figures in articles. No device, no network, no model: whether a feature set
//! or a latent exists is not known here.

pub mod address;
pub mod figure;

mod edit;
mod json;
mod parse;
mod parse_error;
mod percent;
mod value;

pub use edit::{Condition, Edit, Edits, Operation, Positions, Span, Target};
pub use parse_error::{Fault, ParseError};
pub use value::{LARGEST_VALUE, ValueError, check_value};
