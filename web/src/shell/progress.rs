//! Progress of loading.

use yew::prelude::*;

use crate::context::use_controller;
use crate::format::{bytes, plain, time_left};
use crate::state::Phase;
use crate::state::job::Job;
use crate::state::load::{Broken, LoadAction};
use crate::state::meter::Meter;

/// The current work, as a sentence.
pub(crate) fn title(job: Option<&Job>, meter: &Meter) -> String {
    if let Some(job) = job {
        let place = match job.parts.len() {
            0 | 1 => String::new(),
            of => format!(" ({} of {of})", job.at + 1),
        };
        let doing = match meter.progress.stage.as_str() {
            "hash" => "Taking the SHA-256 of",
            _ => "Loading",
        };
        return format!("{doing} {}{place}", job.name());
    }
    match meter.progress.stage.as_str() {
        "engine" => "Starting the engine",
        "model" => "Loading the model",
        "sae" => "Loading the sparse autoencoders",
        _ => "Starting",
    }
    .to_owned()
}

/// Bytes of a load: of all of its parts, where a person chose it.
pub(crate) struct Amount {
    /// Bytes so far.
    pub(crate) loaded: f64,
    /// Bytes in all, where they are known.
    pub(crate) total: Option<f64>,
}

impl Amount {
    /// Of a load under way.
    pub(crate) fn of(job: Option<&Job>, meter: &Meter) -> Self {
        let Some(job) = job else {
            let progress = &meter.progress;
            return Self {
                loaded: progress.loaded,
                // The engine's start has steps, not bytes.
                total: Some(progress.total).filter(|&total| total > 1.0),
            };
        };
        Self {
            loaded: job.loaded(meter),
            total: job.total(meter),
        }
    }

    /// With a rate in bytes per second, and the time that is left; empty before there is something to tell.
    pub(crate) fn text(&self, rate: Option<f64>) -> String {
        let mut text = match self.total {
            Some(total) => format!("{} of {}", bytes(self.loaded), bytes(total)),
            None if self.loaded > 1.0 => format!("{} so far", bytes(self.loaded)),
            None => return String::new(),
        };
        if let Some(rate) = rate {
            text.push_str(&format!(" · {}/s", bytes(rate)));
            let left = self.total.map_or(0.0, |total| total - self.loaded);
            if left > 0.0 {
                text.push_str(&format!(" · {} left", time_left(left / rate)));
            }
        }
        text
    }
}

/// The file under way and where it comes from.
pub(crate) fn file(meter: &Meter) -> String {
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
    let amount = Amount::of(job.as_ref(), meter);
    html! {
        <div class="progress" data-testid="progress" title={file(meter)}>
            <span>{ &title }</span>
            <progress aria-label={title.clone()} max={amount.total.map(|total| plain(total, 0))} value={amount.total.map(|_| plain(amount.loaded, 0))} />
            <span class="number">{ amount.text(meter.rate()) }</span>
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
    let again_name = match broken {
        broken if broken.is_other_file() => "Use it anyway",
        broken if broken.resumes() => "Resume",
        _ => "Try again",
    };
    html! {
        <div class="error" role="alert" data-testid="error" data-code={problem.code.clone()}>
            <p>{ &problem.message }</p>
            <button type="button" onclick={again}>{ again_name }</button>
            <button type="button" onclick={controller.on_load(|_: MouseEvent| LoadAction::Dismiss)}>{ "Close" }</button>
        </div>
    }
}
