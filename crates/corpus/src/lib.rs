//! Documents out of files.
