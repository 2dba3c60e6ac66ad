//! A plane on which directions that are near to each other lie together: the layout of UMAP (McInnes, Healy and Melville 2018,
//! arXiv 1802.03426), from each direction's nearest ones. One thread and one order, so that equal input gives equal output.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Nearest directions from which a layout is made.
pub(super) const NEAREST: usize = 15;
/// Points that push each other apart per pair that is pulled together.
const NEGATIVE_SAMPLES: u32 = 5;
/// Passes over all pairs: fewer of very many points, as in umap-learn.
const FEW_POINTS: usize = 10_000;
const EPOCHS: u32 = 500;
const EPOCHS_OF_MANY: u32 = 200;
/// Extent of the initial plane.
const EXTENT: f64 = 10.0;
/// The most that a coordinate moves at a time.
const CLIP: f64 = 4.0;
/// Distances d on the plane count as 1 / (1 + A · d^2B): umap-learn's curve for a least distance of 0.1 and a spread of 1.
const A: f64 = 1.576_943_46;
const B: f64 = 0.895_060_878;
/// Seed of the pairs that push each other apart.
const SEED: u64 = 0;

/// A pair of neighbours.
struct Pair {
    from: usize,
    to: usize,
    /// Epochs from one pull to the next.
    every: f64,
    next: f64,
}

/// A layout in the making.
pub(super) struct Layout {
    points: Vec<[f64; 2]>,
    pairs: Vec<Pair>,
    random: SplitMix64,
    epoch: u32,
    epochs: u32,
}

impl Layout {
    /// Of points, each with its nearest ones and their cosines, the nearest first, on the plane where they begin. Points that
    /// are not there are left out.
    pub(super) fn new(near: &[Vec<(u32, f32)>], begin: &[[f64; 2]]) -> Self {
        let largest = begin
            .iter()
            .flatten()
            .fold(0.0_f64, |largest, x| largest.max(x.abs()));
        let scale = if largest > 0.0 { EXTENT / largest } else { 0.0 };
        let points: Vec<[f64; 2]> = begin.iter().map(|point| point.map(|x| x * scale)).collect();
        let epochs = if points.len() <= FEW_POINTS {
            EPOCHS
        } else {
            EPOCHS_OF_MANY
        };
        Self {
            pairs: pairs(near, points.len(), epochs),
            points,
            random: SplitMix64::seed_from_u64(SEED),
            epoch: 0,
            epochs,
        }
    }

    /// Epochs that are done, and epochs in all.
    pub(super) fn progress(&self) -> (u32, u32) {
        (self.epoch, self.epochs)
    }

    /// One pass over the pairs whose turn it is: each is pulled together, and some others are pushed away from its first point.
    pub(super) fn step(&mut self) {
        let rate = 1.0 - f64::from(self.epoch) / f64::from(self.epochs);
        self.epoch += 1;
        let count = self.points.len() as u64;
        for pair in &mut self.pairs {
            if pair.next > f64::from(self.epoch) {
                continue;
            }
            pair.next += pair.every;
            let (mut one, mut other) = (self.points[pair.from], self.points[pair.to]);
            let pulled = step(one, other, pull(squared(one, other)), rate);
            one = sum(one, pulled);
            other = sum(other, pulled.map(|x| -x));
            self.points[pair.to] = other;
            for _ in 0..NEGATIVE_SAMPLES {
                let third = (self.random.next_u64() % count) as usize;
                if third == pair.from {
                    continue;
                }
                let third = self.points[third];
                one = sum(one, step(one, third, push(squared(one, third)), rate));
            }
            self.points[pair.from] = one;
        }
    }

    /// The points, moved and scaled so that the larger extent is from −1 to 1.
    pub(super) fn finish(self) -> Vec<[f32; 2]> {
        let bounds = [0, 1].map(|axis| {
            let values = || self.points.iter().map(|point| point[axis]);
            (
                values().fold(f64::INFINITY, f64::min),
                values().fold(f64::NEG_INFINITY, f64::max),
            )
        });
        let half = bounds
            .iter()
            .fold(0.0_f64, |half, (low, high)| half.max((high - low) / 2.0));
        let scale = if half > 0.0 { 1.0 / half } else { 0.0 };
        let place =
            |value: f64, (low, high): (f64, f64)| (value - f64::midpoint(low, high)) * scale;
        let points = self.points.iter();
        points
            .map(|point| {
                [0, 1].map(|axis| place(point[axis], bounds[axis]).clamp(-1.0, 1.0) as f32)
            })
            .collect()
    }
}

/// A step along the difference of two points.
fn step(one: [f64; 2], other: [f64; 2], force: f64, rate: f64) -> [f64; 2] {
    let along = |axis: usize| (force * (one[axis] - other[axis])).clamp(-CLIP, CLIP) * rate;
    [along(0), along(1)]
}

fn sum(one: [f64; 2], other: [f64; 2]) -> [f64; 2] {
    [one[0] + other[0], one[1] + other[1]]
}

fn squared(one: [f64; 2], other: [f64; 2]) -> f64 {
    (one[0] - other[0]).powi(2) + (one[1] - other[1]).powi(2)
}

/// Derivative of ln(1 / (1 + A d^2B)) by a coordinate, per difference of the coordinates; `squared` is d².
fn pull(squared: f64) -> f64 {
    if squared == 0.0 {
        return 0.0;
    }
    let power = squared.powf(B);
    -2.0 * A * B * power / squared / (1.0 + A * power)
}

/// The same of ln(1 − 1 / (1 + A d^2B)), kept finite at 0.
fn push(squared: f64) -> f64 {
    2.0 * B / ((0.001 + squared) * (1.0 + A * squared.powf(B)))
}

/// The pairs of neighbours that are pulled at least once, in both orders, with how often.
fn pairs(near: &[Vec<(u32, f32)>], count: usize, epochs: u32) -> Vec<Pair> {
    let mut weights: Vec<(u32, u32, f64)> = Vec::new();
    for (from, near) in (0_u32..).zip(near).take(count) {
        let near = near
            .iter()
            .filter(|(to, _)| (*to as usize) < count && *to != from);
        let distances: Vec<(u32, f64)> = near
            .map(|(to, cosine)| (*to, (1.0 - f64::from(*cosine)).max(0.0)))
            .collect();
        for (to, weight) in memberships(&distances) {
            weights.push((from, to, weight));
            weights.push((to, from, weight));
        }
    }
    // Of two that name each other the one is w, the other v: together w + v − w·v.
    weights.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
    let mut joined: Vec<(u32, u32, f64)> = Vec::with_capacity(weights.len());
    for (from, to, weight) in weights {
        match joined.last_mut() {
            Some(last) if (last.0, last.1) == (from, to) => {
                last.2 = last.2 + weight - last.2 * weight
            }
            _ => joined.push((from, to, weight)),
        }
    }
    let largest = joined
        .iter()
        .fold(0.0_f64, |largest, (_, _, weight)| largest.max(*weight));
    let pulled = joined
        .into_iter()
        .filter(|(_, _, weight)| *weight * f64::from(epochs) >= largest && *weight > 0.0);
    let pair = |(from, to, weight): (u32, u32, f64)| Pair {
        from: from as usize,
        to: to as usize,
        every: largest / weight,
        next: largest / weight,
    };
    pulled.map(pair).collect()
}

/// exp(−(d − ρ) / σ) of some distances: ρ the smallest, σ such that they sum to log₂ of their number.
fn memberships(distances: &[(u32, f64)]) -> Vec<(u32, f64)> {
    let nearest = distances
        .iter()
        .fold(f64::INFINITY, |nearest, (_, distance)| {
            nearest.min(*distance)
        });
    let weight = |distance: f64, width: f64| (-(distance - nearest) / width).exp();
    let wanted = (distances.len() as f64).log2();
    let (mut low, mut high) = (0.0, 1.0);
    let sum = |width: f64| {
        distances
            .iter()
            .map(|(_, distance)| weight(*distance, width))
            .sum::<f64>()
    };
    // Cosines differ by 2 at the most, so that a width of 1 is large; what it does not reach is flat.
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if sum(middle) > wanted {
            high = middle
        } else {
            low = middle
        }
    }
    // Equal distances have equal weights, whatever the width.
    let width = high.max(1e-9);
    distances
        .iter()
        .map(|(to, distance)| (*to, weight(*distance, width)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two groups of points, each near to those of its own.
    fn groups(size: u32) -> Vec<Vec<(u32, f32)>> {
        let others = |point: u32| {
            (point / size * size..)
                .take(size as usize)
                .filter(move |other| *other != point)
        };
        (0..2 * size)
            .map(|point| others(point).map(|other| (other, 0.9)).collect())
            .collect()
    }

    /// Points in the order of their ids on a spiral, so that groups are not apart at first.
    fn begin(count: usize) -> Vec<[f64; 2]> {
        (0..count)
            .map(|i| (i as f64 * 2.4).sin_cos())
            .map(|(x, y)| [x, y])
            .collect()
    }

    fn run(near: &[Vec<(u32, f32)>], begin: &[[f64; 2]]) -> Vec<[f32; 2]> {
        let mut layout = Layout::new(near, begin);
        while layout.progress().0 < layout.progress().1 {
            layout.step();
        }
        layout.finish()
    }

    #[test]
    fn groups_come_together_and_lie_apart() {
        let size = 12;
        let points = run(&groups(size), &begin(24));
        assert!(
            points.iter().flatten().all(|x| x.abs() <= 1.0),
            "{points:?}"
        );
        let largest = points
            .iter()
            .flatten()
            .fold(0.0_f32, |largest, x| largest.max(x.abs()));
        assert_eq!(largest, 1.0);
        let distance = |one: usize, other: usize| {
            f64::from(points[one][0] - points[other][0])
                .hypot(f64::from(points[one][1] - points[other][1]))
        };
        let size = size as usize;
        for point in 0..2 * size {
            let nearest = (0..2 * size)
                .filter(|other| *other != point)
                .min_by(|a, b| distance(point, *a).total_cmp(&distance(point, *b)));
            assert_eq!(nearest.unwrap() / size, point / size, "{points:?}");
        }
    }

    #[test]
    fn equal_input_gives_equal_output() {
        assert_eq!(run(&groups(5), &begin(10)), run(&groups(5), &begin(10)));
    }

    #[test]
    fn memberships_sum_to_the_logarithm_of_their_number() {
        let distances: Vec<(u32, f64)> = (0..15).map(|i| (i, 0.2 + 0.01 * f64::from(i))).collect();
        let found = memberships(&distances);
        assert_eq!(found[0].1, 1.0);
        let sum: f64 = found.iter().map(|(_, weight)| weight).sum();
        assert!((sum - 15.0_f64.log2()).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn points_without_neighbours_and_points_that_are_not_there_do_no_harm() {
        let near = vec![vec![(1, 0.5), (9, 0.4)], vec![(0, 0.5)], Vec::new()];
        let points = run(&near, &[[1.0, 0.0], [-1.0, 0.5], [0.0, 0.0]]);
        assert!(points.iter().flatten().all(|x| x.is_finite()), "{points:?}");
        assert_eq!(run(&[], &[]), Vec::<[f32; 2]>::new());
        assert_eq!(run(&[Vec::new()], &[[0.0, 0.0]]), [[0.0, 0.0]]);
    }
}
