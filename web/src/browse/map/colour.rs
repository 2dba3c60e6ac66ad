//! Colours of the map's points. None is one that means something else on the page: orange, blue, green, red and violet.

use super::super::places::Rows;
use ::atlas::record::FeatureRow;

/// Red, green and blue.
pub type Colour = [u8; 3];

/// What the colours of the points say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// The source in which a feature fires on the largest share of tokens.
    #[default]
    Source,
    /// The share of tokens on which it fires.
    Density,
}

/// Colours of the first sources, on a light page and on a dark one. Their lightness differs too.
const SOURCES: [[Colour; 2]; 6] = [
    [[0, 121, 140], [72, 202, 220]],
    [[196, 48, 138], [255, 128, 202]],
    [[184, 150, 20], [226, 190, 76]],
    [[92, 64, 51], [196, 160, 140]],
    [[52, 73, 94], [150, 176, 204]],
    [[128, 128, 0], [176, 214, 96]],
];

/// The colour of what has no source, and of sources after the first six.
const OTHER: [Colour; 2] = [[140, 136, 130], [128, 123, 116]];

/// Ends of the scale of densities: rare and dense.
const DENSITIES: [[Colour; 2]; 2] = [
    [[178, 206, 208], [44, 66, 70]],
    [[0, 62, 76], [150, 232, 244]],
];

/// Decades of the scale of densities: from one token in a million to all of them.
pub const DECADES: f64 = 6.0;

/// Index of the page's look in a pair of colours.
fn look(dark: bool) -> usize {
    usize::from(dark)
}

/// The colour of a source.
pub fn of_source(source: Option<u16>, dark: bool) -> Colour {
    let colours = source.and_then(|source| SOURCES.get(usize::from(source)));
    colours.unwrap_or(&OTHER)[look(dark)]
}

/// True if a source has a colour of its own.
pub fn has_its_own(source: usize) -> bool {
    source < SOURCES.len()
}

/// The colour of a density, on a scale by powers of ten; that of features that never fire is the colour of no source.
pub fn of_density(density: f64, dark: bool) -> Colour {
    if density <= 0.0 || !density.is_finite() {
        return OTHER[look(dark)];
    }
    let share = (1.0 + density.log10() / DECADES).clamp(0.0, 1.0);
    let [rare, dense] = DENSITIES.map(|pair| pair[look(dark)]);
    std::array::from_fn(|at| {
        (f64::from(rare[at]) * (1.0 - share) + f64::from(dense[at]) * share).round() as u8
    })
}

/// The colour of a feature.
pub fn of(row: &FeatureRow, rows: Rows<'_>, by: By, dark: bool) -> Colour {
    match by {
        By::Source => of_source(row.source, dark),
        By::Density => of_density(rows.density(row), dark),
    }
}

/// The same for a style or an attribute: `rgb(1 2 3)`.
pub fn css([red, green, blue]: Colour) -> String {
    format!("rgb({red} {green} {blue})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_colours_that_can_be_told_apart() {
        for dark in [false, true] {
            let mut colours: Vec<_> = (0..7).map(|source| of_source(Some(source), dark)).collect();
            assert_eq!(colours[6], of_source(None, dark));
            for (at, a) in colours.iter().enumerate() {
                for b in &colours[at + 1..] {
                    let distance: i32 = a
                        .iter()
                        .zip(b)
                        .map(|(a, b)| (i32::from(*a) - i32::from(*b)).pow(2))
                        .sum();
                    assert!(distance > 40 * 40, "{a:?} {b:?}");
                }
            }
            colours.dedup();
            assert_eq!(colours.len(), 7);
        }
    }

    #[test]
    fn densities_go_by_powers_of_ten() {
        let [rare, dense] = DENSITIES.map(|pair| pair[0]);
        assert_eq!(of_density(1.0, false), dense);
        assert_eq!(of_density(1e-6, false), rare);
        assert_eq!(of_density(1e-9, false), rare);
        let middle = of_density(1e-3, false);
        let expected: [u8; 3] = std::array::from_fn(|at| {
            ((f64::from(rare[at]) + f64::from(dense[at])) / 2.0).round() as u8
        });
        assert_eq!(middle, expected);
        assert_eq!(of_density(0.0, false), of_source(None, false));
        assert_eq!(of_density(f64::NAN, true), of_source(None, true));
        assert_eq!(css([1, 2, 3]), "rgb(1 2 3)");
    }
}
