//! Curves of several trainings over the same tokens.

use wire::{TrainRecord, TrainingInfo};
use yew::prelude::*;

use super::Props;
use crate::components::check::check;
use crate::components::plot::{Frame, plot};
use crate::components::term::defined;
use crate::controller::Controller;
use crate::format::{NONE, exact, grouped};
use crate::routes::lab::curves::{CURVES, Curve};
use crate::shared::Shared;
use crate::state::train_choice::Rule;
use crate::views::curve::{line, top};

/// The curves: those that say how good an autoencoder is.
fn curves() -> &'static [Curve] {
    &CURVES[..4]
}

/// A training with what was measured of it.
type Run = (TrainingInfo, Shared<Vec<TrainRecord>>);

/// The trainings that this browser keeps, and the curves of those that are chosen.
pub fn runs(controller: &Controller, props: &Props) -> Html {
    if props.trainings.is_empty() {
        return Html::default();
    }
    let compare = &props.compare;
    let choose = |info: &TrainingInfo| {
        let (controller, id) = (controller.clone(), info.id.clone());
        let checked = compare.curves.contains(&info.id);
        let onchange = Callback::from(move |shown| controller.show_curves(id.clone(), shown));
        check(("run", &info.id), checked, name(info), onchange)
    };
    let shown: Vec<Run> = compare
        .curves
        .iter()
        .filter_map(|id| {
            let info = props.trainings.iter().find(|info| info.id == *id)?;
            Some((info.clone(), compare.log(id)?.clone()))
        })
        .collect();
    let ends = shown.iter().filter_map(|(_, records)| records.last());
    let right = ends.map(|record| record.tokens).max().unwrap_or(1).max(1) as f64;
    let copy = {
        let (controller, shown) = (controller.clone(), shown.clone());
        move |_: MouseEvent| controller.copy("the numbers, columns separated by tabs", tsv(&shown))
    };
    html! {
        <section class="card" aria-label="Learning curves" data-testid="runs">
            <div class="card-head"><h2>{ "Learning curves" }</h2></div>
            <fieldset class="run-choice"><legend>{ "Trainings in this browser" }</legend>{ for props.trainings.iter().map(choose) }</fieldset>
            if !shown.is_empty() {
                <p class="line"><span class="muted">{ "Over the tokens of the training; each point is of the tokens since the one before." }</span>
                    <span class="end"><button type="button" class="quiet" data-testid="runs-copy" onclick={copy}>{ "Copy as TSV" }</button></span></p>
                <div class="multiples">{ for curves().iter().map(|curve| chart(curve, &shown, right)) }</div>
                { legend(&shown) }
            }
        </section>
    }
}

/// A training in words.
pub fn name(info: &TrainingInfo) -> String {
    format!(
        "{}: {}, {} n = {}, k = {}, step {} of {}",
        info.name,
        info.hook,
        Rule::of_key(&info.activation).name(),
        grouped(info.latents as u64),
        info.k,
        grouped(info.step),
        grouped(info.steps)
    )
}

fn chart(curve: &Curve, runs: &[Run], right: f64) -> Html {
    let points: Vec<Vec<(f64, Option<f64>)>> = runs
        .iter()
        .map(|(_, records)| {
            let points = records.iter().enumerate();
            let point = |(at, record): (usize, &TrainRecord)| {
                (record.tokens as f64, (curve.value)(&records[..=at]))
            };
            points.map(point).collect()
        })
        .collect();
    let top = top(points.iter().flatten().filter_map(|(_, y)| *y));
    let label = format!(
        "{} of {} trainings over tokens, from 0 to {}; the last numbers are in the table below",
        curve.term.name,
        runs.len(),
        (curve.shown)(top)
    );
    let frame = Frame {
        label,
        top: (curve.tick)(top),
        ends: ["0".to_owned(), format!("{} tokens", grouped(right as u64))],
        height: "96",
        pointer: Default::default(),
    };
    let lines = points.iter().enumerate().map(|(number, points)| {
        html! { <path class="curve-line run" data-run={run(number)} d={line(points, right, top)} /> }
    });
    html! {
        <figure class="curve" data-testid="run-curve" data-curve={curve.key}>
            <figcaption>{ defined(curve.term) }</figcaption>
            { plot(frame, lines.collect()) }
        </figure>
    }
}

/// The number of a run's look; there are eight.
fn run(number: usize) -> String {
    (number % 8).to_string()
}

/// The look of each training's line, with its last numbers.
fn legend(runs: &[Run]) -> Html {
    let last = |records: &[TrainRecord], curve: &Curve| {
        let value = (curve.value)(records);
        value.map_or_else(|| NONE.to_owned(), curve.shown)
    };
    html! {
        <div class="wide-table" tabindex="0" role="region" aria-label="Last points">
            <table data-testid="run-legend">
                <thead><tr><th scope="col">{ "training" }</th><th scope="col" class="number">{ "tokens" }</th>{ for curves().iter().map(|curve| html! { <th scope="col" class="number">{ defined(curve.term) }</th> }) }</tr></thead>
                <tbody>{ for runs.iter().enumerate().map(|(number, (info, records))| html! {
                    <tr data-id={info.id.clone()}>
                        <th scope="row"><svg class="plot-key" viewBox="0 0 24 8" width="24" height="8" aria-hidden="true"><path class="curve-line run" data-run={run(number)} d="M1 4H23" /></svg>{ format!(" {}", name(info)) }</th>
                        <td class="number">{ records.last().map_or_else(|| NONE.to_owned(), |record| grouped(record.tokens)) }</td>
                        { for curves().iter().map(|curve| html! { <td class="number">{ last(records, curve) }</td> }) }
                    </tr>
                }) }</tbody>
            </table>
        </div>
    }
}

/// All points, one a line.
fn tsv(runs: &[Run]) -> String {
    let mut out = "training\tstep\ttokens".to_owned();
    for curve in curves() {
        out += &format!("\t{}", curve.key);
    }
    out.push('\n');
    for (info, records) in runs {
        for (at, record) in records.iter().enumerate() {
            out += &format!("{}\t{}\t{}", name(info), record.step, record.tokens);
            for curve in curves() {
                out += &format!(
                    "\t{}",
                    (curve.value)(&records[..=at]).map_or_else(String::new, exact)
                );
            }
            out.push('\n');
        }
    }
    out
}
