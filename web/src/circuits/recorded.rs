//! The recorded run of the demo, as the site has it.

use std::collections::BTreeMap;

use ::atlas::record::{Neighbour, Partner};

use super::facts::{Across, Known, Relations};
use super::run::{Frame, Run, RunSet};
use crate::data::{Token, from_js};
use crate::shared::Shared;

from_js! {
    /// A run in columns.
    RecordedRun {
        /// Id of the model.
        model: String = "model",
        /// The text that was continued.
        prompt: String = "prompt",
        /// Number of its tokens, a BOS included.
        prompt_tokens: usize = "promptTokens",
        /// True if token 0 is a BOS.
        bos: bool = "bos",
        /// All tokens.
        tokens: Vec<Token> = "tokens",
        /// Features, per set.
        sets: Vec<RecordedSet> = "sets",
    }

    /// Features of one set, token after token.
    RecordedSet {
        /// Id of the SAE.
        sae: String = "sae",
        /// Its hook.
        hook: String = "hook",
        /// Number of its latents.
        n_latents: usize = "nLatents",
        /// Number of active latents per token.
        counts: Vec<usize> = "counts",
        /// The active latents.
        latents: Vec<u32> = "latents",
        /// Their activations.
        activations: Vec<f32> = "activations",
        /// What the atlas says of pairs of them.
        relations: Option<RecordedRelations> = "relations",
    }

    /// Pairs of features of a run, in columns.
    RecordedRelations {
        /// SHA-256 of the atlas's table of the set.
        table: String = "table",
        /// One, other, tokens on which both fire.
        partners: Vec<u32> = "partners",
        /// One, other.
        similar: Vec<u32> = "similar",
        /// Their cosines.
        similar_cosines: Vec<f32> = "similarCosines",
        /// One, set of the other, other.
        elsewhere: Vec<u32> = "elsewhere",
        /// Their cosines.
        elsewhere_cosines: Vec<f32> = "elsewhereCosines",
    }
}

impl RecordedRelations {
    /// The relations of these features.
    fn relations(&self, features: &[u32]) -> Relations {
        let mut known: BTreeMap<u32, Known> = features
            .iter()
            .map(|latent| (*latent, Known::default()))
            .collect();
        let (partners, _) = self.partners.as_chunks::<3>();
        for [one, latent, count] in partners {
            let partner = Partner {
                latent: *latent,
                count: u64::from(*count),
                ..Partner::default()
            };
            known.entry(*one).or_default().partners.push(partner);
        }
        let (similar, _) = self.similar.as_chunks::<2>();
        for ([one, latent], cosine) in similar.iter().zip(&self.similar_cosines) {
            let near = Neighbour {
                latent: *latent,
                cosine: *cosine,
            };
            known.entry(*one).or_default().similar.push(near);
        }
        let (elsewhere, _) = self.elsewhere.as_chunks::<3>();
        for ([one, set, latent], cosine) in elsewhere.iter().zip(&self.elsewhere_cosines) {
            let near = Across {
                set: *set as usize,
                latent: *latent,
                cosine: *cosine,
            };
            known.entry(*one).or_default().across.push(near);
        }
        Relations {
            table: self.table.clone(),
            known,
        }
    }
}

impl RecordedRun {
    /// The run; nothing where its columns do not belong together.
    pub fn run(self) -> Option<Run> {
        let mut frames: Vec<Frame> = Vec::new();
        for (at, token) in self.tokens.into_iter().enumerate() {
            frames.push(Frame {
                token,
                counts: !(self.bos && at == 0),
                active: Vec::new(),
            });
        }
        for set in &self.sets {
            let active: Vec<(u32, f32)> = set
                .latents
                .iter()
                .copied()
                .zip(set.activations.iter().copied())
                .collect();
            let lengths = [set.counts.len(), set.latents.len(), set.activations.len()];
            if lengths != [frames.len(), active.len(), active.len()] {
                return None;
            }
            let mut rest = active.as_slice();
            for (frame, count) in frames.iter_mut().zip(&set.counts) {
                let (row, behind) = rest.split_at_checked(*count)?;
                frame.active.push(row.to_vec());
                rest = behind;
            }
            if !rest.is_empty() {
                return None;
            }
        }
        let sets = self.sets.into_iter().map(|set| RunSet {
            sae: set.sae,
            hook: set.hook,
            n_latents: set.n_latents,
            relations: set
                .relations
                .map(|relations| Shared::new(relations.relations(&set.latents))),
        });
        let whole = !frames.is_empty() && self.prompt_tokens <= frames.len();
        whole.then(|| Run {
            model: self.model,
            recorded: true,
            prompt: self.prompt,
            prompt_tokens: self.prompt_tokens,
            sets: Shared::new(sets.collect()),
            frames: frames.into_iter().map(Shared::new).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_frames_and_what_is_cut_off_is_refused() {
        let recorded = RecordedRun {
            prompt_tokens: 2,
            bos: true,
            tokens: vec![Token::default(); 3],
            sets: vec![RecordedSet {
                counts: vec![1, 0, 2],
                latents: vec![4, 5, 6],
                activations: vec![1.0, 3.0, 2.0],
                ..RecordedSet::default()
            }],
            ..RecordedRun::default()
        };
        let run = recorded.clone().run().unwrap();
        let counts: Vec<bool> = run.frames.iter().map(|frame| frame.counts).collect();
        assert_eq!(counts, [false, true, true]);
        assert_eq!(run.frames[2].active, [vec![(5, 3.0), (6, 2.0)]]);
        assert!(run.recorded);
        for spoil in [
            |set: &mut RecordedSet| set.counts = vec![1, 0, 3],
            |set: &mut RecordedSet| set.counts = vec![1, 0, 1],
            |set: &mut RecordedSet| set.counts = vec![3],
            |set: &mut RecordedSet| set.activations.truncate(1),
        ] {
            let mut spoiled = recorded.clone();
            spoil(&mut spoiled.sets[0]);
            assert_eq!(spoiled.run(), None);
        }
        assert_eq!(RecordedRun::default().run(), None);
    }
}
