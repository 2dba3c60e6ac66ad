//! How far a training is.

use wire::TrainEstimate;
use yew::prelude::*;

use super::curves::Curves;
use crate::components::term::defined;
use crate::controller::Controller;
use crate::definitions::MEAN_OVER_SPREAD;
use crate::format::{bytes, fixed, grouped, plain, time_left};
use crate::state::train::{Running, Stage};

/// The training under way.
pub fn progress(controller: &Controller, running: &Running) -> Html {
    let button = |act: fn(&Controller)| {
        let controller = controller.clone();
        move |_: MouseEvent| act(&controller)
    };
    let begun = matches!(running.stage, Stage::Train | Stage::Paused);
    let stop_name = match (running.stopping, begun) {
        (true, _) => "Stopping…",
        (false, true) => "Stop and keep",
        (false, false) => "Give up",
    };
    let share = running.share().map(|share| plain(share, 4));
    let batch = running
        .records
        .last()
        .map_or(1, |record| record.tokens / record.step.max(1));
    html! {
        <div class="training" data-testid="training" data-stage={stage_name(running.stage)} data-step={running.records.last().map_or(0, |record| record.step).to_string()}>
            <p role="status" data-testid="train-status">{ words(running) }</p>
            if running.stage == Stage::Confirm {
                if let Some(estimate) = &running.estimate {
                    { takes(estimate) }
                }
            } else {
                <progress aria-label="Training" max="1" value={share} />
            }
            <div class="controls">
                if running.stage == Stage::Confirm {
                    <button type="button" data-testid="train-start" disabled={running.stopping} onclick={button(Controller::go_on_training)}>{ "Train" }</button>
                }
                if running.stage == Stage::Train {
                    <button type="button" data-testid="train-pause" disabled={running.pausing || running.stopping} onclick={button(Controller::pause_training)}>{ if running.pausing { "Pausing…" } else { "Pause" } }</button>
                }
                if running.stage == Stage::Paused {
                    <button type="button" data-testid="train-resume" disabled={running.stopping} onclick={button(Controller::go_on_training)}>{ "Go on" }</button>
                }
                <button type="button" data-testid="train-stop" disabled={running.stopping} onclick={button(Controller::stop_training)}>{ stop_name }</button>
                if let Some(saved) = running.saved {
                    <span class="muted" data-testid="train-saved" data-step={saved.to_string()}>{ format!("Checkpoint of step {} in this browser: it goes on from there if this page is closed.", grouped(saved)) }</span>
                }
            </div>
            if let Some(note) = &running.note {
                <p class="muted">{ note }</p>
            }
            if let Some(why) = &running.unsaved {
                <p class="error" role="alert" data-testid="train-unsaved">{ format!("A checkpoint could not be stored: {why} The training goes on, and its result can be opened and downloaded.") }</p>
            }
            if begun && !running.records.is_empty() {
                <Curves records={running.records.clone()} steps={running.steps} {batch} />
            }
        </div>
    }
}

fn words(running: &Running) -> String {
    match running.stage {
        Stage::Load { total, .. } if total <= 0.0 => "Loading the module that trains".to_owned(),
        Stage::Load { bytes: read, total } => format!(
            "Loading the model into a worker of its own: {} of {}",
            bytes(read),
            bytes(total)
        ),
        Stage::Read {
            bytes: read,
            total,
            tokens,
        } => format!(
            "Reading the text: {} of {}, {} tokens",
            bytes(read),
            bytes(total),
            grouped(tokens)
        ),
        Stage::Look => "Computing activations, and looking at them".to_owned(),
        Stage::Confirm => "This is what it takes.".to_owned(),
        Stage::Train | Stage::Paused => {
            let last = running.records.last();
            let step = last.map_or(0, |record| record.step);
            let mut words = format!(
                "{}tep {} of {}",
                if running.stage == Stage::Paused {
                    "Paused after s"
                } else {
                    "S"
                },
                grouped(step),
                grouped(running.steps)
            );
            if let Some(last) = last {
                words += &format!(", {} tokens", grouped(last.tokens));
            }
            if let Some(left) = running.left() {
                words += &format!(", {} left", time_left(left));
            }
            words
        }
    }
}

/// What a training takes.
fn takes(estimate: &TrainEstimate) -> Html {
    let memory = estimate.memory_bytes + estimate.corpus_bytes + estimate.model_bytes;
    let times = estimate.tokens as f64 / (estimate.corpus_tokens as f64).max(1.0);
    html! {
        <dl class="takes" data-testid="train-estimate">
            <dt>{ "Text" }</dt>
            <dd>{ format!("{} tokens; trained on {} in {} steps (the text {} times)", grouped(estimate.corpus_tokens), grouped(estimate.tokens), grouped(estimate.steps), fixed(times, 2)) }</dd>
            <dt>{ "Time" }</dt>
            <dd>{ format!("about {}, {} tokens per second; activations on the {}, steps on {}", time_left(estimate.seconds), grouped(estimate.tokens_per_second.round() as u64), estimate.device, estimate.processor) }</dd>
            <dt>{ "Memory" }</dt>
            <dd>{ format!("about {}: training {}, tokens {}, model {}. Two checkpoints of {} in this browser’s storage", bytes(memory as f64), bytes(estimate.memory_bytes as f64), bytes(estimate.corpus_bytes as f64), bytes(estimate.model_bytes as f64), bytes(estimate.checkpoint_bytes as f64)) }</dd>
            <dt>{ defined(MEAN_OVER_SPREAD) }</dt>
            <dd>
                { format!("{} of the activations, {} as the encoder reads them", fixed(estimate.mean_over_spread, 2), fixed(estimate.normalised_mean_over_spread, 2)) }
                if let Some(advice) = &estimate.advice {
                    { format!(": {advice}.") }
                } else {
                    { ". Up to 1 the mean is no trouble." }
                }
            </dd>
        </dl>
    }
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Load { .. } => "load",
        Stage::Read { .. } => "read",
        Stage::Look => "look",
        Stage::Confirm => "confirm",
        Stage::Train => "train",
        Stage::Paused => "paused",
    }
}
