//! The size of the pieces that weights are read in.

/// Weights are requested in pieces of about this many: 4 MiB as f32.
pub(crate) const PIECE_WEIGHTS: usize = 1 << 20;

/// Number of rows of this many weights in a piece: weights are read in pieces of about 4 MiB, and by the row.
pub fn rows_in_piece(width: usize) -> usize {
    (PIECE_WEIGHTS / width.max(1)).max(1)
}
