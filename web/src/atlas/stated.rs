//! Numbers that the files of an imported atlas may leave open.

use ::atlas::info::Quantity;
use ::atlas::{AtlasInfo, SetInfo};

use crate::format::NONE;

/// A number as it is written; a dash where the files that the atlas was made from do not state it, and a 0 stands in its place.
pub fn stated(info: &AtlasInfo, quantity: Quantity, written: impl FnOnce() -> String) -> String {
    if info.knows(quantity) {
        written()
    } else {
        NONE.to_owned()
    }
}

/// Tokens that the statistics of a set are over; 0 where it is not known how often its features fire among how many.
pub fn counted_tokens(info: &AtlasInfo, set: &SetInfo) -> u64 {
    let counted = info.knows(Quantity::Fired) && info.knows(Quantity::CorpusTokens);
    if counted { set.tokens } else { 0 }
}
