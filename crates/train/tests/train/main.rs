//! Tests of `train` through its public face.

mod gradients;
mod reference;
mod resume;
mod threads;

/// Numbers that look random, from -1 to 1.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Activations with structure: few directions, each in few of the rows, and a mean.
fn activations(rows: usize, width: usize, seed: u64) -> Vec<f32> {
    let directions = numbers(3 * width * width, 7);
    let amounts = numbers(rows * 3 * width, seed);
    let mut all = Vec::with_capacity(rows * width);
    for amounts in amounts.chunks_exact(3 * width) {
        let mut row = vec![0.3; width];
        for (amount, direction) in amounts.iter().zip(directions.chunks_exact(width)) {
            if *amount > 0.7 {
                for (value, direction) in row.iter_mut().zip(direction) {
                    *value += amount * direction;
                }
            }
        }
        all.extend(row);
    }
    all
}
