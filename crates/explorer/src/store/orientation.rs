//! A square matrix that lies transposed in a model's file, seen by its numbers: no check of shapes sees `attn.c_proj`.

use std::collections::BTreeMap;
use std::ops::Range;

/// Widths below this are too few numbers to tell a correlation from chance.
const NARROWEST: usize = 64;
/// Correlations that count, and how much more the transposed reading must have.
const CLEAR: f64 = 0.5;

/// Squared norms of a block's attention matrices, summed while they are read.
#[derive(Default)]
struct Norms {
    /// Of the value projection's columns: one per dimension of the heads' outputs.
    values: Vec<f64>,
    /// Of c_proj's rows, which are the same dimensions where the matrix lies as it should.
    rows: Vec<f64>,
    /// Of c_proj's columns.
    columns: Vec<f64>,
}

/// Watches a model's weights on their way to the device.
///
/// Training with weight decay balances the two sides of a product of matrices: in a trained model the norm with which W_V
/// writes a dimension of a head and the norm with which W_O reads it go together (correlation of their logarithms 0.89 to
/// 0.98 in the demo's blocks), and c_proj's other side has nothing to do with them (−0.16 to 0.03).
pub(crate) struct Orientation {
    width: usize,
    blocks: BTreeMap<String, Norms>,
}

impl Orientation {
    pub(crate) fn new(width: usize) -> Self {
        Self {
            width,
            blocks: BTreeMap::new(),
        }
    }

    /// Takes rows of a tensor, as the file has them.
    pub(crate) fn see(&mut self, key: &str, rows: Range<usize>, values: &[f32]) {
        let width = self.width;
        let squares = |row: &[f32]| row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
        if let Some(block) = key.strip_suffix(".attn.c_attn.weight") {
            let norms = self.blocks.entry(block.to_owned()).or_default();
            norms.values.resize(width, 0.0);
            for row in values.chunks_exact(3 * width) {
                add_squares(&mut norms.values, row.get(2 * width..).unwrap_or_default());
            }
        } else if let Some(block) = key.strip_suffix(".attn.c_proj.weight") {
            let norms = self.blocks.entry(block.to_owned()).or_default();
            norms.rows.resize(width, 0.0);
            norms.columns.resize(width, 0.0);
            for (row, values) in rows.zip(values.chunks_exact(width)) {
                if let Some(sum) = norms.rows.get_mut(row) {
                    *sum += squares(values);
                }
                add_squares(&mut norms.columns, values);
            }
        }
    }

    /// A sentence where blocks' matrices fit transposed and not as they are.
    pub(crate) fn caution(&self) -> Option<String> {
        if self.width < NARROWEST {
            return None;
        }
        let transposed: Vec<&str> = self
            .blocks
            .iter()
            .filter(|(_, norms)| {
                let as_read = correlation(&norms.values, &norms.rows);
                let transposed = correlation(&norms.values, &norms.columns);
                transposed > CLEAR && transposed > as_read + CLEAR / 2.0
            })
            .map(|(block, _)| block.as_str())
            .collect();
        (!transposed.is_empty()).then(|| {
            format!(
                "caution: attn.c_proj.weight seems to be transposed in {}: with which strength its columns, and not its rows, read the heads' dimensions goes together with the strength with which the value projection writes them; a square matrix passes every check of shapes, so compare the loss on the sample text",
                transposed.join(", ")
            )
        })
    }
}

fn add_squares(sums: &mut [f64], values: &[f32]) {
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += f64::from(value).powi(2);
    }
}

/// Pearson's correlation of the logarithms; 0 where there is none.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let logs = |x: &[f64]| -> Vec<f64> { x.iter().map(|v| v.max(1e-300).ln()).collect() };
    let centred = |x: Vec<f64>| -> Vec<f64> {
        let mean = x.iter().sum::<f64>() / x.len().max(1) as f64;
        x.iter().map(|v| v - mean).collect()
    };
    let (a, b) = (centred(logs(a)), centred(logs(b)));
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let norms = (dot(&a, &a) * dot(&b, &b)).sqrt();
    if norms > 0.0 {
        dot(&a, &b) / norms
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 64;

    /// Numbers from -1 to 1.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> f32 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
        }
    }

    /// The caution about a block whose value projection writes dimension d with the strength `strength(d)`, and whose c_proj
    /// has rows and columns of the strengths `row` and `column`. Rows come in two parts, as they do from a file.
    fn caution(
        width: usize,
        strength: impl Fn(usize) -> f32,
        row: impl Fn(usize) -> f32,
        column: impl Fn(usize) -> f32,
    ) -> Option<String> {
        let mut numbers = Numbers(7);
        let mut orientation = Orientation::new(width);
        let attn: Vec<f32> = (0..width * 3 * width)
            .map(|i| numbers.next() * strength(i % (3 * width) % width))
            .collect();
        let proj: Vec<f32> = (0..width * width)
            .map(|i| numbers.next() * row(i / width) * column(i % width))
            .collect();
        for (key, values, columns) in [
            ("h.3.attn.c_attn.weight", &attn, 3 * width),
            ("h.3.attn.c_proj.weight", &proj, width),
        ] {
            let half = width / 2;
            orientation.see(key, 0..half, &values[..half * columns]);
            orientation.see(key, half..width, &values[half * columns..]);
        }
        orientation.see("h.3.mlp.c_proj.weight", 0..1, &[1.0]);
        orientation.caution()
    }

    #[test]
    fn a_projection_that_fits_transposed_is_named() {
        let strength = |d: usize| 1.0 + (d * 37 % 64) as f32 / 16.0;
        let even = |_: usize| 1.0;
        assert_eq!(caution(WIDTH, strength, strength, even), None);
        let said = caution(WIDTH, strength, even, strength).unwrap();
        assert!(said.contains("seems to be transposed in h.3:"), "{said}");
    }

    #[test]
    fn numbers_that_say_nothing_are_no_caution() {
        let strength = |d: usize| 1.0 + (d * 37 % 64) as f32 / 16.0;
        let even = |_: usize| 1.0;
        // Random weights; both sides alike; a model too narrow to tell; weights of zeros.
        assert_eq!(caution(WIDTH, even, even, even), None);
        assert_eq!(caution(WIDTH, strength, strength, strength), None);
        assert_eq!(caution(8, strength, even, strength), None);
        assert_eq!(caution(WIDTH, |_| 0.0, even, even), None);
    }
}
