//! A loaded feature set with its place in the model.

use formats::sae::CountedPositions;
use gpt2::HookPoint;
use wire::SaeInfo;

use crate::error::Error;
use crate::features::set::FeatureSet;
use crate::tokens::{Prompt, Training, Vocabulary};

/// Names a loaded feature set for as long as the session lives; one that is loaded again gets another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SetId(pub(crate) u32);

/// A feature set that is attached to a hook point.
pub(crate) struct LoadedSet {
    pub(crate) id: SetId,
    pub(crate) info: SaeInfo,
    pub(crate) hook: HookPoint,
    /// Positions at which it was trained.
    pub(crate) positions: CountedPositions,
    pub(crate) features: Box<dyn FeatureSet>,
}

impl LoadedSet {
    pub(crate) fn training(&self) -> Training<'_> {
        Training {
            id: &self.info.id,
            prepend_bos: self.info.prepend_bos,
        }
    }

    /// Refuses a latent that is not there.
    ///
    /// # Errors
    /// [`Error::BadOption`].
    pub(crate) fn check_latent(&self, latent: u32) -> Result<(), Error> {
        let n_latents = self.info.n_latents;
        if (latent as usize) < n_latents {
            return Ok(());
        }
        Err(Error::BadOption {
            name: "latent",
            value: latent.to_string(),
            expected: format!("{} has {n_latents} latents", self.info.id),
        })
    }

    /// Positions at which this feature set was trained, and that therefore count in its metrics and are replaced by its
    /// reconstruction: all but a BOS at 0, and but those that its file excludes.
    pub(crate) fn counted(&self, vocabulary: &Vocabulary, prompt: &Prompt) -> Vec<bool> {
        let length = prompt.ids.len();
        let special = |id| vocabulary.tokenizer.is_special(id);
        prompt
            .ids
            .iter()
            .enumerate()
            .map(|(position, id)| {
                let is_bos = position == 0 && prompt.starts_with_bos;
                !is_bos && self.positions.counts(position, length, *id, special)
            })
            .collect()
    }

    /// True if a generated token counts: at its position, as the last of the tokens up to it.
    pub(crate) fn counts_generated(
        &self,
        vocabulary: &Vocabulary,
        position: usize,
        id: u32,
    ) -> bool {
        let special = |id| vocabulary.tokenizer.is_special(id);
        self.positions.counts(position, position + 1, id, special)
    }
}
