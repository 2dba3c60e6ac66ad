//! Writing of an atlas with its tables.

use std::path::Path;

use atlas::record::TokenIndex;
use atlas::{AtlasInfo, FeatureRecord, SetInfo};
use atlas_folder::{NewFile, Writer};
use atlas_parquet::{COACTIVATIONS, EXAMPLES, FEATURES, Tables};

use super::error::AtlasError;

/// An atlas that is being written, set by set.
pub struct Save {
    writer: Writer,
    tables: Option<Tables<NewFile>>,
}

impl Save {
    /// Begins an atlas. Of `info` the tables take the model, the corpus and what is not known.
    pub fn new(out: &Path, info: &AtlasInfo, with_tables: bool) -> Result<Self, AtlasError> {
        let writer = Writer::new(out)?;
        let tables = if with_tables {
            let [features, examples, coactivations] =
                [FEATURES, EXAMPLES, COACTIVATIONS].map(|path| writer.create(path));
            Some(Tables::new(info, features?, examples?, coactivations?)?)
        } else {
            None
        };
        Ok(Self { writer, tables })
    }

    /// Writes a set.
    pub fn set(
        &mut self,
        info: &AtlasInfo,
        set: SetInfo,
        records: &[FeatureRecord],
        token_index: Option<&TokenIndex>,
        points: Option<&Vec<[f32; 2]>>,
    ) -> Result<(), AtlasError> {
        if let Some(tables) = &mut self.tables {
            tables.add(info, &set, records)?;
        }
        Ok(self.writer.set(set, records, token_index, points)?)
    }

    /// Writes the bytes of each token.
    pub fn vocabulary(&mut self, vocabulary: &Vec<Vec<u8>>) -> Result<(), AtlasError> {
        Ok(self.writer.vocabulary(vocabulary)?)
    }

    /// The atlas, in the place of the old one.
    pub fn finish(mut self, info: &AtlasInfo) -> Result<AtlasInfo, AtlasError> {
        if let Some(tables) = self.tables {
            for file in tables.finish()? {
                self.writer.table(file)?;
            }
        }
        Ok(self.writer.finish(info)?)
    }
}
