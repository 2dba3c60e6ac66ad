//! Progress of loading.

use yew::prelude::*;

use crate::context::use_controller;
use crate::format::{bytes, plain, time_left};
use crate::state::Phase;
use crate::state::job::Job;
use crate::state::load::{Broken, LoadAction};
use crate::state::meter::Meter;

/// The current work, as a sentence.
fn title(job: Option<&Job>, meter: &Meter) -> String {
    if let Some(job) = job {
        let place = match job.parts.len() {
            0 | 1 => String::new(),
            of => format!(" ({} of {of})", job.at + 1),
        };
        return format!("Loading {}{place}", job.name());
    }
    match meter.progress.stage.as_str() {
        "engine" => "Starting the engine",
        "model" => "Loading the model",
        "sae" => "Loading the sparse autoencoders",
        _ => "Starting",
    }
    .to_owned()
}

/// Bytes of all parts, rate and the time that is left.
fn figures(loaded: f64, total: Option<f64>, rate: Option<f64>) -> String {
    let mut text = match total {
        Some(total) => format!("{} of {}", bytes(loaded), bytes(total)),
        None => format!("{} so far", bytes(loaded)),
    };
    if let Some(rate) = rate {
        text.push_str(&format!(" · {}/s", bytes(rate)));
        let left = total.map_or(0.0, |total| total - loaded);
        if left > 0.0 {
            text.push_str(&format!(" · {} left", time_left(left / rate)));
        }
    }
    text
}

/// The file under way and where it comes from.
fn file(meter: &Meter) -> String {
    let progress = &meter.progress;
    let from = match progress.source.as_str() {
        "network" => " from the network",
        "cache" => " from this browser's store",
        "file" => " from your disk",
        _ => "",
    };
    format!("{}{from}", progress.name)
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The load that the person chose.
    pub job: Option<Job>,
    /// Progress of a load.
    pub meter: Meter,
    /// State of the engine.
    pub phase: Phase,
    /// True while the first trace is under way.
    pub first: bool,
}

/// A bar for what is being loaded, with its name, bytes, rate and time; or for the first trace. Nothing where nothing is
/// under way.
#[component]
pub fn Progress(props: &Props) -> Html {
    let Props {
        job,
        meter,
        phase,
        first,
    } = props;
    let controller = use_controller();
    let loading = job.is_some() || *phase == Phase::Loading;
    if !loading && *first {
        return html! { <div class="progress" data-testid="progress"><span>{ "Tracing the first prompt" }</span><progress aria-label="Tracing the first prompt" /></div> };
    }
    if !loading {
        return Html::default();
    }
    let title = title(job.as_ref(), meter);
    let (loaded, total) = match job {
        Some(job) => (job.loaded(meter), job.total(meter)),
        // The engine's start has steps, not bytes.
        None => (
            meter.progress.loaded,
            Some(meter.progress.total).filter(|&total| total > 1.0),
        ),
    };
    let known = total.is_some() || loaded > 1.0;
    html! {
        <div class="progress" data-testid="progress" title={file(meter)}>
            <span>{ &title }</span>
            <progress aria-label={title.clone()} max={total.map(|total| plain(total, 0))} value={total.map(|_| plain(loaded, 0))} />
            if known {
                <span class="number">{ figures(loaded, total, meter.rate()) }</span>
            }
            <button type="button" class="quiet" data-testid="cancel" onclick={move |_| controller.stop_loading()}>{ "Cancel" }</button>
        </div>
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct BrokenProps {
    /// The failed part of a load.
    pub broken: Option<Broken>,
    /// Format of the weights on the device.
    pub weights: AttrValue,
}

/// The failed part of a load, with a way to go on. What was loaded before is still there.
#[component]
pub fn BrokenBanner(props: &BrokenProps) -> Html {
    let controller = use_controller();
    let Some(broken) = &props.broken else {
        return Html::default();
    };
    let Broken {
        problem,
        left,
        then,
    } = broken;
    let again = {
        let (controller, left, then) = (controller.clone(), left.clone(), then.clone());
        let weights = props.weights.clone();
        move |_| controller.run(left.clone(), &weights, then.clone())
    };
    html! {
        <div class="error" role="alert" data-testid="error" data-code={problem.code.clone()}>
            <p>{ &problem.message }</p>
            <button type="button" onclick={again}>{ if broken.resumes() { "Resume" } else { "Try again" } }</button>
            <button type="button" onclick={controller.on_load(|_: MouseEvent| LoadAction::Dismiss)}>{ "Close" }</button>
        </div>
    }
}
