//! Queries and merges in this process and on a cluster of real processes on this machine.

mod cluster;
mod common;
mod embedded;
