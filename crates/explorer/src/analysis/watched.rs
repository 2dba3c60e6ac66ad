//! Features of the tokens of a text while it is written: taps of the runs that generation makes anyway.

use wire::{SetFeatures, Token, TokenFeatures};

use crate::analysis::question::Question;
use crate::analysis::steering::Steering;
use crate::error::Error;
use crate::features::listed::{FeatureValues, strongest};
use crate::run::executor::RunOutput;
use crate::store::feature_set::LoadedSet;
use crate::tokens::{Prompt, Vocabulary};

/// What comes of a text while it is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// A new token, before the model has run it.
    Token(Token),
    /// The features of a token, once the model has run it: first those of the prompt's tokens, in order, then each new one's.
    Features(TokenFeatures),
}

/// The feature sets that are watched.
pub(crate) struct Watched<'a> {
    sets: Vec<&'a LoadedSet>,
}

impl<'a> Watched<'a> {
    /// Sets by their ids or hook points; they are noted among those that plans are made for.
    ///
    /// # Errors
    /// [`Error::UnknownSae`]; [`Error::BadOption`] for a hook at which several sets are attached; [`Error::Unsupported`] for a
    /// set that stays in its file.
    pub(crate) fn new(
        question: &'a Question<'_>,
        names: &[String],
        steering: &mut Steering<'a>,
    ) -> Result<Self, Error> {
        let mut sets: Vec<&LoadedSet> = Vec::new();
        for name in names {
            let set = question.store.set_or_hook(name)?;
            if sets.iter().all(|known| known.id != set.id) {
                steering.watch(set)?;
                sets.push(set);
            }
        }
        Ok(Self { sets })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// The features of a prompt's tokens, of the run that read it.
    ///
    /// # Errors
    /// [`Error::NotANumber`] with the position.
    pub(crate) fn of_prompt(
        &self,
        output: &RunOutput,
        vocabulary: &Vocabulary,
        prompt: &Prompt,
    ) -> Result<Vec<TokenFeatures>, Error> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let counted: Vec<_> = self
            .sets
            .iter()
            .map(|set| set.counted(vocabulary, prompt))
            .collect();
        let ids = prompt.ids.iter().enumerate();
        ids.map(|(position, id)| {
            let counts = |set: usize| counted.get(set).is_some_and(|rows| rows[position]);
            self.row(output, position, (position, vocabulary.token(*id)), counts)
        })
        .collect()
    }

    /// The features of a new token, of the run that appended it.
    ///
    /// # Errors
    /// [`Error::NotANumber`].
    pub(crate) fn of_token(
        &self,
        output: &RunOutput,
        vocabulary: &Vocabulary,
        (position, id): (usize, u32),
    ) -> Result<TokenFeatures, Error> {
        let counts = |set: usize| {
            let set: &LoadedSet = self.sets[set];
            set.counts_generated(vocabulary, position, id)
        };
        self.row(output, 0, (position, vocabulary.token(id)), counts)
    }

    fn row(
        &self,
        output: &RunOutput,
        row: usize,
        (position, token): (usize, Token),
        counts: impl Fn(usize) -> bool,
    ) -> Result<TokenFeatures, Error> {
        let mut sets = Vec::new();
        for (tap, set) in self.sets.iter().enumerate().filter(|(tap, _)| counts(*tap)) {
            let listed = match output.feature_values(tap, &set.info.id)? {
                FeatureValues::Listed {
                    k,
                    latents,
                    activations,
                } => {
                    let slots = row * k..(row + 1) * k;
                    let values = &activations[slots.clone()];
                    let listed = latents[slots].iter().copied().zip(values.iter().copied());
                    listed.filter(|(_, value)| *value > 0.0).collect()
                }
                FeatureValues::Dimensions { width, values } => {
                    strongest(&values[row * width..(row + 1) * width], |value| value > 0.0)
                }
            };
            let (latents, activations) = listed.into_iter().unzip();
            sets.push(SetFeatures {
                sae: set.info.id.clone(),
                latents,
                activations,
            });
        }
        Ok(TokenFeatures {
            position,
            token,
            sets,
        })
    }
}
