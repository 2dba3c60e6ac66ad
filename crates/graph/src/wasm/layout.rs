//! The layout, for a worker.

use wasm_bindgen::prelude::*;

use crate::{Edge, Layout};

/// A layout under way.
#[wasm_bindgen(js_name = Layout)]
pub struct JsLayout(Layout);

#[wasm_bindgen(js_class = Layout)]
impl JsLayout {
    /// A layout of nothing.
    #[wasm_bindgen(constructor)]
    pub fn new(seed: u32) -> Self {
        Self(Layout::new(seed.into()))
    }

    /// Takes another graph: ids of its nodes, two indices for each edge, and a weight for each edge.
    pub fn update(&mut self, ids: &[u32], ends: &[u32], weights: &[f32]) -> Result<(), JsError> {
        let edges: Vec<Edge> = ends
            .chunks_exact(2)
            .zip(weights)
            .map(|(ends, weight)| Edge {
                from: ends[0] as usize,
                to: ends[1] as usize,
                weight: *weight,
            })
            .collect();
        Ok(self.0.update(ids, &edges)?)
    }

    /// Holds a node where it is, or lets it go.
    pub fn fix(&mut self, id: u32, fixed: bool) {
        self.0.fix(id, fixed);
    }

    /// Lets everything move again.
    pub fn warm(&mut self) {
        self.0.warm();
    }

    /// Moves everything on by a step; true while there is more to do.
    pub fn step(&mut self) -> bool {
        self.0.step()
    }

    /// Ids of the nodes.
    pub fn ids(&self) -> Vec<u32> {
        self.0.ids().to_vec()
    }

    /// Three coordinates for each node.
    pub fn places(&self) -> Vec<f32> {
        self.0.places().flat_map(|place| place.to_array()).collect()
    }
}
