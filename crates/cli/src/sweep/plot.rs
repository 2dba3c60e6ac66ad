//! A grid of trainings as a picture: loss over the number of latents, a line for each k, both axes logarithmic.

use std::fmt::Write as _;

use evaluation::scaling;
use wire::TrainingSweep;

/// Size of the picture and of its frame, in pixels.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 590.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 400.0;

/// Okabe and Ito's colours, which people tell apart however they see colours.
const COLOURS: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#000000",
];

/// Places of values on a logarithmic axis.
struct Axis {
    low: f64,
    high: f64,
    first: f64,
    last: f64,
}

impl Axis {
    /// From the smallest to the largest value, with some room.
    fn new(values: impl Iterator<Item = f64> + Clone, (first, last): (f64, f64)) -> Option<Self> {
        let low = values.clone().fold(f64::INFINITY, f64::min).ln();
        let high = values.fold(f64::NEG_INFINITY, f64::max).ln();
        let room = (0.06 * (high - low)).max(0.05);
        (low.is_finite() && high.is_finite()).then_some(Self {
            low: low - room,
            high: high + room,
            first,
            last,
        })
    }

    fn place(&self, value: f64) -> f64 {
        self.first + (value.ln() - self.low) / (self.high - self.low) * (self.last - self.first)
    }
}

/// The picture; without trainings that were measured it says so.
pub fn svg(sweep: &TrainingSweep) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n<title>Loss of sparse autoencoders by number of latents n and of active ones k</title>\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
    );
    let points: Vec<(f64, usize, f64)> = sweep
        .points
        .iter()
        .filter_map(|point| Some((point.latents as f64, point.k, point.loss?)))
        .filter(|(_, _, loss)| *loss > 0.0 && loss.is_finite())
        .collect();
    let across = Axis::new(points.iter().map(|point| point.0), (LEFT, RIGHT));
    let up = Axis::new(points.iter().map(|point| point.2), (BOTTOM, TOP));
    match (across, up) {
        (Some(across), Some(up)) => {
            frame(&mut out, &points, &across, &up);
            lines(&mut out, sweep, &points, &across, &up);
        }
        _ => text(&mut out, (LEFT, TOP), "start", "nothing was measured"),
    }
    out.push_str("</svg>\n");
    out
}

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#222222\">{words}</text>"
    );
}

fn frame(out: &mut String, points: &[(f64, usize, f64)], across: &Axis, up: &Axis) {
    let _ = writeln!(
        out,
        "<path d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\" fill=\"none\" stroke=\"#222222\"/>"
    );
    let mut sizes: Vec<f64> = points.iter().map(|point| point.0).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    for n in sizes {
        let x = across.place(n);
        let _ = writeln!(out, "<path d=\"M{x:.1} {BOTTOM}v5\" stroke=\"#222222\"/>");
        text(out, (x, BOTTOM + 20.0), "middle", &format!("{n}"));
    }
    for step in 0..=4 {
        let at = up.low + (up.high - up.low) * f64::from(step) / 4.0;
        let y = up.place(at.exp());
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#dddddd\"/>"
        );
        text(
            out,
            (LEFT - 8.0, y + 4.0),
            "end",
            &format!("{:.3}", at.exp()),
        );
    }
    text(
        out,
        ((LEFT + RIGHT) / 2.0, BOTTOM + 44.0),
        "middle",
        "latents n (logarithmic)",
    );
    text(
        out,
        (LEFT, TOP - 22.0),
        "start",
        "loss: FVU at the end of training (logarithmic)",
    );
}

fn lines(
    out: &mut String,
    sweep: &TrainingSweep,
    points: &[(f64, usize, f64)],
    across: &Axis,
    up: &Axis,
) {
    let mut ks: Vec<usize> = points.iter().map(|point| point.1).collect();
    ks.sort_unstable();
    ks.dedup();
    let law = sweep.law.as_ref().map(|fitted| &fitted.law);
    for (number, k) in ks.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        if let Some(law) = law {
            let places = (0..=60).map(|step| {
                let n = (across.low + (across.high - across.low) * f64::from(step) / 60.0).exp();
                format!(
                    "{:.1},{:.1}",
                    across.place(n),
                    up.place(scaling::loss(law, n, *k as f64))
                        .clamp(TOP, BOTTOM)
                )
            });
            let places: Vec<String> = places.collect();
            let _ = writeln!(
                out,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
                places.join(" ")
            );
        }
        for (n, _, loss) in points.iter().filter(|point| point.1 == *k) {
            let _ = writeln!(
                out,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{colour}\"><title>n = {n}, k = {k}: {loss:.4}</title></circle>",
                across.place(*n),
                up.place(*loss),
            );
        }
        let y = TOP + 20.0 * number as f64;
        let _ = writeln!(
            out,
            "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>",
            RIGHT + 24.0
        );
        text(out, (RIGHT + 36.0, y + 4.0), "start", &format!("k = {k}"));
    }
    let y = TOP + 20.0 * ks.len() as f64 + 8.0;
    let words = if law.is_some() {
        "line: fitted law"
    } else {
        "no law"
    };
    text(out, (RIGHT + 18.0, y), "start", words);
}
