//! Curves of a training: small charts over the same tokens.

use wire::TrainRecord;
use yew::prelude::*;

use crate::components::plot::{Frame, plot};
use crate::components::term::defined;
use crate::context::use_controller;
use crate::definitions::{AUX_LOSS, DEAD, L0, LEARNING_RATE, TRAINING_FVU, TRAINING_RATE, Term};
use crate::format::{NONE, exact, fixed, grouped, percent, plain, small};
use crate::state::train::rate;
use crate::views::curve::{SIZE, line, nearest, top};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What was measured.
    pub records: Vec<TrainRecord>,
    /// Steps in all.
    pub steps: u64,
    /// Tokens per step.
    pub batch: u64,
}

/// A number of a record.
pub struct Curve {
    /// Its name and definition.
    pub term: Term,
    /// Its name for tests and in tables.
    pub key: &'static str,
    unit: &'static str,
    /// Its value at the last of some records.
    pub value: fn(&[TrainRecord]) -> Option<f64>,
    /// As text.
    pub shown: fn(f64) -> String,
    /// As it stands at the axis.
    pub tick: fn(f64) -> String,
}

/// All of them; the first four say how good an autoencoder is, and not how it is trained.
pub static CURVES: [Curve; 6] = [
    Curve {
        term: TRAINING_FVU,
        key: "fvu",
        unit: "",
        value: |records| records.last().map(|record| record.fvu),
        shown: |value| fixed(value, 4),
        tick: exact,
    },
    Curve {
        term: AUX_LOSS,
        key: "aux",
        unit: "",
        value: |records| records.last()?.aux_loss,
        shown: |value| fixed(value, 4),
        tick: exact,
    },
    Curve {
        term: L0,
        key: "l0",
        unit: "latents per token",
        value: |records| records.last().map(|record| record.l0),
        shown: |value| fixed(value, 1),
        tick: exact,
    },
    Curve {
        term: DEAD,
        key: "dead",
        unit: "",
        value: |records| records.last().map(|record| record.dead),
        shown: percent,
        tick: percent,
    },
    Curve {
        term: TRAINING_RATE,
        key: "rate",
        unit: "tokens/s",
        value: rate,
        shown: |value| grouped(value.max(0.0).round() as u64),
        tick: |value| grouped(value as u64),
    },
    Curve {
        term: LEARNING_RATE,
        key: "lr",
        unit: "",
        value: |records| records.last().map(|record| record.lr),
        shown: small,
        tick: exact,
    },
];

/// The charts. Where the pointer is, each says its value there.
#[component]
pub fn Curves(props: &Props) -> Html {
    let controller = use_controller();
    let pointed = use_state(|| None::<usize>);
    let Some(last) = props.records.len().checked_sub(1) else {
        return Html::default();
    };
    let at = pointed.filter(|at| *at <= last).unwrap_or(last);
    let right = (props.steps * props.batch).max(1) as f64;
    let moved = {
        let (pointed, records) = (pointed.clone(), props.records.clone());
        Callback::from(move |event: PointerEvent| {
            let Some(chart) = event.current_target() else {
                return;
            };
            let chart: web_sys::Element = wasm_bindgen::JsCast::unchecked_into(chart);
            let bounds = chart.get_bounding_client_rect();
            let share = (f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0);
            let tokens = records.iter().map(|record| record.tokens as f64);
            pointed.set(nearest(tokens, share, right));
        })
    };
    let left = {
        let pointed = pointed.clone();
        Callback::from(move |_: PointerEvent| pointed.set(None))
    };
    let copy = {
        let (controller, records) = (controller.clone(), props.records.clone());
        move |_: MouseEvent| {
            controller.copy("the numbers, a line of JSON per point", lines(&records))
        }
    };
    let record = &props.records[at];
    html! {
        <div class="training-curves" data-testid="curves" data-points={props.records.len().to_string()}>
            <p class="line">
                <span>{ format!("{} step {}, {} tokens", if at == last { "Last point:" } else { "At" }, grouped(record.step), grouped(record.tokens)) }</span>
                <span class="end"><button type="button" class="quiet" data-testid="curves-copy" onclick={copy}>{ "Copy numbers" }</button></span>
            </p>
            <div class="multiples">
                { for CURVES.iter().map(|curve| chart(curve, props, (at, right), &moved, &left)) }
            </div>
        </div>
    }
}

fn chart(
    curve: &Curve,
    props: &Props,
    (at, right): (usize, f64),
    moved: &Callback<PointerEvent>,
    left: &Callback<PointerEvent>,
) -> Html {
    let points: Vec<(f64, Option<f64>)> = props
        .records
        .iter()
        .enumerate()
        .map(|(at, record)| (record.tokens as f64, (curve.value)(&props.records[..=at])))
        .collect();
    let top = top(points.iter().filter_map(|(_, y)| *y));
    let (x, y) = points[at];
    let shown = y.map_or_else(|| NONE.to_owned(), curve.shown);
    let (width, height) = SIZE;
    let across = plain(width * (x / right).clamp(0.0, 1.0), 2);
    let label = format!(
        "{} over tokens, from 0 to {}: {shown} at {} tokens",
        curve.term.name,
        (curve.shown)(top),
        grouped(x as u64)
    );
    let frame = Frame {
        label,
        top: (curve.tick)(top),
        ends: ["0".to_owned(), format!("{} tokens", grouped(right as u64))],
        height: "72",
        pointer: [moved.clone(), left.clone()],
    };
    let lines = html! {
        <>
            <path class="at" d={format!("M{across} 0V{height}")} />
            <path class="curve-line" d={line(&points, right, top)} />
        </>
    };
    html! {
        <figure class="curve" data-testid="curve" data-curve={curve.key} data-value={y.map(|y| y.to_string())}>
            <figcaption>{ defined(curve.term) }<b>{ format!(" {shown}") }</b><span class="unit">{ format!(" {}", curve.unit) }</span></figcaption>
            { plot(frame, lines) }
        </figure>
    }
}

/// The records as JSON lines.
fn lines(records: &[TrainRecord]) -> String {
    let lines = records
        .iter()
        .filter_map(|record| serde_json::to_string(record).ok());
    lines.map(|line| line + "\n").collect()
}
