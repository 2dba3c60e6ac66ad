//! The part of a long prompt that a table shows at a time.

use std::ops::Range;

/// Most tokens that a table has as columns: with more, drawing it takes longer than a person notices.
pub const COLUMNS: usize = 48;

/// The columns of the table that shows token `at` of a prompt of so many tokens: a prompt is cut into equal stretches from its
/// beginning, so that moving within one moves nothing else.
pub fn columns(tokens: usize, at: usize) -> Range<usize> {
    let start = at.min(tokens.saturating_sub(1)) / COLUMNS * COLUMNS;
    start..(start + COLUMNS).min(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_in_its_own_stretch() {
        assert_eq!(columns(10, 3), 0..10);
        assert_eq!(columns(1024, 0), 0..48);
        assert_eq!(columns(1024, 48), 48..96);
        assert_eq!(columns(1024, 1023), 1008..1024);
        assert_eq!(columns(10, 99), 0..10, "a token that is no longer there");
        assert_eq!(columns(0, 0), 0..0);
    }
}
