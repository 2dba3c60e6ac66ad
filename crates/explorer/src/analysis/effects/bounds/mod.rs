//! Proven bounds of what an ablation does to a next-token distribution, without the logits of the whole vocabulary.
//!
//! With p the clean distribution after a token, δ the changes of the logits, c = Σ p·δ and φ(x) = eˣ − 1 − x,
//! KL(clean ‖ ablated) = log(1 + Σ p·φ(δ − c)), because Σ p·(δ − c) = 0; no term is negative. The tokens that are likeliest after each
//! position are summed. Of the others, none is likelier than the last of those, and φ(x) ≤ x²/2·e^max(x, 0), so that they give at most
//! ½·p_last·Σ(δ − c)²·e^r. That sum over the vocabulary is a quadratic form of the change of the stream, whose matrix is one product
//! of the unembedding with itself; r is the most that a change of this length can move a logit beside the mean.
//! The change of the loss is KL + c − δ of the token that follows: exact but for KL.

mod arithmetic;

use kernels::host;

use self::arithmetic::{add, dot, softmax, subtract, sums, transposed};
use crate::analysis::question::Question;
use crate::error::Error;

/// Rows of the unembedding that are read at a time.
const BLOCK: usize = 1024;
/// One of so many tokens is summed for each position.
const LISTED_OF: usize = 32;
/// The most memory that the unembedding's rows of those may take.
const LISTED_BYTES: usize = 64 << 20;
/// What rounding can do to the sums, relative to them, with room: they are f32 sums of some hundred terms.
const ROUNDING: f64 = 1e-4;

/// Bounds of one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Change of the loss of the token that follows, minus KL; 0 after the last token.
    pub(super) loss_beside_kl: f64,
    /// KL is not below this,
    pub(super) low: f64,
    /// nor above this.
    pub(super) high: f64,
}

impl Bounds {
    /// The middle, which is off by at most [`Bounds::error`].
    pub(super) fn middle(&self) -> f64 {
        f64::midpoint(self.low, self.high)
    }

    /// Half of what lies between.
    pub(super) fn error(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// A clean run, as rows are bounded against it.
pub(super) struct Bounding {
    width: usize,
    vocabulary: usize,
    /// Tokens that are summed per position.
    listed: usize,
    /// `[positions, width]`: outputs of the final LayerNorm.
    clean: Vec<f32>,
    /// `[positions, width]`: Σ p·W_U.
    means: Vec<f32>,
    /// `[positions, width]`: the unembedding of the token that follows; 0 after the last.
    targets: Vec<f32>,
    /// `[width]`: mean of W_U over the vocabulary.
    centre: Vec<f32>,
    /// `[width, width]`: Σ (W_U − centre)(W_U − centre)ᵀ.
    gram: Vec<f32>,
    /// `[positions, listed, width]`, with their probabilities `[positions, listed]`.
    rows: Vec<f32>,
    probabilities: Vec<f32>,
    /// `[positions]`: the largest distance of a token's W_U from the mean.
    reach: Vec<f32>,
}

impl Bounding {
    /// Of a clean run: outputs of its final LayerNorm `[positions, d_model]`, and its logits `[positions, vocabulary]`.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Device`].
    pub(super) async fn new(
        question: &Question<'_>,
        ids: &[u32],
        clean: Vec<f32>,
        logits: &[f32],
    ) -> Result<Self, Error> {
        let model = question.model()?;
        let config = model.model.config();
        let (width, vocabulary) = (config.n_embd, config.vocab_size);
        let positions = ids.len();
        let most = LISTED_BYTES / (positions * width * 4).max(1);
        let listed = (vocabulary / LISTED_OF).min(most).clamp(1, vocabulary);
        let distributions = softmax(logits, vocabulary);
        let mut tokens = vec![0; positions * listed];
        let mut probabilities = vec![0.0; positions * listed];
        let values = (distributions.as_slice(), vocabulary);
        host::top_k(values, listed, &mut tokens, &mut probabilities);
        let mut new = Self {
            width,
            vocabulary,
            listed,
            clean,
            means: vec![0.0; positions * width],
            targets: vec![0.0; positions * width],
            centre: vec![0.0; width],
            gram: vec![0.0; width * width],
            rows: vec![0.0; positions * listed * width],
            probabilities,
            reach: vec![0.0; positions],
        };
        let embedding = model.model.token_embedding();
        let device = question.executor.device();
        let blocks = || (0..vocabulary).step_by(BLOCK);
        let end = |first: usize| (first + BLOCK).min(vocabulary);
        for first in blocks() {
            question.pace.step().await?;
            let block = embedding.read_rows(device, first..end(first)).await?;
            new.read_means(&block, first, &distributions);
            new.read_rows(&block, first, (&tokens, ids));
        }
        let count = vocabulary as f32;
        new.centre.iter_mut().for_each(|sum| *sum /= count);
        for first in blocks() {
            question.pace.step().await?;
            let block = embedding.read_rows(device, first..end(first)).await?;
            new.read_gram(&block);
        }
        Ok(new)
    }

    /// Adds a block of the unembedding to the means of the positions and to the centre.
    fn read_means(&mut self, block: &[f32], first: usize, distributions: &[f32]) {
        let count = block.len() / self.width;
        let columns = transposed(block, self.width);
        let rows = distributions.chunks_exact(self.vocabulary);
        let weights: Vec<f32> = rows
            .flat_map(|row| row[first..first + count].iter().copied())
            .collect();
        let mut sums = vec![0.0; self.means.len()];
        let zeros = vec![0.0; self.width];
        host::affine((&weights, count), (&columns, &zeros), &mut sums);
        add(&mut self.means, &sums);
        for row in block.chunks_exact(self.width) {
            add(&mut self.centre, row);
        }
    }

    /// Copies the rows of a block that belong to listed tokens, or to tokens that follow.
    fn read_rows(&mut self, block: &[f32], first: usize, (tokens, ids): (&[u32], &[u32])) {
        let row = |token: u32| {
            let at = (token as usize).checked_sub(first)? * self.width;
            block.get(at..at + self.width)
        };
        let places = self.rows.chunks_exact_mut(self.width).zip(tokens);
        let follow = ids.get(1..).unwrap_or_default();
        let targets = self.targets.chunks_exact_mut(self.width).zip(follow);
        for (place, token) in places.chain(targets) {
            if let Some(row) = row(*token) {
                place.copy_from_slice(row);
            }
        }
    }

    /// Adds a block to the quadratic form, and looks for the token that is farthest from each position's mean.
    fn read_gram(&mut self, block: &[f32]) {
        let width = self.width;
        let count = block.len() / width;
        let mut centred = block.to_vec();
        for row in centred.chunks_exact_mut(width) {
            subtract(row, &self.centre);
        }
        let columns = transposed(&centred, width);
        let mut sums = vec![0.0; width * width];
        let zeros = vec![0.0; width.max(count)];
        host::affine((&columns, count), (&columns, &zeros[..width]), &mut sums);
        add(&mut self.gram, &sums);
        let mut means = self.means.clone();
        for mean in means.chunks_exact_mut(width) {
            subtract(mean, &self.centre);
        }
        let mut products = vec![0.0; self.reach.len() * count];
        host::affine((&means, width), (&centred, &zeros[..count]), &mut products);
        let lengths: Vec<f32> = centred
            .chunks_exact(width)
            .map(|row| dot(row, row))
            .collect();
        let positions = self.reach.iter_mut().zip(means.chunks_exact(width));
        for ((reach, mean), products) in positions.zip(products.chunks_exact(count)) {
            let own = dot(mean, mean);
            for (length, product) in lengths.iter().zip(products) {
                // Rounding may take a little from a difference of squares.
                let squared = (length + own) * (1.0 + 1e-5) - 2.0 * product;
                *reach = reach.max(squared.max(0.0).sqrt());
            }
        }
    }

    /// Bounds of rows of outputs of the final LayerNorm `[rows, d_model]`, each after the position of the prompt that is named.
    /// A row with a NaN has NaN for bounds.
    pub(super) fn rows(&self, stream: &[f32], positions: &[usize]) -> Vec<Bounds> {
        let width = self.width;
        let mut order: Vec<usize> = (0..positions.len()).collect();
        order.sort_by_key(|row| positions[*row]);
        // Rows of one position beside each other, which are multiplied with the same tokens.
        let mut changes = Vec::with_capacity(positions.len() * width);
        for row in &order {
            let clean = &self.clean[positions[*row] * width..][..width];
            let stream = &stream[row * width..][..width];
            changes.extend(stream.iter().zip(clean).map(|(new, clean)| new - clean));
        }
        let mut turned = vec![0.0; changes.len()];
        let zeros = vec![0.0; width];
        host::affine((&changes, width), (&self.gram, &zeros), &mut turned);
        let nothing = Bounds {
            loss_beside_kl: 0.0,
            low: 0.0,
            high: 0.0,
        };
        let mut sorted = vec![nothing; order.len()];
        let mut groups = Vec::new();
        let (mut changes, mut turned) = (changes.as_slice(), turned.as_slice());
        let mut places = sorted.as_mut_slice();
        for same in order.chunk_by(|a, b| positions[*a] == positions[*b]) {
            let (of_group, others) = changes.split_at(same.len() * width);
            let (turned_here, turned_others) = turned.split_at(same.len() * width);
            let (places_here, places_others) = places.split_at_mut(same.len());
            groups.push((positions[same[0]], of_group, turned_here, places_here));
            (changes, turned, places) = (others, turned_others, places_others);
        }
        let nanoseconds = positions.len() * self.listed * width / 16;
        let scratch = Vec::new;
        host::for_each(nanoseconds, groups.into_iter(), scratch, |logits, group| {
            let (position, changes, turned, places) = group;
            self.group(position, (changes, turned), places, logits);
        });
        let mut bounds = vec![nothing; order.len()];
        for (row, found) in order.into_iter().zip(sorted) {
            bounds[row] = found;
        }
        bounds
    }

    /// Bounds of rows of one position: their changes `[rows, width]`, and those multiplied with the quadratic form.
    fn group(
        &self,
        position: usize,
        (changes, turned): (&[f32], &[f32]),
        places: &mut [Bounds],
        logits: &mut Vec<f32>,
    ) {
        let (width, listed) = (self.width, self.listed);
        let of_position = |values: &[f32]| position * (values.len() / self.reach.len());
        let rows = &self.rows[of_position(&self.rows)..][..listed * width];
        let probabilities = &self.probabilities[position * listed..][..listed];
        let mean = &self.means[position * width..][..width];
        let target = &self.targets[position * width..][..width];
        logits.resize(places.len() * listed, 0.0);
        let zeros = vec![0.0; listed];
        host::affine((changes, width), (rows, &zeros), logits);
        let follows = position + 1 < self.reach.len();
        let values = changes.chunks_exact(width).zip(turned.chunks_exact(width));
        let values = values.zip(logits.chunks_exact(listed));
        for (((change, turned), logits), place) in values.zip(places) {
            let [by_mean, by_target, by_centre, quadratic, length] = [
                dot(change, mean),
                dot(change, target),
                dot(change, &self.centre),
                dot(change, turned),
                dot(change, change),
            ]
            .map(f64::from);
            let [sum, squares] = sums(logits, probabilities, by_mean as f32);
            let beside = by_centre - by_mean;
            let all = quadratic + self.vocabulary as f64 * beside * beside;
            let squares_of_rest = (all - squares).max(0.0) + ROUNDING * all.abs();
            let reach = length.sqrt() * f64::from(self.reach[position]);
            let reach = reach.min(squares_of_rest.sqrt()) * (1.0 + ROUNDING);
            let last = probabilities.last().copied().map_or(0.0, f64::from);
            let rest = match listed == self.vocabulary {
                true => 0.0,
                false => 0.5 * last * squares_of_rest * reach.exp(),
            };
            *place = Bounds {
                loss_beside_kl: if follows { by_mean - by_target } else { 0.0 },
                low: (sum * (1.0 - ROUNDING)).ln_1p(),
                high: (sum * (1.0 + ROUNDING) + rest).ln_1p(),
            };
        }
    }
}

#[cfg(test)]
mod tests;
