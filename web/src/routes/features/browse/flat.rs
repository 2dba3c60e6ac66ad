//! Points drawn into a picture in memory, where a browser has no WebGL2.

use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::look::Look;
use crate::browse::map::Camera;

/// The points, and the picture that they are drawn into.
pub struct Flat {
    context: CanvasRenderingContext2d,
    points: Vec<[f32; 2]>,
    colours: Vec<[u8; 4]>,
    picture: Vec<u8>,
}

impl Flat {
    /// For a canvas; nothing where the browser has none.
    pub fn new(canvas: &HtmlCanvasElement) -> Option<Self> {
        let context = canvas.get_context("2d").ok()??.dyn_into().ok()?;
        Some(Self {
            context,
            points: Vec::new(),
            colours: Vec::new(),
            picture: Vec::new(),
        })
    }

    /// Takes the places of the points.
    pub fn place(&mut self, points: &[[f32; 2]]) {
        self.points = points.to_vec();
    }

    /// Takes their colours.
    pub fn colour(&mut self, colours: &[[u8; 4]]) {
        self.colours = colours.to_vec();
    }

    /// Draws them.
    pub fn draw(&mut self, look: Look) {
        let Look {
            camera,
            dots,
            marked,
            ink,
        } = look;
        let [width, height] = camera.size.map(|side| (side * dots) as usize);
        if width == 0 || height == 0 {
            return;
        }
        self.picture.clear();
        self.picture.resize(width * height * 4, 0);
        let scaled = Camera {
            size: camera.size.map(|side| side * dots),
            ..camera
        };
        let radius = camera.radius(self.points.len()) * dots;
        for (point, colour) in self.points.iter().zip(&self.colours) {
            square(
                &mut self.picture,
                width,
                height,
                scaled.to_picture(point.map(f64::from)),
                radius,
                *colour,
            );
        }
        if let Some(point) = marked.and_then(|marked| self.points.get(marked as usize)) {
            let place = scaled.to_picture(point.map(f64::from));
            square(
                &mut self.picture,
                width,
                height,
                place,
                radius + 3.0 * dots,
                ink,
            );
        }
        let width = u32::try_from(width).unwrap_or(u32::MAX);
        if let Ok(image) = ImageData::new_with_u8_clamped_array(Clamped(&self.picture), width) {
            // A picture of the canvas's own size can always be put.
            let _ = self.context.put_image_data(&image, 0.0, 0.0);
        }
    }
}

/// Fills a square around a place; of what was there before the more opaque stays.
fn square(
    picture: &mut [u8],
    width: usize,
    height: usize,
    place: [f64; 2],
    radius: f64,
    colour: [u8; 4],
) {
    let side = (2.0 * radius).round().max(1.0);
    let [left, top] = place.map(|at| (at - side / 2.0).round());
    // Casts of floats saturate, and one that is no number is 0; such a point is nowhere.
    if !left.is_finite() || !top.is_finite() || left + side <= 0.0 || top + side <= 0.0 {
        return;
    }
    let columns = left.max(0.0) as usize..((left + side) as usize).min(width);
    for row in top.max(0.0) as usize..((top + side) as usize).min(height) {
        for column in columns.clone() {
            let at = (row * width + column) * 4;
            if let Some(pixel) = picture
                .get_mut(at..at + 4)
                .filter(|pixel| pixel[3] <= colour[3])
            {
                pixel.copy_from_slice(&colour);
            }
        }
    }
}
