//! Barnes–Hut tree (Barnes, Hut 1986): the repulsion of many bodies on one, of which those far away count as one.

use glam::Vec3;

/// Bodies that a cell holds without being divided.
const LEAF: usize = 8;

/// Depth at which a cell is not divided further: bodies at the same place cannot be told apart.
const DEPTH: u32 = 24;

/// A cell counts as one body where its side is smaller than this part of its distance.
const THETA: f32 = 0.9;

/// Squared distance below which repulsion does not grow.
const NEAR: f32 = 0.05;

/// A cube with bodies in it.
struct Cell {
    /// Mean place of its bodies.
    middle: Vec3,
    /// Number of its bodies.
    mass: f32,
    /// Length of its side, squared.
    side: f32,
    /// Its bodies, as a range of the tree's order.
    bodies: std::ops::Range<usize>,
    /// Index of the cell behind all cells within this one.
    next: usize,
    /// True if it is not divided.
    leaf: bool,
}

/// The bodies of a moment, in cubes within cubes.
#[derive(Default)]
pub struct Tree {
    /// Each cell before those within it.
    cells: Vec<Cell>,
    /// Indices of the bodies, those of a cell side by side.
    order: Vec<u32>,
    scratch: Vec<u32>,
}

impl Tree {
    /// Sorts bodies into cubes; the places must be finite.
    pub fn build(&mut self, places: &[Vec3]) {
        self.cells.clear();
        self.order.clear();
        self.order.extend(0..places.len() as u32);
        let Some(first) = places.first() else { return };
        let low = places.iter().fold(*first, |low, place| low.min(*place));
        let high = places.iter().fold(*first, |high, place| high.max(*place));
        let half = ((high - low).max_element() / 2.0).max(1e-6);
        self.divide(places, 0..places.len(), (low + high) / 2.0, half, 0);
    }

    fn divide(
        &mut self,
        places: &[Vec3],
        bodies: std::ops::Range<usize>,
        centre: Vec3,
        half: f32,
        depth: u32,
    ) {
        let of = |body: u32| places[body as usize];
        let sum: Vec3 = self.order[bodies.clone()]
            .iter()
            .map(|body| of(*body))
            .sum();
        let mass = bodies.len() as f32;
        let at = self.cells.len();
        let leaf = bodies.len() <= LEAF || depth == DEPTH;
        self.cells.push(Cell {
            middle: sum / mass,
            mass,
            side: 4.0 * half * half,
            bodies: bodies.clone(),
            next: 0,
            leaf,
        });
        if !leaf {
            let octant = |body: u32| {
                let above = of(body).cmpgt(centre);
                above.bitmask() as usize
            };
            // Bodies of an octant come side by side, in the order in which they were.
            let mut starts = [0; 9];
            for body in &self.order[bodies.clone()] {
                starts[octant(*body) + 1] += 1;
            }
            for octant in 0..8 {
                starts[octant + 1] += starts[octant];
            }
            let mut slots = starts;
            self.scratch.clear();
            self.scratch.extend_from_slice(&self.order[bodies.clone()]);
            for body in &self.scratch {
                let slot = &mut slots[octant(*body)];
                self.order[bodies.start + *slot] = *body;
                *slot += 1;
            }
            for octant in 0..8 {
                let within = bodies.start + starts[octant]..bodies.start + starts[octant + 1];
                if !within.is_empty() {
                    let side = |axis: usize| if octant >> axis & 1 == 1 { 0.5 } else { -0.5 };
                    let offset = Vec3::new(side(0), side(1), side(2)) * half;
                    self.divide(places, within, centre + offset, half / 2.0, depth + 1);
                }
            }
        }
        self.cells[at].next = self.cells.len();
    }

    /// Sum over all other bodies of the vector away from them, divided by the squared distance.
    pub fn repulsion(&self, places: &[Vec3], body: usize) -> Vec3 {
        let here = places[body];
        let mut sum = Vec3::ZERO;
        let mut at = 0;
        while let Some(cell) = self.cells.get(at) {
            let away = here - cell.middle;
            let squared = away.length_squared();
            if cell.leaf {
                for other in &self.order[cell.bodies.clone()] {
                    if *other as usize != body {
                        let away = here - places[*other as usize];
                        sum += away / away.length_squared().max(NEAR);
                    }
                }
                at = cell.next;
            } else if cell.side < THETA * THETA * squared {
                sum += away * (cell.mass / squared.max(NEAR));
                at = cell.next;
            } else {
                at += 1;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exact(places: &[Vec3], body: usize) -> Vec3 {
        let others = places
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != body);
        others
            .map(|(_, other)| {
                let away = places[body] - *other;
                away / away.length_squared().max(NEAR)
            })
            .sum()
    }

    proptest! {
        #[test]
        fn repulsion_is_near_the_exact_sum(points in proptest::collection::vec(any::<[i8; 3]>(), 2..300)) {
            let places: Vec<Vec3> = points.iter().map(|point| Vec3::from(point.map(f32::from)) / 10.0).collect();
            let mut tree = Tree::default();
            tree.build(&places);
            let scale = (0..places.len()).map(|body| exact(&places, body).length()).fold(0.0, f32::max);
            for body in 0..places.len() {
                let error = (tree.repulsion(&places, body) - exact(&places, body)).length();
                prop_assert!(error <= 0.1 * scale + 1e-3, "{error} of {scale}");
            }
        }
    }

    #[test]
    fn bodies_at_one_place_end_the_division() {
        let mut tree = Tree::default();
        let places = vec![Vec3::ONE; 500];
        tree.build(&places);
        assert_eq!(tree.repulsion(&places, 3), Vec3::ZERO);
        tree.build(&[]);
        assert!(tree.cells.is_empty());
    }
}
