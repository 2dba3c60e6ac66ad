//! The prompt in numbers, and what can be taken away of it.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::browser;
use crate::components::term::{defined, described};
use crate::context::use_controller;
use crate::data::Trace;
use crate::definitions::{LOSS, TOKEN};
use crate::embed::Form;
use crate::export;
use crate::format::optional;
use crate::shared::Shared;
use crate::state::Action;

/// Where the numbers on screen come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Liveness {
    /// Recorded when the site was built.
    Recorded,
    /// Computed here, for the prompt as it stands.
    Live,
    /// Computed here, for an earlier prompt or with other SAEs.
    Stale,
}

impl Liveness {
    /// That of a trace.
    pub fn of(recorded: bool, current: bool) -> Self {
        match (recorded, current) {
            (true, _) => Self::Recorded,
            (false, true) => Self::Live,
            (false, false) => Self::Stale,
        }
    }

    /// Its sign, its name, and what it means.
    fn said(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Recorded => (
                "◌",
                "recorded",
                "This trace was recorded when the site was built. It turns live when the model is here",
            ),
            Self::Live => ("●", "live", "Computed by the model in this page"),
            Self::Stale => (
                "◐",
                "before",
                "Of an earlier prompt, or of what was loaded then; the next trace is on its way",
            ),
        }
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The trace.
    pub trace: Shared<Trace>,
    /// Where it comes from.
    pub liveness: Liveness,
    /// The model's longest prompt, in tokens.
    pub n_ctx: usize,
    /// True if losses are marked below the tokens.
    pub loss_shown: bool,
    /// The address of what is on screen, from its `#` on.
    pub link: AttrValue,
    /// True in a figure, which stands in an article already.
    pub in_figure: bool,
}

/// The line below the tokens.
#[component]
pub fn Summary(props: &Props) -> Html {
    let controller = use_controller();
    let Props {
        trace,
        n_ctx,
        loss_shown,
        link,
        liveness,
        in_figure,
    } = props;
    let (sign, name, meaning) = liveness.said();
    let json = {
        let (controller, trace) = (controller.clone(), trace.clone());
        move |_| controller.copy("the trace as JSON", export::json(&trace))
    };
    let show = controller.on(|event: Event| {
        Action::ShowLoss(event.target_unchecked_into::<HtmlInputElement>().checked())
    });
    let copy_figure = {
        let controller = controller.clone();
        move |_| controller.copy_figure(Form::Element)
    };
    let copy_link = {
        let link = link.clone();
        move |_| controller.copy("a link to this view", browser::address(&link))
    };
    html! {
        <div class="line">
            <span class="liveness" data-testid="liveness" data-liveness={name} title={meaning}>{ sign }{ " " }{ name }</span>
            <span title={if trace.bos_prepended { "The BOS is counted" } else { "" }}><b>{ trace.tokens.len() }</b>{ " " }{ described(TOKEN, if trace.tokens.len() == 1 { "token" } else { "tokens" }) }{ format!(" of at most {n_ctx}") }</span>
            <span>{ defined(LOSS) }{ " " }<b>{ optional(trace.loss, 3) }</b>{ format!(" nats, N = {}", trace.token_losses.len()) }</span>
            <label class="check" title="Marks each token by its own loss: the more surprising, the stronger"><input type="checkbox" checked={*loss_shown} onchange={show} />{ "underline by loss" }</label>
            <span class="end">
                <button type="button" class="quiet" title="Copies the whole trace, under the names that the command line uses" onclick={json}>{ "Copy JSON" }</button>
                <button type="button" class="quiet" title="Copies the address of what you see" onclick={copy_link}>{ "Copy link" }</button>
                if !*in_figure {
                    <button type="button" class="quiet" data-testid="copy-embed" title="Copies what puts this view into an article, as an element; as an iframe or Markdown: Find (Ctrl K), “Copy embed”" onclick={copy_figure}>{ "Copy embed" }</button>
                }
            </span>
        </div>
    }
}
