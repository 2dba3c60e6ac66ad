//! Force layout: nodes repel each other, edges pull, and everything is drawn to the middle.
//!
//! The forces and their cooling are those of d3-force. A layout depends on its graphs, its seed and the number of steps alone: it
//! uses no operation that differs between machines, and a node begins at a place that its id and the seed determine.

mod tree;

use std::collections::BTreeMap;

use glam::Vec3;
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::error::{Error, at_least_0};
use tree::Tree;

/// Length of an edge at rest.
const LENGTH: f32 = 3.0;
/// Strength of the repulsion.
const REPULSION: f32 = 1.6;
/// Strength of the pull to the middle.
const GRAVITY: f32 = 0.09;
/// Part of a velocity that a step leaves.
const KEPT: f32 = 0.6;
/// Largest velocity.
const FASTEST: f32 = 4.0;
/// Part of the heat that a step takes.
const COOLING: f32 = 0.0228;
/// Heat at which nothing visible moves any more.
const COLD: f32 = 0.004;
/// Heat after a change of the graph.
const WARM: f32 = 0.35;
/// Side of the cube in which nodes begin.
const START: f32 = 12.0;
/// No node gets farther from the middle than this, on any axis.
const FARTHEST: f32 = 1e4;

/// An edge between two nodes, by their indices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// One end.
    pub from: usize,
    /// The other end.
    pub to: usize,
    /// Strength of its pull, 0 or more; 1 is usual.
    pub weight: f32,
}

/// A body: where a node is and how it moves.
#[derive(Debug, Clone, Copy)]
struct Body {
    place: Vec3,
    velocity: Vec3,
    fixed: bool,
}

/// A layout under way.
pub struct Layout {
    seed: u64,
    ids: Vec<u32>,
    bodies: Vec<Body>,
    edges: Vec<Edge>,
    /// Pull of each edge, and the part of it that moves its second end.
    springs: Vec<(f32, f32)>,
    heat: f32,
    tree: Tree,
    places: Vec<Vec3>,
}

impl Layout {
    /// A layout of nothing.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            ids: Vec::new(),
            bodies: Vec::new(),
            edges: Vec::new(),
            springs: Vec::new(),
            heat: 0.0,
            tree: Tree::default(),
            places: Vec::new(),
        }
    }

    /// Takes another graph: nodes by their ids, each once. A node that was there stays where it is; a new one begins beside a
    /// neighbour that was, or at the place that its id gives it.
    ///
    /// # Errors
    /// An error, and no change, where a weight is no finite number or below 0, an id stands twice, or an edge names no node.
    pub fn update(&mut self, ids: &[u32], edges: &[Edge]) -> Result<(), Error> {
        check(ids, edges)?;
        let same = self.ids == ids && self.edges == edges;
        if same {
            return Ok(());
        }
        let known: BTreeMap<u32, Body> = self
            .ids
            .iter()
            .copied()
            .zip(self.bodies.iter().copied())
            .collect();
        let mut near: Vec<Option<Vec3>> = vec![None; ids.len()];
        for edge in edges {
            for (one, other) in [(edge.from, edge.to), (edge.to, edge.from)] {
                if let (Some(body), None) = (known.get(&ids[other]), near[one]) {
                    near[one] = Some(body.place);
                }
            }
        }
        self.bodies = ids
            .iter()
            .zip(near)
            .map(|(id, near)| match (known.get(id), near) {
                (Some(body), _) => *body,
                (None, Some(near)) => still(near + self.start(*id) * (LENGTH / START)),
                (None, None) => still(self.start(*id)),
            })
            .collect();
        self.ids = ids.to_vec();
        self.edges = edges.to_vec();
        self.springs = springs(ids.len(), edges);
        self.heat = if known.is_empty() {
            1.0
        } else {
            self.heat.max(WARM)
        };
        Ok(())
    }

    /// Holds a node where it is, or lets it go. An id that is not there changes nothing.
    pub fn fix(&mut self, id: u32, fixed: bool) {
        if let Some(at) = self.ids.iter().position(|one| *one == id)
            && self.bodies[at].fixed != fixed
        {
            self.bodies[at].fixed = fixed;
            self.bodies[at].velocity = Vec3::ZERO;
            self.heat = self.heat.max(WARM);
        }
    }

    /// Moves everything on by a step; nothing once the layout has cooled down. True while there is more to do.
    pub fn step(&mut self) -> bool {
        if !self.is_warm() {
            return false;
        }
        self.heat -= self.heat * COOLING;
        self.places.clear();
        self.places
            .extend(self.bodies.iter().map(|body| body.place));
        self.tree.build(&self.places);
        for (at, body) in self.bodies.iter_mut().enumerate() {
            let away = self.tree.repulsion(&self.places, at) * REPULSION;
            let home = body.place * -GRAVITY;
            body.velocity += (away + home) * self.heat;
        }
        for (edge, (pull, share)) in self.edges.iter().zip(&self.springs) {
            let (from, to) = (&self.bodies[edge.from], &self.bodies[edge.to]);
            let apart = to.place + to.velocity - from.place - from.velocity;
            let distance = apart.length().max(1e-3);
            let force = apart * ((distance - LENGTH) / distance * pull * self.heat);
            self.bodies[edge.to].velocity -= force * *share;
            self.bodies[edge.from].velocity += force * (1.0 - share);
        }
        for body in &mut self.bodies {
            if body.fixed {
                body.velocity = Vec3::ZERO;
                continue;
            }
            body.velocity = (body.velocity * KEPT).clamp_length_max(FASTEST);
            body.place += body.velocity;
            let bound = Vec3::splat(FARTHEST);
            body.place = body.place.clamp(-bound, bound);
        }
        self.is_warm()
    }

    /// Lets everything move again.
    pub fn warm(&mut self) {
        self.heat = 1.0;
    }

    /// True while a step changes something.
    pub fn is_warm(&self) -> bool {
        self.heat > COLD && !self.bodies.is_empty()
    }

    /// The nodes' ids.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The nodes' places.
    pub fn places(&self) -> impl Iterator<Item = Vec3> + '_ {
        self.bodies.iter().map(|body| body.place)
    }

    /// Where a node begins: within a cube about the middle, by its id and the seed.
    fn start(&self, id: u32) -> Vec3 {
        let mut random =
            SplitMix64::seed_from_u64(self.seed ^ (u64::from(id) << 32 | u64::from(id)));
        let mut next = || (random.next_u64() >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
        Vec3::new(next(), next(), next()) * START
    }
}

fn still(place: Vec3) -> Body {
    Body {
        place,
        velocity: Vec3::ZERO,
        fixed: false,
    }
}

fn check(ids: &[u32], edges: &[Edge]) -> Result<(), Error> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::Twice { id: pair[0] });
    }
    for (index, edge) in edges.iter().enumerate() {
        at_least_0("weight of edge", index, edge.weight)?;
        if let Some(node) = [edge.from, edge.to]
            .into_iter()
            .find(|node| *node >= ids.len())
        {
            return Err(Error::NoSuchNode {
                edge: index,
                node,
                nodes: ids.len(),
            });
        }
    }
    Ok(())
}

/// Per edge its pull, and the part that moves its second end: a node with many edges is moved less by each.
fn springs(nodes: usize, edges: &[Edge]) -> Vec<(f32, f32)> {
    let mut degrees = vec![0u32; nodes];
    for edge in edges {
        degrees[edge.from] += 1;
        degrees[edge.to] += 1;
    }
    let spring = |edge: &Edge| {
        let (from, to) = (degrees[edge.from] as f32, degrees[edge.to] as f32);
        (edge.weight.min(1.0) / from.min(to), from / (from + to))
    };
    edges.iter().map(spring).collect()
}

#[cfg(test)]
mod tests;
