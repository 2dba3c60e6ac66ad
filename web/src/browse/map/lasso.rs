//! Areas of the map that a person draws around points.

use std::fmt::Write;

/// Most corners of an area. What is drawn by hand has hundreds; an address holds these.
const MOST: usize = 48;

/// Units of the map per unit of a corner's coordinates.
const UNIT: f64 = 1000.0;

/// The corners of a drawn line, fewer and fewer until they are few enough: those from which the line bends least go first.
/// Nothing where the line encloses no area.
pub fn area(line: &[[f64; 2]]) -> Vec<[i16; 2]> {
    let corner =
        |point: &[f64; 2]| point.map(|at| (at * UNIT).round().clamp(-32_000.0, 32_000.0) as i16);
    let mut corners: Vec<_> = line
        .iter()
        .filter(|point| point.iter().all(|at| at.is_finite()))
        .map(corner)
        .collect();
    corners.dedup();
    while corners.len() > 1 && corners.first() == corners.last() {
        corners.pop();
    }
    // Drawn by hand: a few hundred corners, so looking at all for each that goes is quick.
    while corners.len() > MOST {
        let count = corners.len();
        let bend = |at: usize| {
            triangle(
                corners[(at + count - 1) % count],
                corners[at],
                corners[(at + 1) % count],
            )
        };
        let straightest = (0..count).min_by_key(|at| bend(*at)).unwrap_or(0);
        corners.remove(straightest);
    }
    if corners.len() < 3 {
        Vec::new()
    } else {
        corners
    }
}

/// Twice the area of a triangle.
fn triangle(a: [i16; 2], b: [i16; 2], c: [i16; 2]) -> i64 {
    let [ax, ay] = a.map(i64::from);
    let [bx, by] = b.map(i64::from);
    let [cx, cy] = c.map(i64::from);
    ((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)).abs()
}

/// The corners as text: `x.y` each, joined by `~`.
pub fn to_text(area: &[[i16; 2]]) -> String {
    let mut text = String::new();
    for [x, y] in area {
        if !text.is_empty() {
            text.push('~');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{x}.{y}");
    }
    text
}

/// Reads them; nothing where they are no area.
pub fn from_text(text: &str) -> Vec<[i16; 2]> {
    let corner = |text: &str| {
        let (x, y) = text.split_once('.')?;
        Some([x.parse().ok()?, y.parse().ok()?])
    };
    let corners: Option<Vec<_>> = text.split('~').map(corner).collect();
    corners
        .filter(|corners| corners.len() >= 3)
        .unwrap_or_default()
}

/// For each point, whether it is inside of an area: a line from it to the right crosses the edge an odd number of times.
pub fn inside(area: &[[i16; 2]], points: &[[f32; 2]]) -> Vec<bool> {
    let corners: Vec<_> = area
        .iter()
        .map(|corner| corner.map(|at| f64::from(at) / UNIT))
        .collect();
    let ends = corners.iter().cycle().skip(1);
    let edges: Vec<_> = corners.iter().zip(ends).collect();
    let is_inside = |point: &[f32; 2]| {
        let [x, y] = point.map(f64::from);
        let crosses = |(a, b): &(&[f64; 2], &[f64; 2])| {
            (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]
        };
        edges.iter().filter(|edge| crosses(edge)).count() % 2 == 1
    };
    points.iter().map(is_inside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_area_holds_what_is_inside() {
        // A U: the middle of its opening is outside.
        let u = area(&[
            [-0.5, 0.5],
            [-0.5, -0.5],
            [0.5, -0.5],
            [0.5, 0.5],
            [0.3, 0.5],
            [0.3, -0.3],
            [-0.3, -0.3],
            [-0.3, 0.5],
        ]);
        let points = [
            [-0.4, 0.2],
            [0.0, 0.2],
            [0.0, -0.4],
            [0.9, 0.0],
            [f32::NAN, 0.0],
        ];
        assert_eq!(inside(&u, &points), [true, false, true, false, false]);
        assert_eq!(inside(&[], &points), [false; 5]);
    }

    #[test]
    fn a_drawn_line_keeps_its_shape_in_few_corners() {
        let circle: Vec<_> = (0..720)
            .map(|at| f64::from(at).to_radians() / 2.0)
            .map(|angle| [angle.cos() * 0.6, angle.sin() * 0.6])
            .collect();
        let area = area(&circle);
        assert_eq!(area.len(), MOST);
        let points = [[0.0, 0.59], [0.42, 0.41], [0.0, 0.61], [-0.43, 0.43]];
        assert_eq!(inside(&area, &points), [true, true, false, false]);
    }

    #[test]
    fn a_line_that_encloses_nothing_is_no_area() {
        for line in [
            &[][..],
            &[[0.1, 0.1]],
            &[[0.1, 0.1], [0.2, 0.2]],
            &[[0.1, 0.1], [0.2, 0.2], [0.1, 0.1]],
        ] {
            assert_eq!(area(line), [] as [[i16; 2]; 0]);
        }
        assert_eq!(area(&[[f64::NAN, 0.0], [0.0, 0.0], [1.0, 0.0]]).len(), 0);
        for text in ["", "1.2", "1.2~3.4", "1.2~3.4~5", "1.2~3.4~99999.1"] {
            assert_eq!(from_text(text), [] as [[i16; 2]; 0], "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_gives_its_area_back(area in prop::collection::vec(any::<[i16; 2]>(), 3..MOST)) {
            let text = to_text(&area);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit() || b"-.~".contains(&byte)));
            prop_assert_eq!(from_text(&text), area);
        }
    }
}
