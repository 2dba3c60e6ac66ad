//! The state of the map's picture: what is in view, what is shown, and what pointers do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use gloo::render::{AnimationFrame, request_animation_frame};
use web_sys::{Element, HtmlCanvasElement};

use super::look::Look;
use super::points::Painter;
use crate::browse::map::{Camera, Grid};
use crate::format::exact;
use crate::shared::Shared;

/// CSS pixels between the pointer and a point that it means.
const REACH: f64 = 9.0;

/// CSS pixels that a press may move and still be a press.
const STILL: f64 = 4.0;

/// What a moved pointer did.
pub enum Moved {
    /// It is over this point, or none.
    Over(Option<u32>),
    /// Not enough yet.
    Still,
    /// It dragged the map or drew a line.
    Dragged,
}

/// What lies behind the picture. It changes with the pointer, many times a second, so it is no state of a component.
pub struct View {
    /// The canvas.
    pub canvas: HtmlCanvasElement,
    /// The outline of an area.
    pub outline: Option<Element>,
    /// Draws the points.
    pub painter: Painter,
    /// The part of the map that is shown.
    pub camera: Camera,
    /// Device pixels per CSS pixel.
    pub dots: f64,
    /// Coordinates per feature.
    pub points: Shared<Vec<[f32; 2]>>,
    /// Their index.
    pub grid: Grid,
    /// For each, whether it is listed.
    pub shown: Vec<bool>,
    /// The one below the pointer.
    pub marked: Option<u32>,
    /// True on a dark page.
    pub dark: bool,
    /// Corners of the area that is listed.
    pub area: Vec<[i16; 2]>,
    /// Pointers that are down, by id, where they are.
    pub pointers: BTreeMap<i32, [f64; 2]>,
    /// True once the pointers that are down have moved.
    pub moved: bool,
    /// The line that is being drawn around points, on the map.
    pub line: Option<Vec<[f64; 2]>>,
    /// The next frame, where one is to be drawn.
    pub frame: Option<AnimationFrame>,
    /// Frames that were drawn.
    pub drawn: u32,
}

/// A view with the component that it belongs to, which may be gone.
pub type Held = Rc<RefCell<Option<View>>>;

fn milliseconds() -> f64 {
    web_sys::window()
        .and_then(|window| window.performance())
        .map_or(0.0, |clock| clock.now())
}

impl View {
    /// Takes the size of the canvas, as it is laid out.
    pub fn measure(&mut self) {
        let size = [
            f64::from(self.canvas.client_width()),
            f64::from(self.canvas.client_height()),
        ];
        self.dots = web_sys::window()
            .map_or(1.0, |window| window.device_pixel_ratio())
            .clamp(1.0, 3.0);
        let [width, height] = size.map(|side| (side * self.dots) as u32);
        if (self.canvas.width(), self.canvas.height()) != (width, height) {
            self.canvas.set_width(width);
            self.canvas.set_height(height);
        }
        self.camera = self.camera.resized(size);
    }

    fn draw(&mut self) {
        let before = milliseconds();
        let ink = if self.dark {
            [255, 255, 255, 255]
        } else {
            [0, 0, 0, 255]
        };
        self.painter.draw(Look {
            camera: self.camera,
            dots: self.dots,
            marked: self.marked,
            ink,
        });
        if let Some(outline) = &self.outline {
            let corners: Vec<[f64; 2]> = match &self.line {
                Some(line) => line.clone(),
                None => self
                    .area
                    .iter()
                    .map(|corner| corner.map(|at| f64::from(at) / 1000.0))
                    .collect(),
            };
            let text: Vec<String> = corners
                .iter()
                .map(|corner| {
                    let [x, y] = self.camera.to_picture(*corner);
                    format!("{},{}", fixed_plain(x), fixed_plain(y))
                })
                .collect();
            let _ = outline.set_attribute("points", &text.join(" "));
        }
        self.drawn = self.drawn.wrapping_add(1);
        // For measurements: how long the page's own part of a frame takes.
        for (name, value) in [
            ("data-drawn", f64::from(self.drawn)),
            ("data-milliseconds", milliseconds() - before),
            ("data-zoom", self.camera.zoom),
        ] {
            let _ = self.canvas.set_attribute(name, &exact(value));
        }
    }

    /// A pointer moved to a place: over the map, or, where it is down, with the map or the line that is drawn.
    pub fn pointer_moved(&mut self, id: i32, place: [f64; 2]) -> Moved {
        let Some(before) = self.pointers.get(&id).copied() else {
            return Moved::Over(self.below(place));
        };
        let by = [place[0] - before[0], place[1] - before[1]];
        if !self.moved && by[0].hypot(by[1]) < STILL {
            return Moved::Still;
        }
        self.moved = true;
        let mut others = self.pointers.iter().filter(|(other, _)| **other != id);
        let other = others.next().map(|(_, at)| *at);
        match (&mut self.line, other) {
            (Some(line), None) => line.push(self.camera.to_map(place)),
            (_, None) => self.camera = self.camera.dragged(by),
            (_, Some(other)) => {
                let apart = |at: [f64; 2]| (at[0] - other[0]).hypot(at[1] - other[1]).max(1.0);
                let about = [(place[0] + other[0]) / 2.0, (place[1] + other[1]) / 2.0];
                let half = [by[0] / 2.0, by[1] / 2.0];
                let zoomed = apart(place) / apart(before);
                self.camera = self.camera.dragged(half).zoomed(zoomed, about);
            }
        }
        self.pointers.insert(id, place);
        Moved::Dragged
    }

    /// The point that a place of the picture means.
    pub fn below(&self, place: [f64; 2]) -> Option<u32> {
        let radius = (REACH + self.camera.radius(self.points.len())) / self.camera.scale();
        let at = self.camera.to_map(place);
        self.grid.nearest(&self.points, at, radius, |index| {
            self.shown.get(index as usize) == Some(&true)
        })
    }
}

/// A coordinate in the picture, to a tenth of a pixel.
fn fixed_plain(value: f64) -> String {
    exact((value * 10.0).round() / 10.0)
}

/// Draws at the next frame, once for all that changes before it.
pub fn redraw(held: &Held) {
    let later = held.clone();
    if let Some(view) = &mut *held.borrow_mut()
        && view.frame.is_none()
    {
        view.frame = Some(request_animation_frame(move |_| {
            if let Some(view) = &mut *later.borrow_mut() {
                view.frame = None;
                view.draw();
            }
        }));
    }
}

/// Changes the view and draws it.
pub fn with<T>(held: &Held, change: impl FnOnce(&mut View) -> T) -> Option<T> {
    let result = held.borrow_mut().as_mut().map(change);
    redraw(held);
    result
}
