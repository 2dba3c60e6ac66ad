//! Statistics while they are collected, mergeable exactly.
