//! Drawing of many points: on the GPU through WebGL2, or in memory where a browser has none.

use web_sys::HtmlCanvasElement;

use super::flat::Flat;
use super::look::Look;
use super::webgl::WebGl;

/// What can draw the points.
pub enum Painter {
    /// The GPU.
    Gpu(WebGl),
    /// A picture in memory.
    Memory(Flat),
}

impl Painter {
    /// For a canvas. Once a canvas has been drawn on in one way the other is closed.
    pub fn new(canvas: &HtmlCanvasElement) -> Option<Self> {
        WebGl::new(canvas)
            .map(Self::Gpu)
            .or_else(|| Flat::new(canvas).map(Self::Memory))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gpu(_) => "webgl2",
            Self::Memory(_) => "2d",
        }
    }

    /// Takes the places of the points.
    pub fn place(&mut self, points: &[[f32; 2]]) {
        match self {
            Self::Gpu(gpu) => gpu.place(points),
            Self::Memory(flat) => flat.place(points),
        }
    }

    /// Takes their colours: red, green, blue and opacity.
    pub fn colour(&mut self, colours: &[[u8; 4]]) {
        match self {
            Self::Gpu(gpu) => gpu.colour(colours),
            Self::Memory(flat) => flat.colour(colours),
        }
    }

    /// Draws them.
    pub fn draw(&mut self, look: Look) {
        match self {
            Self::Gpu(gpu) => gpu.draw(look),
            Self::Memory(flat) => flat.draw(look),
        }
    }
}
