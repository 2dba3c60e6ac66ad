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
