//! An index of points by cells of the plane, to find the one below a pointer.

/// Points per cell, on average.
const PER_CELL: usize = 4;

/// Points of the plane within -1 to 1, by cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    /// Cells along a side.
    side: usize,
    /// For each cell, where its points begin in `indices`; one more at the end.
    starts: Vec<u32>,
    /// Indices of the points, cell by cell.
    indices: Vec<u32>,
}

/// True for a point that has a place.
fn is_placed(point: &[f32; 2]) -> bool {
    point.iter().all(|at| at.is_finite())
}

impl Grid {
    /// For some points. One with a coordinate that is not finite is nowhere.
    pub fn new(points: &[[f32; 2]]) -> Self {
        let side = ((points.len() / PER_CELL) as f64).sqrt().ceil().max(1.0) as usize;
        let mut grid = Self {
            side,
            starts: vec![0; side * side + 1],
            indices: Vec::new(),
        };
        let cells: Vec<_> = points
            .iter()
            .map(|point| is_placed(point).then(|| grid.cell(*point)))
            .collect();
        for cell in cells.iter().flatten() {
            grid.starts[cell + 1] += 1;
        }
        for cell in 0..side * side {
            grid.starts[cell + 1] += grid.starts[cell];
        }
        let mut next = grid.starts.clone();
        grid.indices = vec![0; grid.starts[side * side] as usize];
        for (index, cell) in (0u32..).zip(&cells) {
            if let Some(cell) = cell {
                grid.indices[next[*cell] as usize] = index;
                next[*cell] += 1;
            }
        }
        grid
    }

    /// Column or row of a coordinate.
    fn step(&self, at: f64) -> usize {
        let step = (at + 1.0) / 2.0 * self.side as f64;
        // Casts of floats saturate.
        (step.max(0.0) as usize).min(self.side - 1)
    }

    fn cell(&self, point: [f32; 2]) -> usize {
        self.step(point[1].into()) * self.side + self.step(point[0].into())
    }

    /// The nearest of the points that `shown` allows within a radius; of equals the one with the lower index.
    pub fn nearest(
        &self,
        points: &[[f32; 2]],
        at: [f64; 2],
        radius: f64,
        shown: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        if self.indices.is_empty() || !at.iter().all(|one| one.is_finite()) {
            return None;
        }
        let (left, right) = (self.step(at[0] - radius), self.step(at[0] + radius));
        let (lower, upper) = (self.step(at[1] - radius), self.step(at[1] + radius));
        let mut best: Option<(f64, u32)> = None;
        for row in lower..=upper {
            let (from, to) = (row * self.side + left, row * self.side + right + 1);
            let range = self.starts[from] as usize..self.starts[to] as usize;
            for &index in &self.indices[range] {
                let Some(point) = points.get(index as usize) else {
                    continue;
                };
                let (x, y) = (f64::from(point[0]) - at[0], f64::from(point[1]) - at[1]);
                let candidate = (x * x + y * y, index);
                if candidate.0 <= radius * radius
                    && best.is_none_or(|best| candidate < best)
                    && shown(index)
                {
                    best = Some(candidate);
                }
            }
        }
        best.map(|(_, index)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_points_and_points_that_are_nowhere_are_not_found() {
        assert_eq!(Grid::new(&[]).nearest(&[], [0.0, 0.0], 2.0, |_| true), None);
        let points = [[f32::NAN, 0.0], [0.5, f32::INFINITY]];
        assert_eq!(
            Grid::new(&points).nearest(&points, [0.5, 0.0], 9.0, |_| true),
            None
        );
        // Points outside of the plane lie in its outer cells.
        let points = [[3.0, 3.0], [0.0, 0.0]];
        assert_eq!(
            Grid::new(&points).nearest(&points, [3.0, 3.0], 0.1, |_| true),
            Some(0)
        );
    }

    proptest! {
        #[test]
        fn the_nearest_is_that_of_looking_at_all(points in prop::collection::vec([-1.0f32..1.0, -1.0f32..1.0], 0..300), at in [-1.2f64..1.2, -1.2f64..1.2], radius in 0.0f64..0.8, odd: bool) {
            let shown = |index: u32| !odd || index % 2 == 1;
            let distance = |point: &[f32; 2]| (f64::from(point[0]) - at[0]).powi(2) + (f64::from(point[1]) - at[1]).powi(2);
            let wanted = (0u32..).zip(&points).filter(|(index, point)| shown(*index) && distance(point) <= radius * radius)
                .min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)).then(a.0.cmp(&b.0))).map(|(index, _)| index);
            prop_assert_eq!(Grid::new(&points).nearest(&points, at, radius, shown), wanted);
        }
    }
}
