//! The part of the plane that is in view.

/// Share of the picture that the whole map fills.
const FILLED: f64 = 0.94;

/// Largest magnification over that of the whole map.
const MOST: f64 = 400.0;

/// Smallest magnification.
const LEAST: f64 = 0.5;

/// A view of the plane, whose points are within -1 to 1, in a picture of some CSS pixels. y goes up on the map and down in the
/// picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// The point of the map in the middle.
    pub centre: [f64; 2],
    /// Magnification: 1 shows the whole map.
    pub zoom: f64,
    /// Width and height of the picture.
    pub size: [f64; 2],
}

impl Camera {
    /// The whole map in a picture.
    pub fn whole(size: [f64; 2]) -> Self {
        Self {
            centre: [0.0, 0.0],
            zoom: 1.0,
            size,
        }
    }

    /// CSS pixels per unit of the map.
    pub fn scale(self) -> f64 {
        let side = self.size[0].min(self.size[1]).max(1.0);
        side / 2.0 * FILLED * self.zoom
    }

    /// Where a point of the map is in the picture.
    pub fn to_picture(self, point: [f64; 2]) -> [f64; 2] {
        let scale = self.scale();
        [
            self.size[0] / 2.0 + (point[0] - self.centre[0]) * scale,
            self.size[1] / 2.0 - (point[1] - self.centre[1]) * scale,
        ]
    }

    /// The point of the map at a place of the picture.
    pub fn to_map(self, place: [f64; 2]) -> [f64; 2] {
        let scale = self.scale();
        [
            self.centre[0] + (place[0] - self.size[0] / 2.0) / scale,
            self.centre[1] - (place[1] - self.size[1] / 2.0) / scale,
        ]
    }

    /// The view after the picture was dragged by some pixels.
    pub fn dragged(self, by: [f64; 2]) -> Self {
        let scale = self.scale();
        let centre = [
            self.centre[0] - by[0] / scale,
            self.centre[1] + by[1] / scale,
        ];
        Self { centre, ..self }.kept()
    }

    /// The view magnified by a factor, about a place of the picture that stays where it is.
    pub fn zoomed(self, factor: f64, about: [f64; 2]) -> Self {
        let fixed = self.to_map(about);
        let zoom = (self.zoom * factor).clamp(LEAST, MOST);
        // A factor that is no number changes nothing.
        let zoom = if zoom.is_finite() { zoom } else { self.zoom };
        let next = Self { zoom, ..self };
        let moved = next.to_map(about);
        let centre = [
            self.centre[0] + fixed[0] - moved[0],
            self.centre[1] + fixed[1] - moved[1],
        ];
        Self { centre, ..next }.kept()
    }

    /// The same view in a picture of another size.
    pub fn resized(self, size: [f64; 2]) -> Self {
        Self { size, ..self }
    }

    /// Radius of a point in CSS pixels: the more there are, the smaller, and larger when magnified.
    pub fn radius(self, points: usize) -> f64 {
        let crowd = (20_000.0 / points.max(1) as f64).sqrt().clamp(0.45, 1.6);
        (crowd * 1.4 * self.zoom.powf(0.35)).clamp(0.7, 6.0)
    }

    /// The middle stays on the map.
    fn kept(self) -> Self {
        let centre = self.centre.map(|at| {
            if at.is_finite() {
                at.clamp(-1.1, 1.1)
            } else {
                0.0
            }
        });
        Self { centre, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_whole_map_is_in_the_picture() {
        let camera = Camera::whole([800.0, 400.0]);
        assert_eq!(camera.to_picture([0.0, 0.0]), [400.0, 200.0]);
        let corner = camera.to_picture([1.0, 1.0]);
        assert!(
            (corner[0] - 588.0).abs() < 1e-9 && (corner[1] - 12.0).abs() < 1e-9,
            "{corner:?}"
        );
    }

    proptest! {
        #[test]
        fn places_and_points_belong_together(x in -1.0f64..1.0, y in -1.0f64..1.0, factor in 0.1f64..50.0, about in any::<[u16; 2]>()) {
            let about = about.map(|at| f64::from(at % 700));
            let camera = Camera::whole([700.0, 500.0]).zoomed(factor, about);
            let back = camera.to_map(camera.to_picture([x, y]));
            prop_assert!((back[0] - x).abs() < 1e-9 && (back[1] - y).abs() < 1e-9);
        }

        #[test]
        fn what_is_below_the_pointer_stays_there(x in 200.0f64..500.0, y in 150.0f64..350.0, factor in 1.0f64..20.0) {
            let camera = Camera::whole([700.0, 500.0]);
            let before = camera.to_map([x, y]);
            let after = camera.zoomed(factor, [x, y]).to_map([x, y]);
            prop_assert!((before[0] - after[0]).abs() < 1e-9 && (before[1] - after[1]).abs() < 1e-9);
        }

        #[test]
        fn a_view_is_always_a_view(x: f64, y: f64, factor: f64) {
            let camera = Camera::whole([0.0, 0.0]).dragged([x, y]).zoomed(factor, [y, x]);
            prop_assert!(camera.centre.iter().all(|at| at.is_finite()) && camera.zoom >= LEAST && camera.zoom <= MOST);
        }
    }
}
