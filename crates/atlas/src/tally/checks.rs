//! Comparisons of tallies: with each other before they merge, and with themselves after they were read.

use super::Tally;
use crate::error::Error;

impl Tally {
    /// Refuses a tally of another model, feature set or corpus, or with other settings.
    pub(super) fn check_belongs(&self, other: &Self) -> Result<(), Error> {
        let differs = |what, one: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug| {
            let (one, other) = (format!("{one:?}"), format!("{other:?}"));
            if one == other {
                Ok(())
            } else {
                Err(Error::Differs { what, one, other })
            }
        };
        differs(
            "tokenizers",
            &self.model.tokenizer_sha256,
            &other.model.tokenizer_sha256,
        )?;
        differs(
            "vocabularies",
            &self.model.vocabulary,
            &other.model.vocabulary,
        )?;
        differs("models", &self.model.sha256, &other.model.sha256)?;
        differs("feature sets", &self.set, &other.set)?;
        differs("corpora", &self.corpus, &other.corpus)?;
        differs("settings", &self.settings, &other.settings)
    }

    /// Compares the lengths inside with each other, for a tally that was read from a file.
    ///
    /// # Errors
    /// [`Error::Shape`].
    pub fn check(&self) -> Result<(), Error> {
        let latents = self.set.n_latents as usize;
        let sources = self.sources.len();
        let lengths = [
            ("latents of a tally", self.latents.len(), latents),
            (
                "token counts of a tally",
                self.occurs.len(),
                self.model.vocabulary as usize,
            ),
        ];
        let of_latents = self
            .latents
            .iter()
            .map(|latent| ("sources of a latent", latent.sources.len(), sources));
        for (what, got, expected) in lengths.into_iter().chain(of_latents) {
            if got != expected {
                return Err(Error::Shape {
                    what,
                    got,
                    expected,
                });
            }
        }
        let current = self.current.iter().flat_map(|(_, fired)| fired.keys());
        let named = self.names.values().map(|(_, source)| usize::from(*source));
        let sound = self.pairs.is_sound()
            && self.latents.iter().all(|latent| latent.bins.is_sound())
            && current
                .into_iter()
                .all(|latent| (*latent as usize) < latents)
            && named.into_iter().all(|source| source < sources);
        if !sound {
            return Err(Error::Shape {
                what: "numbers inside a tally do not fit its latents",
                got: 0,
                expected: latents,
            });
        }
        Ok(())
    }
}
