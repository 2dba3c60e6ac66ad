//! Curves over the values of a sweep.

use std::fmt::Write as _;

use yew::prelude::*;

use crate::components::token_text::token_text;
use crate::format::{fixed, plain, small};

/// The drawing's size in its own units.
const WIDTH: f64 = 260.0;
const HEIGHT: f64 = 120.0;

/// One curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its name: a token's text, or what it is of.
    pub name: String,
    /// One number per value; a gap where there is none.
    pub values: Vec<Option<f64>>,
    /// The clean run's.
    pub clean: Option<f64>,
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What is shown, with its unit.
    pub title: Html,
    /// The same in words, for those who do not see it.
    pub label: &'static str,
    /// The colour: of probabilities or losses.
    pub hue: &'static str,
    /// The curves.
    pub curves: Vec<Curve>,
    /// The values, ascending.
    pub xs: Vec<f32>,
    /// The largest activation that the feature has by itself.
    pub usual: Option<f32>,
}

/// Least and largest number of some curves, the clean run's included.
fn extent(curves: &[Curve]) -> Option<(f64, f64)> {
    let all = curves
        .iter()
        .flat_map(|curve| curve.values.iter().copied().chain([curve.clean]));
    let finite = all.flatten().filter(|value| value.is_finite());
    finite.fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((least, most)) => Some((f64::min(least, value), f64::max(most, value))),
    })
}

/// The place of a number between the least and the most, from the top; in the middle where these are the same.
fn level(value: f64, (least, most): (f64, f64)) -> f64 {
    match most > least {
        true => HEIGHT - (value - least) / (most - least) * HEIGHT,
        false => HEIGHT / 2.0,
    }
}

/// A curve as a path: a gap where a number is missing.
fn path(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let mut path = String::new();
    let mut pen = 'M';
    for point in points {
        match point {
            None => pen = 'M',
            Some((x, y)) => {
                // Writing to a string cannot fail.
                let _ = write!(path, "{pen}{} {}", plain(x, 2), plain(y, 2));
                pen = 'L';
            }
        }
    }
    path
}

/// One drawing with its legend.
#[component]
pub fn Chart(props: &Props) -> Html {
    let Props {
        curves, xs, usual, ..
    } = props;
    let (Some(first), Some(last), Some((least, most))) = (xs.first(), xs.last(), extent(curves))
    else {
        return Html::default();
    };
    // Probabilities and divergences begin at 0; a loss has no zero worth seeing.
    let least = if props.hue == "prob" { 0.0 } else { least };
    let x = |value: f32| f64::from((value - first) / (last - first)).clamp(0.0, 1.0) * WIDTH;
    let y = |value: f64| level(value, (least, most));
    let said = |value: f64| {
        if props.hue == "prob" {
            small(value)
        } else {
            fixed(value, 3)
        }
    };
    let shade = usual.filter(|usual| usual > first).map(|usual| {
        let (from, to) = (x(0.0), x(usual));
        html! { <rect class="usual" x={plain(from, 2)} y="0" width={plain(to - from, 2)} height={HEIGHT.to_string()} /> }
    });
    let curve = |(index, curve): (usize, &Curve)| {
        let points = xs.iter().zip(&curve.values);
        let place = |(value, number): (&f32, &Option<f64>)| {
            let number = number.filter(|number| number.is_finite())?;
            Some((x(*value), y(number)))
        };
        let dots = points.clone().filter_map(|(value, number)| {
            let (at_x, at_y) = place((value, number))?;
            let title = format!("{} at {}: {}", curve.name, fixed((*value).into(), 2), said((*number)?));
            Some(html! { <circle cx={plain(at_x, 2)} cy={plain(at_y, 2)} r="3"><title>{ title }</title></circle> })
        });
        let clean = curve.clean.filter(|clean| clean.is_finite()).map(|clean| {
            html! { <path class="clean" d={format!("M0 {}H{WIDTH}", plain(y(clean), 2))} /> }
        });
        html! {
            <g class="curve" data-curve={index.to_string()}>
                { clean.unwrap_or_default() }
                <path class="values" d={path(points.map(place))} />
                { for dots }
            </g>
        }
    };
    let legend = curves.len() > 1;
    html! {
        <figure class="chart" data-hue={props.hue}>
            <figcaption>{ props.title.clone() }</figcaption>
            <div class="frame-of-chart">
                <span class="most number">{ said(most) }</span>
                <svg viewBox={format!("-4 -4 {} {}", WIDTH + 8.0, HEIGHT + 8.0)} role="img" aria-label={props.label} data-testid="dose-chart">
                    { shade.unwrap_or_default() }
                    <path class="axis" d={format!("M0 {HEIGHT}H{WIDTH}")} />
                    { for curves.iter().enumerate().map(curve) }
                </svg>
                <span class="least number">{ said(least) }</span>
            </div>
            <p class="ends"><span class="number">{ fixed((*first).into(), 1) }</span><span class="number">{ fixed((*last).into(), 1) }</span></p>
            if legend {
                <ul class="curve-names">
                    { for curves.iter().enumerate().map(|(index, curve)| html! {
                        <li><svg viewBox="0 0 24 8" width="24" height="8" aria-hidden="true"><g class="curve" data-curve={index.to_string()}><path class="values" d="M0 4H24" /></g></svg>{ token_text(&curve.name) }</li>
                    }) }
                </ul>
            }
        </figure>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_begins_a_new_line() {
        let points = [Some((0.0, 1.0)), Some((1.0, 2.0)), None, Some((3.0, 0.5))];
        assert_eq!(path(points.into_iter()), "M0.00 1.00L1.00 2.00M3.00 0.50");
        assert_eq!(path([None].into_iter()), "");
    }

    #[test]
    fn numbers_that_are_all_the_same_lie_in_the_middle() {
        assert_eq!(level(2.5, (2.5, 2.5)), HEIGHT / 2.0);
        assert_eq!(level(1.0, (0.0, 1.0)), 0.0);
        assert_eq!(level(0.0, (0.0, 1.0)), HEIGHT);
    }

    #[test]
    fn the_extent_knows_the_clean_run_and_no_nan() {
        let curve = |values: &[Option<f64>], clean| Curve {
            name: String::new(),
            values: values.to_vec(),
            clean,
        };
        let curves = [
            curve(&[Some(1.0), None, Some(f64::NAN)], Some(-2.0)),
            curve(&[Some(0.5)], None),
        ];
        assert_eq!(extent(&curves), Some((-2.0, 1.0)));
        assert_eq!(extent(&[curve(&[None], None)]), None);
    }
}
