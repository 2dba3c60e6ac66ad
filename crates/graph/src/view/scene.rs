//! The nodes and edges on screen: which are drawn in which order, and which one is below the pointer.

use std::cmp::Ordering;

use glam::Vec3;

use super::camera::{Camera, Spot};
use crate::error::{Error, at_least_0};

/// Pixels beside a node within which it still counts as met.
const SLACK: f32 = 4.0;

/// A node as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: u32,
    /// Radius, in units of length.
    pub radius: f32,
    /// Red, green, blue and opacity.
    pub colour: [u8; 4],
    /// True if it stands out.
    pub marked: bool,
}

/// An edge as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Index of a node.
    pub from: usize,
    /// Index of the other.
    pub to: usize,
    /// Width in pixels.
    pub width: f32,
    /// Red, green, blue and opacity.
    pub colour: [u8; 4],
}

/// All that is drawn. A node that has no place yet is not.
#[derive(Debug, Default)]
pub struct Scene {
    nodes: Vec<Node>,
    lines: Vec<Line>,
    places: Vec<Option<Vec3>>,
    /// Where it is seen from.
    pub camera: Camera,
}

impl Scene {
    /// Takes another graph; nodes that were there keep their places.
    ///
    /// # Errors
    /// An error, and no change, where a radius or width is no finite number or below 0, or an edge names no node.
    pub fn set_graph(&mut self, nodes: Vec<Node>, lines: Vec<Line>) -> Result<(), Error> {
        for (index, node) in nodes.iter().enumerate() {
            at_least_0("radius of node", index, node.radius)?;
        }
        for (index, line) in lines.iter().enumerate() {
            at_least_0("width of edge", index, line.width)?;
            if let Some(node) = [line.from, line.to]
                .into_iter()
                .find(|node| *node >= nodes.len())
            {
                return Err(Error::NoSuchNode {
                    edge: index,
                    node,
                    nodes: nodes.len(),
                });
            }
        }
        let before: std::collections::BTreeMap<u32, Option<Vec3>> = self
            .nodes
            .iter()
            .map(|node| node.id)
            .zip(self.places.iter().copied())
            .collect();
        self.places = nodes
            .iter()
            .map(|node| before.get(&node.id).copied().flatten())
            .collect();
        (self.nodes, self.lines) = (nodes, lines);
        Ok(())
    }

    /// Takes places of nodes: three numbers for each id. Those of nodes that are not there any more are passed over.
    ///
    /// # Errors
    /// An error, and no change, where the lengths do not belong together or a number is not finite.
    pub fn set_places(&mut self, ids: &[u32], flat: &[f32]) -> Result<(), Error> {
        let expected = 3 * ids.len();
        if flat.len() != expected {
            return Err(Error::Length {
                what: "the list of places",
                found: flat.len(),
                expected,
            });
        }
        if let Some((index, value)) = flat
            .iter()
            .enumerate()
            .find(|(_, value)| !value.is_finite())
        {
            return Err(Error::NotFinite {
                what: "coordinate",
                index,
                value: *value,
            });
        }
        let same = ids.len() == self.nodes.len()
            && self.nodes.iter().zip(ids).all(|(node, id)| node.id == *id);
        if same {
            for (place, at) in self.places.iter_mut().zip(flat.chunks_exact(3)) {
                *place = Some(Vec3::from_slice(at));
            }
            return Ok(());
        }
        let known: std::collections::BTreeMap<u32, Vec3> = ids
            .iter()
            .copied()
            .zip(flat.chunks_exact(3).map(Vec3::from_slice))
            .collect();
        for (node, place) in self.nodes.iter().zip(&mut self.places) {
            if let Some(known) = known.get(&node.id) {
                *place = Some(*known);
            }
        }
        Ok(())
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The edges.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Place of each node.
    pub fn places(&self) -> &[Option<Vec3>] {
        &self.places
    }

    /// Where each node is in the picture; nothing where it has no place or is behind the camera.
    pub fn spots(&self) -> Vec<Option<Spot>> {
        let spot = |place: &Option<Vec3>| place.and_then(|place| self.camera.spot(place));
        self.places.iter().map(spot).collect()
    }

    /// Indices of the nodes that are in the picture, the farthest first.
    pub fn order(&self) -> Vec<u32> {
        let spots = self.spots();
        let depth = |index: &u32| spots[*index as usize].map_or(0.0, |spot| spot.depth);
        let mut order: Vec<u32> = (0..self.nodes.len() as u32)
            .filter(|index| spots[*index as usize].is_some())
            .collect();
        order.sort_by(|one, other| {
            depth(other)
                .partial_cmp(&depth(one))
                .unwrap_or(Ordering::Equal)
        });
        order
    }

    /// The node at a place of the picture: the nearest of those that are drawn there.
    pub fn pick(&self, x: f32, y: f32) -> Option<usize> {
        let met = |(index, spot): (usize, &Option<Spot>)| {
            let spot = (*spot)?;
            let off = (spot.x - x).hypot(spot.y - y);
            let reach = self.nodes[index].radius * spot.scale + SLACK;
            (off <= reach).then_some((index, spot.depth))
        };
        let spots = self.spots();
        let met = spots.iter().enumerate().filter_map(met);
        let nearest =
            met.min_by(|one, other| one.1.partial_cmp(&other.1).unwrap_or(Ordering::Equal));
        nearest.map(|(index, _)| index)
    }

    /// Moves the camera where everything is in the picture.
    pub fn fit(&mut self) {
        self.follow(1.0);
    }

    /// Moves the camera a part of the way there; true while some of it is left.
    pub fn follow(&mut self, share: f32) -> bool {
        let balls = self.nodes.iter().zip(&self.places);
        let balls = balls.filter_map(|(node, place)| Some(((*place)?, node.radius)));
        let mut fitted = self.camera;
        fitted.fit(balls);
        self.camera.approach(&fitted, share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: u32) -> Node {
        Node {
            id,
            radius: 1.0,
            colour: [0; 4],
            marked: false,
        }
    }

    fn scene() -> Scene {
        let mut scene = Scene::default();
        scene.camera.resize(600.0, 400.0);
        scene
            .set_graph(vec![node(4), node(5), node(6)], Vec::new())
            .unwrap();
        scene
    }

    #[test]
    fn the_nearest_node_below_the_pointer_is_met() {
        let mut scene = scene();
        assert_eq!(
            scene.pick(300.0, 200.0),
            None,
            "without a place a node is not drawn"
        );
        let places = [0.0, 0.0, 0.0, 6.0, 0.0, 0.0];
        scene.set_places(&[4, 5], &places).unwrap();
        scene.fit();
        for (index, spot) in scene.spots().iter().enumerate().take(2) {
            let spot = spot.unwrap();
            assert_eq!(scene.pick(spot.x, spot.y), Some(index));
            let edge = spot.scale + SLACK;
            assert_eq!(scene.pick(spot.x, spot.y + edge - 0.5), Some(index));
            assert_eq!(scene.pick(spot.x, spot.y + edge + 0.5), None);
        }
        // One behind the other: both lie on the line of sight.
        let eye = scene
            .camera
            .matrix()
            .inverse()
            .project_point3(Vec3::new(0.0, 0.0, -1.0));
        let near = eye * 0.2;
        scene
            .set_places(&[4, 6], &[0.0, 0.0, 0.0, near.x, near.y, near.z])
            .unwrap();
        scene.set_places(&[5], &[900.0, 0.0, 0.0]).unwrap();
        let spot = scene.spots()[2].unwrap();
        assert_eq!(scene.pick(spot.x, spot.y), Some(2));
        let order = scene.order();
        let at = |index| order.iter().position(|one| *one == index);
        assert!(at(0) < at(2), "{order:?}");
    }

    #[test]
    fn nodes_keep_their_places_and_nonsense_is_refused() {
        let mut scene = scene();
        scene
            .set_places(&[4, 9], &[1.0, 2.0, 3.0, 0.0, 0.0, 0.0])
            .unwrap();
        scene.set_graph(vec![node(7), node(4)], Vec::new()).unwrap();
        assert_eq!(scene.places(), [None, Some(Vec3::new(1.0, 2.0, 3.0))]);
        assert!(matches!(
            scene.set_places(&[4], &[1.0, f32::NAN, 0.0]),
            Err(Error::NotFinite { index: 1, .. })
        ));
        assert!(matches!(
            scene.set_places(&[4], &[1.0]),
            Err(Error::Length {
                found: 1,
                expected: 3,
                ..
            })
        ));
        let wide = Node {
            radius: f32::INFINITY,
            ..node(1)
        };
        assert!(scene.set_graph(vec![wide], Vec::new()).is_err());
        let line = |to, width| Line {
            from: 0,
            to,
            width,
            colour: [0; 4],
        };
        assert!(matches!(
            scene.set_graph(vec![node(1)], vec![line(1, 1.0)]),
            Err(Error::NoSuchNode { node: 1, .. })
        ));
        assert!(matches!(
            scene.set_graph(vec![node(1)], vec![line(0, -1.0)]),
            Err(Error::Negative { .. })
        ));
        assert_eq!(scene.nodes().len(), 2, "nothing was changed");
    }
}
