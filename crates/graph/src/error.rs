//! Errors of graphs that make no sense.

/// A graph, or a change of one, that was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A number that is not finite.
    #[error("{what} {index} is {value}, which is no finite number")]
    NotFinite {
        /// The kind of number.
        what: &'static str,
        /// Its index.
        index: usize,
        /// The number.
        value: f32,
    },
    /// A number below 0 where that means nothing.
    #[error("{what} {index} is {value}, and must be 0 or more")]
    Negative {
        /// The kind of number.
        what: &'static str,
        /// Its index.
        index: usize,
        /// The number.
        value: f32,
    },
    /// An edge that names a node that is not there.
    #[error("edge {edge} names node {node}, and there are {nodes} nodes")]
    NoSuchNode {
        /// Index of the edge.
        edge: usize,
        /// The node that it names.
        node: usize,
        /// Number of nodes.
        nodes: usize,
    },
    /// A node id that stands twice.
    #[error("node id {id} stands twice")]
    Twice {
        /// The id.
        id: u32,
    },
    /// Lists whose lengths do not belong together.
    #[error("{what} has {found} entries instead of {expected}")]
    Length {
        /// The list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that it should have.
        expected: usize,
    },
}

/// Refuses a number that is not finite, or below 0.
pub(crate) fn at_least_0(what: &'static str, index: usize, value: f32) -> Result<(), Error> {
    if !value.is_finite() {
        return Err(Error::NotFinite { what, index, value });
    }
    if value < 0.0 {
        return Err(Error::Negative { what, index, value });
    }
    Ok(())
}
