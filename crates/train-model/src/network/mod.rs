//! The network: a pass forward through a GPT-2 in burn, its loss, and gradients by automatic differentiation.

mod head;
mod pass;
mod tensors;

use burn_tensor::{Device, Tensor};
use rayon::prelude::*;

use crate::config::Config;
use crate::error::Error;
use crate::layout::Layout;
use pass::Pass;
use tensors::Network;

/// Sums of a part of a batch.
struct Part {
    /// Sum of cross-entropies, in nats.
    loss: f64,
    /// Gradients by tensor, in the layout's order.
    gradients: Vec<Vec<f32>>,
}

/// A model of given sizes, whose weights come with each call.
#[derive(Debug, Clone)]
pub struct Model {
    config: Config,
    layout: Layout,
    vocabulary: usize,
}

impl Model {
    /// A model with so many tokens.
    pub fn new(config: &Config, vocabulary: usize) -> Self {
        Self {
            config: config.clone(),
            layout: Layout::new(config, vocabulary),
            vocabulary,
        }
    }

    /// Its tensors.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Tokens of the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn check(&self, rows: &[u32]) -> Result<(), Error> {
        let length = self.config.n_positions + 1;
        if rows.is_empty() || !rows.len().is_multiple_of(length) {
            let found = rows.len();
            return Err(Error::Rows { found, length });
        }
        let vocabulary = self.vocabulary;
        match rows.iter().find(|token| **token as usize >= vocabulary) {
            None => Ok(()),
            Some(token) => Err(Error::Token {
                token: *token,
                vocabulary,
            }),
        }
    }

    /// Mean cross-entropy of rows of tokens `[rows, n_positions + 1]` in nats, and its gradients by tensor. Parts of the rows run side by
    /// side; their sums are made in their order.
    ///
    /// # Errors
    /// [`Error::Rows`], [`Error::Token`], [`Error::Network`].
    pub fn gradients(
        &self,
        weights: &[Vec<f32>],
        rows: &[u32],
    ) -> Result<(f64, Vec<Vec<f32>>), Error> {
        self.check(rows)?;
        let network = Network::new(&self.config, &self.layout, weights)?;
        let length = self.config.n_positions + 1;
        let targets = (rows.len() / length * self.config.n_positions) as f64;
        let parts: Vec<&[u32]> = rows.chunks(self.config.part * length).collect();
        let mut sum: Option<Part> = None;
        for side_by_side in parts.chunks(rayon::current_num_threads()) {
            let part = |rows: &&[u32]| self.part(&network, rows, 1.0 / targets);
            let found: Vec<Result<Part, Error>> = side_by_side.par_iter().map(part).collect();
            for part in found {
                let part = part?;
                match &mut sum {
                    None => sum = Some(part),
                    Some(sum) => sum.add(&part),
                }
            }
        }
        // There is a row, so there is a part.
        let sum = sum.ok_or_else(|| Error::Network("nothing was computed".to_owned()))?;
        Ok((sum.loss / targets, sum.gradients))
    }

    /// A part's loss, and its gradients of the loss times `scale`.
    fn part(&self, network: &Network, rows: &[u32], scale: f64) -> Result<Part, Error> {
        let leaves = network.trainable();
        let pass = Pass::new(&self.config, rows, &leaves.wte.device());
        let last = pass.forward(&leaves);
        let head = head::backward(last.clone().inner(), &network.wte, pass.targets(), scale);
        // The gradient of this sum in `last` is the head's.
        let carried = last * Tensor::from_inner(head.in_last);
        let mut found = carried.sum().backward();
        let gradients = leaves.gradients(&mut found, head.in_wte)?;
        Ok(Part {
            loss: head.loss,
            gradients,
        })
    }

    /// Cross-entropy of each token of rows `[rows, n_positions + 1]` behind its row's first, in nats.
    ///
    /// # Errors
    /// As [`Model::gradients`].
    pub fn token_losses(&self, weights: &[Vec<f32>], rows: &[&[u32]]) -> Result<Vec<f64>, Error> {
        for row in rows {
            self.check(row)?;
        }
        let network = Network::new(&self.config, &self.layout, weights)?;
        let device = Device::flex();
        let part = |rows: &[&[u32]]| {
            let pass = Pass::new(&self.config, &rows.concat(), &device);
            let last = pass.forward(&network);
            head::losses(last, &network.wte, pass.targets())
        };
        let losses: Vec<Vec<f64>> = rows.par_chunks(self.config.part).map(part).collect();
        Ok(losses.concat())
    }
}

impl Part {
    fn add(&mut self, other: &Self) {
        self.loss += other.loss;
        for (sums, values) in self.gradients.iter_mut().zip(&other.gradients) {
            let pieces = sums.par_chunks_mut(1 << 16).zip(values.par_chunks(1 << 16));
            pieces.for_each(|(sums, values)| {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += value;
                }
            });
        }
    }
}
