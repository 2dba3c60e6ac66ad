//! An atlas in memory.

use crate::info::AtlasInfo;
use crate::record::FeatureRecord;

/// A whole atlas, without coordinates and index of tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// Its index. Its sets name no files.
    pub info: AtlasInfo,
    /// Of each set, in the order of [`AtlasInfo::sets`], a record per latent.
    pub records: Vec<Vec<FeatureRecord>>,
    /// The bytes of each token, where they are known.
    pub vocabulary: Option<Vec<Vec<u8>>>,
}
