//! Contexts in which a feature fires: the strongest, some from each interval of activations, and random ones.

use ::atlas::info::Quantity;
use yew::prelude::*;

use super::context::Context;
use super::strip::{Hovered, Strip};
use crate::atlas::{along, cut, peak, stated, text_of};
use crate::components::term::described;
use crate::definitions::INTERVAL;
use crate::format::{fixed, grouped};

/// Characters that are shown before the peak of a context that is not opened, and behind it.
const BEFORE: usize = 52;
const AFTER: usize = 24;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The feature.
    pub context: Context,
    /// Receiver of the token under the pointer.
    pub on_hover: Callback<Option<Hovered>>,
}

/// The groups of contexts.
#[component]
pub fn Contexts(props: &Props) -> Html {
    let Some(record) = props.context.record.get() else {
        return Html::default();
    };
    let max = record.moments.max;
    let group = |title: Html, key: String, examples: &[::atlas::record::Example]| {
        let lines = examples.iter().map(|example| {
            html! { <ContextLine context={props.context.clone()} example={example.clone()} {max} on_hover={props.on_hover.clone()} /> }
        });
        html! {
            <div class="context-group" key={key} data-testid="context-group">
                <h3>{ title }</h3>
                <ol class="contexts">{ for lines }</ol>
            </div>
        }
    };
    let info = &props.context.info;
    let none = record.top.is_empty() && record.random.is_empty();
    if record.moments.fired == 0 && info.knows(Quantity::Fired) {
        return html! {
            <section class="card"><h2>{ "Contexts" }</h2><p class="muted">{ format!("It never fires in {}: there is no context to show.", props.context.info.corpus.name) }</p></section>
        };
    }
    if none
        && record
            .intervals
            .iter()
            .all(|interval| interval.examples.is_empty())
    {
        return html! {
            <section class="card"><h2>{ "Contexts" }</h2><p class="muted">{ "This atlas has no context of it." }</p></section>
        };
    }
    let intervals = record.intervals.iter().map(|interval| {
        let title = html! {
            <>{ described(INTERVAL, "Interval") }{ format!(" {} – {} · {} windows", fixed(interval.low.into(), 2), fixed(interval.high.into(), 2), stated(info, Quantity::IntervalWindows, || grouped(interval.windows))) }</>
        };
        group(title, format!("interval-{}", interval.low), &interval.examples)
    });
    html! {
        <section class="card" aria-labelledby="contexts-title">
            <h2 id="contexts-title">{ "Contexts" }</h2>
            <p class="muted">{ format!("Darker orange is a larger activation; full at {}. A token opens its context as the prompt.", fixed(max.into(), 3)) }</p>
            { group(html! { "Strongest" }, "top".to_owned(), &record.top) }
            { for intervals }
            if !record.random.is_empty() {
                { group(html! { { format!("Random, of {} windows in which it fires", stated(info, Quantity::Windows, || grouped(record.moments.windows))) } }, "random".to_owned(), &record.random) }
            }
        </section>
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
struct LineProps {
    context: Context,
    example: ::atlas::record::Example,
    max: f32,
    on_hover: Callback<Option<Hovered>>,
}

/// A context on one line, cut around its peak, or whole.
#[component]
fn ContextLine(props: &LineProps) -> Html {
    let open = use_state(|| false);
    let LineProps {
        context, example, ..
    } = props;
    let vocabulary = context.vocabulary.as_deref();
    let texts: Vec<String> = example
        .tokens
        .iter()
        .map(|&token| text_of(vocabulary, token))
        .collect();
    let cut = cut(&texts, example.peak.into(), BEFORE, AFTER);
    let more = !*open && cut.len() < texts.len();
    let range = if *open { 0..texts.len() } else { cut };
    let (source, document) = if context.info.knows(Quantity::ExampleDocument) {
        context.document(example.document)
    } else {
        (None, String::new())
    };
    let start = stated(&context.info, Quantity::ExampleStart, || {
        example.start.to_string()
    });
    let toggle = {
        let open = open.clone();
        move |_: MouseEvent| open.set(!*open)
    };
    let on_choose = {
        let (context, example) = (context.clone(), example.clone());
        Callback::from(move |token: usize| {
            if let Some(hash) = context.in_prompt(&example, Some(token)) {
                crate::browser::follow(&hash);
            }
        })
    };
    html! {
        <li class={classes!("context", open.then_some("whole"))} data-testid="context">
            <span class="from" title={format!("{}{document}, from its token {}", source.map(|source| format!("{source} · ")).unwrap_or_default(), start)}>
                if let Some(source) = source { <b>{ source }</b>{ " " } }{ document.clone() }
            </span>
            <Strip {texts} along={along(example)} max={props.max} first={range.start} last={range.end} focus={usize::from(example.peak)} cut_before={range.start > 0} cut_after={more && range.end < example.tokens.len()}
                label={format!("Context with peak {}", fixed(peak(example).into(), 3))} on_hover={props.on_hover.clone()} on_choose={on_choose} />
            <span class="number">{ fixed(peak(example).into(), 2) }</span>
            <span class="context-ways">
                <button type="button" class="quiet" data-testid="context-whole" aria-expanded={open.to_string()} disabled={!more && !*open} onclick={toggle} aria-label={if *open { "Cut the context around its peak" } else { "Show the whole stored context" }}>{ if *open { "−" } else { "+" } }</button>
                if let Some(hash) = context.in_prompt(example, None) {
                    <a data-testid="context-open" href={hash} aria-label="Open this context as the prompt" title="Open this context as the prompt">{ "→" }</a>
                }
            </span>
        </li>
    }
}
