//! Histograms of densities, one for each SAE, all to one scale.

use std::fmt::Write as _;

use yew::prelude::*;

use crate::components::plot::{Frame, plot};
use crate::components::term::defined;
use crate::data::EvaluatedSae;
use crate::definitions::DENSITY;
use crate::format::{fixed, grouped, percent, plain};
use crate::views::curve::{SIZE, top};

/// The histograms.
pub fn densities(saes: &[EvaluatedSae]) -> Html {
    let lefts = saes.iter().filter_map(|sae| sae.density.edges.first());
    let least = lefts.copied().fold(0.0, f64::min);
    let rights = saes.iter().filter_map(|sae| sae.density.edges.last());
    let most = rights.copied().fold(f64::NEG_INFINITY, f64::max);
    if least >= most {
        return Html::default();
    }
    let shares = saes.iter().flat_map(|sae| {
        let all = sae.n_latents.max(1) as f64;
        sae.density.counts.iter().map(move |count| *count / all)
    });
    let top = top(shares);
    html! {
        <div class="densities">
            <p class="muted">{ "Latents by " }{ defined(DENSITY) }{ format!(": across, log₁₀ of the density from {} to {}; up, share of all latents from 0 to {}, the same for all. Those that were active at none of the tokens are counted beside.", fixed(least, 1), fixed(most, 1), percent(top)) }</p>
            <div class="multiples">{ for saes.iter().map(|sae| histogram(sae, (least, most), top)) }</div>
        </div>
    }
}

fn histogram(sae: &EvaluatedSae, (least, most): (f64, f64), top: f64) -> Html {
    let (width, height) = SIZE;
    let all = sae.n_latents.max(1) as f64;
    let at = |edge: f64| width * (edge - least) / (most - least);
    let mut path = String::new();
    for (bounds, count) in sae.density.edges.windows(2).zip(&sae.density.counts) {
        let tall = height * (*count / all / top).clamp(0.0, 1.0);
        if tall > 0.0 {
            let (from, to) = (at(bounds[0]), at(bounds[1]));
            // Writing to a string cannot fail.
            let _ = write!(
                path,
                "M{} {}h{}v{}h-{}z",
                plain(from, 2),
                plain(height - tall, 2),
                plain((to - from) * 0.9, 2),
                plain(tall, 2),
                plain((to - from) * 0.9, 2)
            );
        }
    }
    let dead = format!(
        "{} of {} never active",
        grouped(sae.dead as u64),
        grouped(sae.n_latents as u64)
    );
    let label = format!("Histogram of densities of {}: {dead}", sae.id);
    let end = |edge: f64| match edge == 0.0 {
        true => "1".to_owned(),
        false => format!("10^{}", fixed(edge, 1)),
    };
    let frame = Frame {
        label,
        top: percent(top),
        ends: [end(least), end(most)],
        height: "72",
        pointer: Default::default(),
    };
    html! {
        <figure class="curve" data-testid="density" data-sae={sae.id.clone()} data-dead={sae.dead.to_string()}>
            <figcaption><b>{ &sae.id }</b><span class="unit">{ format!(" {dead}") }</span></figcaption>
            { plot(frame, html! { <path class="bars-of-latents" d={path} /> }) }
        </figure>
    }
}
