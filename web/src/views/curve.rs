//! Curves of numbers over tokens: their scale and their line.

use std::fmt::Write as _;

use crate::format::plain;

/// Width and height of a curve's drawing, which is stretched to the room that there is.
pub const SIZE: (f64, f64) = (200.0, 60.0);

/// The least of 1, 2 and 5 times a power of ten that is not below the largest value: the upper end of an axis from 0.
pub fn top(values: impl Iterator<Item = f64>) -> f64 {
    let largest = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
    if largest <= 0.0 {
        return 1.0;
    }
    // Whole powers are exact, and so a round number has few digits.
    let power = largest.log10().floor() as i32;
    let whole = 10f64.powi(power.abs());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| match power >= 0 {
        true => step * whole,
        false => step / whole,
    });
    let enough = |top: &f64| *top >= largest * (1.0 - 1e-9);
    steps.into_iter().find(enough).unwrap_or(steps[3])
}

/// The path of a line through points (x, y), x from 0 to `right` and y from 0 to `top`. What is not a number interrupts it; a point
/// between two such is a dot.
pub fn line(points: &[(f64, Option<f64>)], right: f64, top: f64) -> String {
    let mut path = String::new();
    let mut drawn = 0;
    for (x, y) in points {
        let Some(y) = y.filter(|y| y.is_finite()) else {
            dot(&mut path, drawn);
            drawn = 0;
            continue;
        };
        let across = SIZE.0 * (x / right.max(1e-12)).clamp(0.0, 1.0);
        let down = SIZE.1 * (1.0 - (y / top).clamp(0.0, 1.0));
        let sign = if drawn == 0 { 'M' } else { 'L' };
        // Writing to a string cannot fail.
        let _ = write!(path, "{sign}{} {}", plain(across, 2), plain(down, 2));
        drawn += 1;
    }
    dot(&mut path, drawn);
    path
}

/// A line of no length has round ends, and so is a dot.
fn dot(path: &mut String, drawn: usize) {
    if drawn == 1 {
        path.push_str("h0");
    }
}

/// The index of the point whose x is nearest to a share of the way to `right`.
pub fn nearest(xs: impl Iterator<Item = f64>, share: f64, right: f64) -> Option<usize> {
    let wanted = share * right;
    let distances = xs.map(|x| (x - wanted).abs()).enumerate();
    let least = distances.min_by(|one, other| one.1.total_cmp(&other.1));
    least.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        let of = |values: &[f64]| top(values.iter().copied());
        for (values, wanted) in [
            (&[0.3, 0.7][..], 1.0),
            (&[1.0], 1.0),
            (&[1.01], 2.0),
            (&[0.0004], 0.0005),
            (&[16.0], 20.0),
            (&[51.0], 100.0),
            (&[f64::NAN, 3.0, f64::INFINITY], 5.0),
            (&[0.0], 1.0),
            (&[], 1.0),
        ] {
            assert!(
                (of(values) / wanted - 1.0).abs() < 1e-9,
                "{values:?}: {}",
                of(values)
            );
        }
    }

    #[test]
    fn a_line_is_interrupted_where_there_is_no_number() {
        let points = [
            (0.0, Some(1.0)),
            (5.0, Some(0.5)),
            (6.0, None),
            (7.0, Some(f64::NAN)),
            (10.0, Some(0.0)),
        ];
        assert_eq!(
            line(&points, 10.0, 1.0),
            "M0.00 0.00L100.00 30.00M200.00 60.00h0"
        );
        assert_eq!(line(&[], 10.0, 1.0), "");
        assert_eq!(line(&[(0.0, Some(0.0))], 0.0, 1.0), "M0.00 60.00h0");
    }

    #[test]
    fn the_nearest_point_is_found() {
        let xs = [10.0, 20.0, 40.0];
        let at = |share| nearest(xs.into_iter(), share, 40.0);
        assert_eq!((at(0.0), at(0.5), at(0.9)), (Some(0), Some(1), Some(2)));
        assert_eq!(nearest(std::iter::empty(), 0.5, 1.0), None);
    }
}
