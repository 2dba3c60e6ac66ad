//! A camera that orbits about a point, and where it shows what.

use glam::{Mat4, Quat, Vec3};

/// Angle of view from the lower edge of the picture to its upper one.
const ANGLE: f32 = 0.8;
/// Largest pitch: short of the poles, where up and down change places.
const STEEPEST: f32 = 1.5;
/// Smallest and largest distance from the point that it orbits.
const DISTANCES: (f32, f32) = (0.5, 5e4);
/// Part of the picture that is left free about what is fitted into it.
const MARGIN: f32 = 1.08;
/// Yaw and pitch before anybody turns it.
const AT_FIRST: (f32, f32) = (0.5, 0.35);

/// A view of space in a picture of some pixels. x goes right, y up, and z out of the picture at first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    target: Vec3,
    yaw: f32,
    pitch: f32,
    distance: f32,
    size: [f32; 2],
}

/// Where a point of space is in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// Pixels from the left edge.
    pub x: f32,
    /// Pixels from the upper edge.
    pub y: f32,
    /// Distance from the camera's plane.
    pub depth: f32,
    /// Pixels per unit of length there.
    pub scale: f32,
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            target: Vec3::ZERO,
            yaw: AT_FIRST.0,
            pitch: AT_FIRST.1,
            distance: 30.0,
            size: [1.0, 1.0],
        }
    }
}

impl Camera {
    /// The picture's width and height.
    pub fn size(&self) -> [f32; 2] {
        self.size
    }

    /// For a picture of another size.
    pub fn resize(&mut self, width: f32, height: f32) {
        let sound = |side: f32| if side.is_finite() { side.max(1.0) } else { 1.0 };
        self.size = [sound(width), sound(height)];
    }

    /// Turns about the target: by so many pixels of a drag.
    pub fn orbit(&mut self, x: f32, y: f32) {
        if !(x.is_finite() && y.is_finite()) {
            return;
        }
        let per_pixel = std::f32::consts::PI / self.size[0].min(self.size[1]).max(200.0);
        self.yaw = (self.yaw - x * per_pixel) % std::f32::consts::TAU;
        self.pitch = (self.pitch + y * per_pixel).clamp(-STEEPEST, STEEPEST);
    }

    /// Moves along the picture: what is at the target's depth follows the pointer by so many pixels.
    pub fn pan(&mut self, x: f32, y: f32) {
        let scale = self.pixels_at(self.distance);
        let by = self.rotation() * Vec3::new(-x / scale, y / scale, 0.0);
        if by.is_finite() {
            let bound = Vec3::splat(DISTANCES.1);
            self.target = (self.target + by).clamp(-bound, bound);
        }
    }

    /// Goes nearer by a factor above 1, farther by one below.
    pub fn zoom(&mut self, factor: f32) {
        let distance = self.distance / factor;
        if distance.is_finite() && factor > 0.0 {
            self.distance = distance.clamp(DISTANCES.0, DISTANCES.1);
        }
    }

    /// Goes where all these balls are in the picture, without turning. Without any it goes where it was at first.
    pub fn fit(&mut self, balls: impl Iterator<Item = (Vec3, f32)> + Clone) {
        let count = balls.clone().count();
        if count == 0 {
            *self = Self {
                size: self.size,
                ..Self::default()
            };
            return;
        }
        let sum: Vec3 = balls.clone().map(|(place, _)| place).sum();
        let target = sum / count as f32;
        let radius = balls
            .map(|(place, radius)| place.distance(target) + radius)
            .fold(0.1, f32::max);
        let narrow = (self.size[0] / self.size[1]).min(1.0);
        let distance = MARGIN * radius / ((ANGLE / 2.0).tan() * narrow).atan().sin();
        if target.is_finite() && distance.is_finite() {
            let bound = Vec3::splat(DISTANCES.1);
            self.target = target.clamp(-bound, bound);
            self.distance = distance.clamp(DISTANCES.0, DISTANCES.1);
        }
    }

    /// Goes a part of the way to where another camera is, without turning: all of it at 1. True while some of it is left.
    pub fn approach(&mut self, other: &Self, share: f32) -> bool {
        let far = self.target.distance(other.target) / other.distance;
        let zoomed = (self.distance / other.distance).ln().abs();
        if share >= 1.0 || far.max(zoomed) < 1e-3 {
            (self.target, self.distance) = (other.target, other.distance);
            return false;
        }
        self.target = self.target.lerp(other.target, share.max(0.0));
        self.distance *= (other.distance / self.distance).powf(share.max(0.0));
        true
    }

    /// The matrix that takes points of space to the cube that WebGL draws.
    pub fn matrix(&self) -> Mat4 {
        let near = (self.distance * 0.01).max(0.01);
        let far = self.distance * 20.0 + 1e4;
        Mat4::perspective_rh_gl(ANGLE, self.size[0] / self.size[1], near, far) * self.view()
    }

    /// Where a point is in the picture; nothing where it is behind the camera.
    pub fn spot(&self, point: Vec3) -> Option<Spot> {
        let seen = self.view().transform_point3(point);
        let depth = -seen.z;
        let scale = self.pixels_at(depth);
        (depth > 0.01 && scale.is_finite()).then(|| Spot {
            x: self.size[0] / 2.0 + seen.x * scale,
            y: self.size[1] / 2.0 - seen.y * scale,
            depth,
            scale,
        })
    }

    /// Pixels per unit of length at a depth.
    pub(crate) fn pixels_at(&self, depth: f32) -> f32 {
        self.size[1] / (2.0 * depth * (ANGLE / 2.0).tan())
    }

    fn rotation(&self) -> Quat {
        Quat::from_rotation_y(self.yaw) * Quat::from_rotation_x(-self.pitch)
    }

    fn view(&self) -> Mat4 {
        let back = self.rotation() * Vec3::Z;
        Mat4::look_at_rh(self.target + back * self.distance, self.target, Vec3::Y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn camera() -> Camera {
        let mut camera = Camera::default();
        camera.resize(800.0, 500.0);
        camera
    }

    #[test]
    fn the_target_is_in_the_middle_and_right_is_right() {
        let mut camera = Camera {
            yaw: 0.0,
            pitch: 0.0,
            ..camera()
        };
        let middle = camera.spot(Vec3::ZERO).unwrap();
        assert_eq!((middle.x, middle.y), (400.0, 250.0));
        let right = camera.spot(Vec3::X).unwrap();
        assert!(right.x > 400.0 && (right.y - 250.0).abs() < 1e-3);
        assert!(camera.spot(Vec3::Y).unwrap().y < 250.0, "up is up");
        assert!(
            camera.spot(Vec3::Z).unwrap().depth < middle.depth,
            "z comes nearer"
        );
        // What is dragged right turns right: its front goes right.
        camera.orbit(50.0, 0.0);
        assert!(camera.spot(Vec3::Z).unwrap().x > 400.0);
        camera.orbit(-50.0, 50.0);
        assert!(
            camera.spot(Vec3::Z).unwrap().y > 250.0,
            "and down goes down"
        );
        assert_eq!(camera.spot(Vec3::Z * 1e3), None, "behind the camera");
    }

    #[test]
    fn what_is_panned_follows_the_pointer() {
        let mut camera = camera();
        let before = camera.spot(Vec3::ZERO).unwrap();
        camera.pan(30.0, -20.0);
        let after = camera.spot(Vec3::ZERO).unwrap();
        assert!(
            (after.x - before.x - 30.0).abs() < 0.01 && (after.y - before.y + 20.0).abs() < 0.01
        );
    }

    #[test]
    fn it_arrives_where_it_goes() {
        let (mut camera, mut there) = (camera(), camera());
        there.pan(300.0, 20.0);
        there.zoom(0.1);
        assert!(camera.approach(&there, 0.2), "not at once");
        let steps = (0..200)
            .take_while(|_| camera.approach(&there, 0.2))
            .count();
        assert!((5..100).contains(&steps), "{steps}");
        assert_eq!(camera, there);
        there.zoom(3.0);
        assert!(!camera.approach(&there, 1.0));
        assert_eq!(camera, there);
    }

    #[test]
    fn the_matrix_and_the_spots_agree() {
        let camera = camera();
        for point in [
            Vec3::ZERO,
            Vec3::new(3.0, -2.0, 5.0),
            Vec3::new(-7.0, 4.0, -6.0),
        ] {
            let spot = camera.spot(point).unwrap();
            let drawn = camera.matrix().project_point3(point);
            assert!(((drawn.x + 1.0) * 400.0 - spot.x).abs() < 0.01);
            assert!(((1.0 - drawn.y) * 250.0 - spot.y).abs() < 0.01);
            assert!(drawn.z.abs() < 1.0);
        }
    }

    proptest! {
        #[test]
        fn everything_that_is_fitted_is_in_the_picture(
            points in proptest::collection::vec(any::<[i16; 3]>(), 1..30),
            size in (100f32..2000.0, 100f32..2000.0),
            turned in (-900f32..900.0, -900f32..900.0),
        ) {
            let mut camera = Camera::default();
            camera.resize(size.0, size.1);
            camera.orbit(turned.0, turned.1);
            let places: Vec<Vec3> = points.iter().map(|point| Vec3::from(point.map(f32::from)) / 50.0).collect();
            camera.fit(places.iter().map(|place| (*place, 0.5)));
            for place in &places {
                let spot = camera.spot(*place).unwrap();
                let reach = 0.5 * spot.scale;
                prop_assert!(spot.x - reach >= -1.0 && spot.x + reach <= size.0 + 1.0, "{spot:?} {size:?}");
                prop_assert!(spot.y - reach >= -1.0 && spot.y + reach <= size.1 + 1.0, "{spot:?} {size:?}");
            }
        }

        #[test]
        fn a_view_is_always_a_view(x: f32, y: f32, factor: f32, width: f32, height: f32) {
            let mut camera = Camera::default();
            camera.resize(width.abs() % 1e5, height.abs() % 1e5);
            camera.resize(f32::NAN, camera.size()[1]);
            camera.orbit(x, y);
            camera.pan(y, x);
            camera.zoom(factor);
            camera.fit([(Vec3::new(x, y, factor), 1.0)].into_iter());
            prop_assert!(camera.matrix().is_finite());
            prop_assert!(camera.distance >= DISTANCES.0 && camera.distance <= DISTANCES.1);
        }
    }
}
