//! Choices in the library: which parts a load needs, their size, host and time, and the groups of stored files.

pub mod choice;
pub mod pace;
pub mod stored;
