//! Proven bounds of what an ablation does to a next-token distribution, without the logits of the whole vocabulary.
//!
//! With p the clean distribution after a token, δ the changes of the logits, c = Σ p·δ and φ(x) = eˣ − 1 − x,
//! KL(clean ‖ ablated) = log(1 + Σ p·φ(δ − c)), because Σ p·(δ − c) = 0; no term is negative. The tokens that are likeliest after each
//! position are summed. Of the others, none is likelier than the last of those, and φ(x) ≤ x²/2·e^max(x, 0), so that they give at most
//! ½·p_last·Σ(δ − c)²·e^r. That sum over the vocabulary is a quadratic form of the change of the stream, whose matrix is one product
//! of the unembedding with itself; r is the most that a change of this length can move a logit beside the mean.
//! The change of the loss is KL + c − δ of the token that follows: exact but for KL.

use kernels::host;

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

/// `[rows, vocabulary]`: probabilities.
fn softmax(logits: &[f32], vocabulary: usize) -> Vec<f32> {
    let mut values = logits.to_vec();
    for row in values.chunks_exact_mut(vocabulary.max(1)) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0_f64;
        for value in row.iter_mut() {
            *value = (*value - largest).exp();
            sum += f64::from(*value);
        }
        row.iter_mut()
            .for_each(|value| *value = (f64::from(*value) / sum) as f32);
    }
    values
}

/// `[columns, rows]` of a matrix `[rows, columns]`.
fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns.max(1);
    let mut turned = vec![0.0; matrix.len()];
    for (r, row) in matrix.chunks_exact(columns.max(1)).enumerate() {
        for (c, value) in row.iter().enumerate() {
            turned[c * rows + r] = *value;
        }
    }
    turned
}

fn add(sums: &mut [f32], values: &[f32]) {
    sums.iter_mut()
        .zip(values)
        .for_each(|(sum, value)| *sum += value);
}

fn subtract(values: &mut [f32], others: &[f32]) {
    values
        .iter_mut()
        .zip(others)
        .for_each(|(value, other)| *value -= other);
}

/// Numbers that are summed side by side.
const LANES: usize = 16;

fn dot(a: &[f32], b: &[f32]) -> f32 {
    host::vectorised(
        #[inline(always)]
        || {
            let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
            let mut sums = [0.0_f32; LANES];
            for (a, b) in a.iter().zip(b) {
                for lane in 0..LANES {
                    sums[lane] += a[lane] * b[lane];
                }
            }
            let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
            sums.iter().sum::<f32>() + rest.sum::<f32>()
        },
    )
}

/// φ(x) where x is small, as its series; the first term that is left out is x⁷ / 5040.
#[inline(always)]
fn near(x: f32) -> f32 {
    let series = x * (1.0 / 24.0 + x * (1.0 / 120.0 + x / 720.0));
    x * x * (0.5 + x * (1.0 / 6.0 + series))
}

/// Σ p·φ(δ − c) and Σ (δ − c)² of some tokens.
fn sums(changes: &[f32], probabilities: &[f32], mean: f32) -> [f64; 2] {
    host::vectorised(
        #[inline(always)]
        || {
            let mut sums = [0.0_f64; 2];
            let chunks = changes.chunks(LANES).zip(probabilities.chunks(LANES));
            for (changes, probabilities) in chunks {
                let (mut weighted, mut squares, mut largest) = (0.0_f32, 0.0_f32, 0.0_f32);
                for (change, probability) in changes.iter().zip(probabilities) {
                    let x = change - mean;
                    weighted += probability * near(x);
                    squares += x * x;
                    largest = if x.abs() > largest { x.abs() } else { largest };
                }
                if largest > 0.25 {
                    let terms = changes.iter().zip(probabilities);
                    weighted = terms
                        .map(|(change, probability)| {
                            let x = change - mean;
                            match x.abs() > 0.25 {
                                true => probability * (x.exp() - 1.0 - x),
                                false => probability * near(x),
                            }
                        })
                        .sum();
                }
                sums[0] += f64::from(weighted);
                sums[1] += f64::from(squares);
            }
            sums
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(state >> 8) / f64::from(1 << 24) - 0.5) as f32
        };
        (0..count).map(next).collect()
    }

    /// A vocabulary of 700 tokens in 24 dimensions, three positions, and what is known of it as `new` would read it.
    fn bounding(listed: usize) -> (Bounding, Vec<f32>, Vec<f32>) {
        let (width, vocabulary, positions) = (24, 700, 3);
        let unembedding: Vec<f32> = numbers(vocabulary * width, 1)
            .iter()
            .map(|v| v + 0.2)
            .collect();
        let clean: Vec<f32> = numbers(positions * width, 2)
            .iter()
            .map(|v| v * 6.0)
            .collect();
        let mut logits = Vec::new();
        for row in clean.chunks_exact(width) {
            logits.extend(unembedding.chunks_exact(width).map(|token| dot(row, token)));
        }
        let distributions = softmax(&logits, vocabulary);
        let mut tokens = vec![0; positions * listed];
        let mut probabilities = vec![0.0; positions * listed];
        host::top_k(
            (&distributions, vocabulary),
            listed,
            &mut tokens,
            &mut probabilities,
        );
        let mut new = Bounding {
            width,
            vocabulary,
            listed,
            clean: clean.clone(),
            means: vec![0.0; positions * width],
            targets: vec![0.0; positions * width],
            centre: vec![0.0; width],
            gram: vec![0.0; width * width],
            rows: vec![0.0; positions * listed * width],
            probabilities,
            reach: vec![0.0; positions],
        };
        let ids = [5, 6, 7];
        for (number, block) in unembedding.chunks(300 * width).enumerate() {
            new.read_means(block, number * 300, &distributions);
            new.read_rows(block, number * 300, (&tokens, &ids));
        }
        new.centre
            .iter_mut()
            .for_each(|sum| *sum /= vocabulary as f32);
        for block in unembedding.chunks(300 * width) {
            new.read_gram(block);
        }
        (new, unembedding, clean)
    }

    /// KL and the change of a token's loss by the definition, in f64.
    fn textbook(unembedding: &[f32], clean: &[f32], edited: &[f32], target: usize) -> (f64, f64) {
        let log_softmax = |row: &[f32]| {
            let logits: Vec<f64> = unembedding
                .chunks_exact(row.len())
                .map(|token| {
                    let terms = token.iter().zip(row);
                    terms
                        .map(|(a, b)| f64::from(*a) * f64::from(*b))
                        .sum::<f64>()
                })
                .collect();
            let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
            logits
                .iter()
                .map(|logit| logit - sum.ln())
                .collect::<Vec<f64>>()
        };
        let (p, q) = (log_softmax(clean), log_softmax(edited));
        let kl = p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum();
        (kl, p[target] - q[target])
    }

    #[test]
    fn the_truth_lies_between_the_bounds() {
        for listed in [1, 20, 200, 700] {
            let (bounding, unembedding, clean) = bounding(listed);
            let mut tight = 0;
            for (round, size) in (3..).zip([1e-3, 1e-2, 0.1, 0.5, 2.0, 10.0]) {
                let changes: Vec<f32> = numbers(5 * 24, round).iter().map(|v| v * size).collect();
                let positions = [2, 0, 1, 0, 2];
                let rows = positions
                    .iter()
                    .flat_map(|at| clean[at * 24..][..24].to_vec());
                let edited: Vec<f32> = rows.zip(&changes).map(|(a, b)| a + b).collect();
                let found = bounding.rows(&edited, &positions);
                for ((edited, at), bounds) in edited.chunks_exact(24).zip(positions).zip(found) {
                    let clean = &clean[at * 24..][..24];
                    let (kl, loss) = textbook(&unembedding, clean, edited, [6, 7, 0][at]);
                    // Changes of 1e-3 beside numbers of 3 are known to four digits.
                    let slack = 2e-3 * kl + 1e-9;
                    let what = format!("{listed} tokens, {size}: {bounds:?}, {kl}");
                    assert!(
                        bounds.low <= kl + slack && kl <= bounds.high + slack,
                        "{what}"
                    );
                    tight += u32::from(bounds.high < 1.5 * kl);
                    if at < 2 {
                        let off = (bounds.loss_beside_kl - (loss - kl)).abs();
                        assert!(
                            off <= 2e-3 * loss.abs().max(f64::from(size)) + 1e-6,
                            "{what}: {off}"
                        );
                    }
                }
            }
            // With the whole vocabulary there is nothing left to bound.
            assert!(listed < 700 || tight == 30, "{tight}");
        }
    }

    #[test]
    fn a_nan_is_bounded_by_nothing() {
        let (bounding, _, clean) = bounding(20);
        let mut edited = clean[..24].to_vec();
        edited[3] = f32::NAN;
        assert!(bounding.rows(&edited, &[0])[0].error().is_nan());
    }
}
