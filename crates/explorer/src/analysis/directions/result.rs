//! Options and results of a description of all features of a set.

use atlas::FeatureRecord;
use atlas::record::{AlignedHead, AlignedNeuron, Elsewhere, LogitEffect, Neighbour};
use serde::Serialize;

/// Options of a description of all features of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectionsOptions {
    /// Ids of the sets in which the nearest features are looked for; all that are loaded, where None.
    pub others: Option<Vec<String>>,
    /// True if a map is made: a few seconds for 4,096 latents.
    pub map: bool,
}

impl Default for DirectionsOptions {
    fn default() -> Self {
        Self {
            others: None,
            map: true,
        }
    }
}

/// What weights say about one latent.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Directions {
    /// Its direct effect on the logits; None where nothing of its direction reaches them, as where it is 0.
    pub logits: Option<LogitEffect>,
    /// The ten features of the set with the nearest decoder directions; none for an autoencoder that stays in its file.
    pub similar: Vec<Neighbour>,
    /// The nearest feature in each other set with a common basis.
    pub elsewhere: Vec<Elsewhere>,
    /// The five neurons with the nearest output directions, of the MLPs up to the hook.
    pub neurons: Vec<AlignedNeuron>,
    /// The three heads with the largest share of the direction, of the layers up to the hook.
    pub heads: Vec<AlignedHead>,
}

impl Directions {
    /// Writes all of it into the latent's record.
    pub fn fill(self, record: &mut FeatureRecord) {
        record.logits = self.logits;
        record.similar = self.similar;
        record.elsewhere = self.elsewhere;
        record.neurons = self.neurons;
        record.heads = self.heads;
    }
}

/// What weights say about all latents of a set.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SetDirections {
    /// Per latent.
    pub latents: Vec<Directions>,
    /// Coordinates per latent, within −1 to 1: a plane on which latents with near directions lie together (UMAP over the 15
    /// nearest by cosine, from the directions' principal axes; always the same one). None for an autoencoder that stays in
    /// its file, for dimensions of the stream, whose directions are all at right angles, where all directions lie on a line, and
    /// where no map was wanted.
    pub map: Option<Vec<[f32; 2]>>,
}
