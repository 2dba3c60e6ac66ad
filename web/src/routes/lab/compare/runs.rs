//! Curves of several trainings over the same tokens.

use wire::{TrainRecord, TrainingInfo};
use yew::prelude::*;

use super::Props;
use crate::components::term::defined;
use crate::controller::Controller;
use crate::definitions::{AUX_LOSS, DEAD, L0, TRAINING_FVU, Term};
use crate::format::{NONE, exact, fixed, grouped, percent};
use crate::shared::Shared;
use crate::state::train_choice::Rule;
use crate::views::curve::{SIZE, line, top};

/// A number of trainings.
struct Curve {
    term: Term,
    key: &'static str,
    value: fn(&TrainRecord) -> Option<f64>,
    shown: fn(f64) -> String,
    tick: fn(f64) -> String,
}

const CURVES: [Curve; 4] = [
    Curve {
        term: TRAINING_FVU,
        key: "fvu",
        value: |record| Some(record.fvu),
        shown: |value| fixed(value, 4),
        tick: exact,
    },
    Curve {
        term: L0,
        key: "l0",
        value: |record| Some(record.l0),
        shown: |value| fixed(value, 1),
        tick: exact,
    },
    Curve {
        term: DEAD,
        key: "dead",
        value: |record| Some(record.dead),
        shown: percent,
        tick: percent,
    },
    Curve {
        term: AUX_LOSS,
        key: "aux",
        value: |record| record.aux_loss,
        shown: |value| fixed(value, 4),
        tick: exact,
    },
];

/// A training with what was measured of it.
type Run<'a> = (&'a TrainingInfo, Shared<Vec<TrainRecord>>);

/// The trainings that this browser keeps, and the curves of those that are chosen.
pub fn runs(controller: &Controller, props: &Props) -> Html {
    if props.trainings.is_empty() {
        return Html::default();
    }
    let compare = &props.compare;
    let choose = |info: &TrainingInfo| {
        let (controller, id) = (controller.clone(), info.id.clone());
        let onchange = move |event: Event| {
            let input: web_sys::HtmlInputElement = event.target_unchecked_into();
            controller.show_curves(id.clone(), input.checked());
        };
        let checked = compare.curves.contains(&info.id);
        html! { <label class="check"><input type="checkbox" {checked} {onchange} data-testid="run" data-id={info.id.clone()} />{ " " }{ name(info) }</label> }
    };
    let shown: Vec<Run<'_>> = compare
        .curves
        .iter()
        .filter_map(|id| {
            let info = props.trainings.iter().find(|info| info.id == *id)?;
            Some((info, compare.logs.get(id)?.clone()))
        })
        .collect();
    let ends = shown.iter().filter_map(|(_, records)| records.last());
    let right = ends.map(|record| record.tokens).max().unwrap_or(1).max(1) as f64;
    let copy = {
        let (controller, text) = (controller.clone(), tsv(&shown));
        move |_: MouseEvent| controller.copy("the numbers, columns separated by tabs", text.clone())
    };
    html! {
        <section class="card" aria-label="Learning curves" data-testid="runs">
            <div class="card-head"><h2>{ "Learning curves" }</h2></div>
            <fieldset class="run-choice"><legend>{ "Trainings in this browser" }</legend>{ for props.trainings.iter().map(choose) }</fieldset>
            if !shown.is_empty() {
                <p class="line"><span class="muted">{ "Over the tokens of the training; each point is of the tokens since the one before." }</span>
                    <span class="end"><button type="button" class="quiet" data-testid="runs-copy" onclick={copy}>{ "Copy as TSV" }</button></span></p>
                <div class="multiples">{ for CURVES.iter().map(|curve| chart(curve, &shown, right)) }</div>
                { legend(&shown) }
            }
        </section>
    }
}

fn name(info: &TrainingInfo) -> String {
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

fn chart(curve: &Curve, runs: &[Run<'_>], right: f64) -> Html {
    let points: Vec<Vec<(f64, Option<f64>)>> = runs
        .iter()
        .map(|(_, records)| {
            let points = records.iter();
            points
                .map(|record| (record.tokens as f64, (curve.value)(record)))
                .collect()
        })
        .collect();
    let top = top(points.iter().flatten().filter_map(|(_, y)| *y));
    let (width, height) = SIZE;
    let label = format!(
        "{} of {} trainings over tokens, from 0 to {}; the last numbers are in the table below",
        curve.term.name,
        runs.len(),
        (curve.shown)(top)
    );
    html! {
        <figure class="curve" data-testid="run-curve" data-curve={curve.key}>
            <figcaption>{ defined(curve.term) }</figcaption>
            <div class="plot">
                <span class="scale">{ (curve.tick)(top) }</span><span class="scale low">{ "0" }</span>
                <svg viewBox={format!("0 0 {} {}", width as u32, height as u32)} preserveAspectRatio="none" width="100%" height="96" role="img" aria-label={label}>
                    <path class="grid-line" d={format!("M0 {h}H{width}M0 0H{width}M0 {m}H{width}", h = height, m = height / 2.0)} />
                    { for points.iter().enumerate().map(|(number, points)| html! { <path class="curve-line run" data-run={run(number)} d={line(points, right, top)} /> }) }
                </svg>
                <span class="ends"><span>{ "0" }</span><span>{ format!("{} tokens", grouped(right as u64)) }</span></span>
            </div>
        </figure>
    }
}

/// The number of a run's look; there are eight.
fn run(number: usize) -> String {
    (number % 8).to_string()
}

/// The look of each training's line, with its last numbers.
fn legend(runs: &[Run<'_>]) -> Html {
    let last = |records: &[TrainRecord], curve: &Curve| {
        let value = records.last().and_then(curve.value);
        value.map_or_else(|| NONE.to_owned(), curve.shown)
    };
    html! {
        <div class="wide-table" tabindex="0" role="region" aria-label="Last points">
            <table data-testid="run-legend">
                <thead><tr><th scope="col">{ "training" }</th><th scope="col" class="number">{ "tokens" }</th>{ for CURVES.iter().map(|curve| html! { <th scope="col" class="number">{ defined(curve.term) }</th> }) }</tr></thead>
                <tbody>{ for runs.iter().enumerate().map(|(number, (info, records))| html! {
                    <tr data-id={info.id.clone()}>
                        <th scope="row"><svg class="plot-key" viewBox="0 0 24 8" width="24" height="8" aria-hidden="true"><path class="curve-line run" data-run={run(number)} d="M1 4H23" /></svg>{ format!(" {}", name(info)) }</th>
                        <td class="number">{ records.last().map_or_else(|| NONE.to_owned(), |record| grouped(record.tokens)) }</td>
                        { for CURVES.iter().map(|curve| html! { <td class="number">{ last(records, curve) }</td> }) }
                    </tr>
                }) }</tbody>
            </table>
        </div>
    }
}

/// All points, one a line.
fn tsv(runs: &[Run<'_>]) -> String {
    let mut out = "training\tstep\ttokens".to_owned();
    for curve in &CURVES {
        out += &format!("\t{}", curve.key);
    }
    out.push('\n');
    for (info, records) in runs {
        for record in records.iter() {
            out += &format!("{}\t{}\t{}", name(info), record.step, record.tokens);
            for curve in &CURVES {
                out += &format!(
                    "\t{}",
                    (curve.value)(record).map_or_else(String::new, exact)
                );
            }
            out.push('\n');
        }
    }
    out
}
