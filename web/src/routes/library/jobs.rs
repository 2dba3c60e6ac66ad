//! Downloads under way, with one total, the rate, the time left and the file.

use yew::prelude::*;

use super::parts::ActionButton;
use crate::context::use_controller;
use crate::format::plain;
use crate::shell::progress::{Amount, file, title};
use crate::state::job::Job;
use crate::state::meter::Meter;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The load that the person chose.
    pub job: Option<Job>,
    /// Progress of a load.
    pub meter: Meter,
    /// True while something is being loaded.
    pub busy: bool,
}

/// The section. It has its place when nothing is under way, so that what is below it does not move.
#[component]
pub fn Jobs(props: &Props) -> Html {
    let controller = use_controller();
    let Props { job, meter, busy } = props;
    let inside = if *busy {
        let amount = Amount::of(job.as_ref(), meter);
        let title = title(job.as_ref(), meter);
        html! {
            <>
                <div class="line"><b>{ &title }</b><span>{ amount.text(meter.rate()) }</span></div>
                <progress aria-label={title.clone()} max={amount.total.map(|total| plain(total, 0))} value={amount.total.map(|_| plain(amount.loaded, 0))} />
                <div class="line">
                    <span>{ file(meter) }</span>
                    <span class="end"><ActionButton testid="cancel-job" class={classes!("quiet")} onclick={move |()| controller.stop_loading()}>{ "Cancel" }</ActionButton></span>
                </div>
            </>
        }
    } else {
        html! { <p class="muted">{ "Nothing is being loaded." }</p> }
    };
    html! {
        <section class="card jobs" aria-labelledby="jobs-title" data-testid="jobs">
            <h2 id="jobs-title">{ "Under way" }</h2>
            { inside }
        </section>
    }
}
