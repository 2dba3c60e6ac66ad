//! The picture, for the page: a scene and what draws it.

use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

use super::painter::Painter;
use crate::{Line, Node, Scene};

/// A graph on a canvas. Without WebGL2 it answers everything but draws nothing.
#[wasm_bindgen]
pub struct Picture {
    scene: Scene,
    painter: Option<Painter>,
    dots: f32,
}

#[wasm_bindgen]
impl Picture {
    /// For a canvas.
    #[wasm_bindgen(constructor)]
    pub fn new(canvas: &HtmlCanvasElement) -> Self {
        Self {
            scene: Scene::default(),
            painter: Painter::new(canvas),
            dots: 1.0,
        }
    }

    /// True if it can draw.
    #[wasm_bindgen(getter)]
    pub fn draws(&self) -> bool {
        self.painter.is_some()
    }

    /// Takes another graph. Per node an id, a radius, a colour of four bytes and whether it is marked (0 or 1); per edge two
    /// indices, a width in pixels, and a colour.
    #[wasm_bindgen(js_name = setGraph)]
    #[allow(clippy::too_many_arguments, reason = "one list for each column")]
    pub fn set_graph(
        &mut self,
        ids: &[u32],
        radii: &[f32],
        colours: &[u8],
        marks: &[u8],
        ends: &[u32],
        widths: &[f32],
        tints: &[u8],
    ) -> Result<(), JsError> {
        let (colours, _) = colours.as_chunks::<4>();
        let nodes = ids.iter().zip(radii).zip(colours.iter().zip(marks));
        let nodes = nodes.map(|((id, radius), (colour, mark))| Node {
            id: *id,
            radius: *radius,
            colour: *colour,
            marked: *mark != 0,
        });
        let (tints, _) = tints.as_chunks::<4>();
        let lines = ends.chunks_exact(2).zip(widths.iter().zip(tints));
        let lines = lines.map(|(ends, (width, tint))| Line {
            from: ends[0] as usize,
            to: ends[1] as usize,
            width: *width,
            colour: *tint,
        });
        self.scene.set_graph(nodes.collect(), lines.collect())?;
        if let Some(painter) = &mut self.painter {
            painter.set_lines(self.scene.lines());
            painter.set_places(self.scene.places());
        }
        Ok(())
    }

    /// Takes places: three numbers for each id.
    #[wasm_bindgen(js_name = setPlaces)]
    pub fn set_places(&mut self, ids: &[u32], places: &[f32]) -> Result<(), JsError> {
        self.scene.set_places(ids, places)?;
        if let Some(painter) = &mut self.painter {
            painter.set_places(self.scene.places());
        }
        Ok(())
    }

    /// Size of the picture in CSS pixels, and device pixels per CSS pixel.
    pub fn resize(&mut self, width: f32, height: f32, dots: f32) {
        self.scene.camera.resize(width, height);
        self.dots = dots;
    }

    /// Turns by so many pixels of a drag.
    pub fn orbit(&mut self, x: f32, y: f32) {
        self.scene.camera.orbit(x, y);
    }

    /// Moves along the picture by so many pixels.
    pub fn pan(&mut self, x: f32, y: f32) {
        self.scene.camera.pan(x, y);
    }

    /// Goes nearer by a factor above 1.
    pub fn zoom(&mut self, factor: f32) {
        self.scene.camera.zoom(factor);
    }

    /// Goes where everything is in the picture.
    pub fn fit(&mut self) {
        self.scene.fit();
    }

    /// Goes a part of the way there: all of it at 1. True while some of it is left.
    pub fn follow(&mut self, share: f32) -> bool {
        self.scene.follow(share)
    }

    /// Index of the node at a place of the picture.
    pub fn pick(&self, x: f32, y: f32) -> Option<u32> {
        self.scene.pick(x, y).map(|index| index as u32)
    }

    /// Per node x, y and radius in CSS pixels; three times NaN where it is not in the picture.
    pub fn spots(&self) -> Vec<f32> {
        let nodes = self.scene.nodes().iter();
        nodes
            .zip(self.scene.spots())
            .flat_map(|(node, spot)| match spot {
                Some(spot) => [spot.x, spot.y, node.radius * spot.scale],
                None => [f32::NAN; 3],
            })
            .collect()
    }

    /// Draws; `ink` is the colour of marks. Gives the number of nodes drawn.
    pub fn draw(&mut self, ink: &[u8]) -> u32 {
        let order = self.scene.order();
        if let Some(painter) = &mut self.painter {
            painter.draw(&self.scene, &order, self.dots, three(ink));
            return order.len() as u32;
        }
        0
    }

    /// The picture as SVG, with names of some nodes.
    pub fn svg(&self, named: &[u32], names: Vec<String>, ink: &[u8], ground: &[u8]) -> String {
        let named = named.iter().map(|index| *index as usize);
        let names: Vec<(usize, String)> = named.zip(names).collect();
        self.scene.to_svg(&names, three(ink), three(ground))
    }
}

/// A colour; what is missing is 0.
fn three(bytes: &[u8]) -> [u8; 3] {
    std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(0))
}
