//! Where a feature fires: tokens, sources, documents.

use ::atlas::info::Quantity;
use yew::prelude::*;

use super::context::Context;
use crate::atlas::text_of;
use crate::components::bars::{Bar, bars};
use crate::components::term::{defined, described};
use crate::components::token_text::token_text;
use crate::definitions::{DENSITY, TOKEN_SHARE};
use crate::display::quoted;
use crate::format::{count, grouped, share, share_of};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The feature.
    pub context: Context,
}

/// The part.
#[component]
pub fn Usage(props: &Props) -> Html {
    html! {
        <>
            { tokens(&props.context).unwrap_or_default() }
            { sources(&props.context).unwrap_or_default() }
            { documents(&props.context).unwrap_or_default() }
        </>
    }
}

/// A part that an imported atlas leaves open.
fn absent(title: &'static str, name: &'static str) -> Html {
    html! {
        <section class="card" data-testid={name}><h2>{ title }</h2><p class="muted">{ "The files that this atlas was made from do not state it." }</p></section>
    }
}

fn tokens(context: &Context) -> Option<Html> {
    let record = context.record.get()?;
    let vocabulary = context.vocabulary.as_deref();
    let line = |one: &::atlas::record::TokenCount| {
        let part = one.fired as f64 / one.occurs.max(1) as f64;
        let text = text_of(vocabulary, one.token);
        html! {
            <tr>
                <td class="words">{ token_text(&text) }</td>
                <td class="number">{ grouped(one.fired) }</td>
                <td class="number" title={format!("{}: fires on {} of {}", quoted(&text), grouped(one.fired), grouped(one.occurs))}>{ share_of(part) }</td>
            </tr>
        }
    };
    if !context.info.knows(Quantity::Tokens) {
        return Some(absent("Tokens it fires on", "atlas-tokens"));
    }
    Some(html! {
        <section class="card" data-testid="atlas-tokens">
            <div class="card-head"><h2>{ "Tokens it fires on" }</h2><span class="muted">{ count(record.distinct_tokens as usize, "different token") }</span></div>
            if record.tokens.is_empty() {
                <p class="muted">{ "It fires on none." }</p>
            } else {
                <table class="metrics">
                    <thead><tr><th scope="col">{ "token" }</th><th scope="col" class="number">{ "times" }</th><th scope="col" class="number">{ defined(TOKEN_SHARE) }</th></tr></thead>
                    <tbody>{ for record.tokens.iter().map(line) }</tbody>
                </table>
            }
        </section>
    })
}

fn sources(context: &Context) -> Option<Html> {
    let (record, set) = (context.record.get()?, context.set()?);
    if !context.info.knows(Quantity::Sources) {
        return Some(absent("Density in each source", "atlas-sources"));
    }
    let densities: Vec<(usize, &String, u64, f64)> = context
        .info
        .corpus
        .sources
        .iter()
        .enumerate()
        .map(|(at, source)| {
            let fired = record.sources.get(at).copied().unwrap_or(0);
            let tokens = set.source_tokens.get(at).copied().unwrap_or(0);
            (at, source, fired, fired as f64 / tokens.max(1) as f64)
        })
        .collect();
    let largest = densities.iter().map(|one| one.3).fold(0.0, f64::max);
    let lines = densities.iter().map(|&(at, source, fired, density)| Bar {
        text: html! { <span>{ source.clone() }</span> },
        value: share_of(density),
        share: share(density as f32, largest as f32),
        title: format!(
            "Fires on {} of {} tokens of {source}",
            grouped(fired),
            grouped(set.source_tokens.get(at).copied().unwrap_or(0))
        ),
        marked: false,
    });
    Some(html! {
        <section class="card" data-testid="atlas-sources">
            <h2>{ described(DENSITY, "Density") }{ " in each source" }</h2>
            { bars("Density in each source", "activation", lines) }
        </section>
    })
}

fn documents(context: &Context) -> Option<Html> {
    let record = context.record.get()?;
    if !context.info.knows(Quantity::ExampleDocument) {
        return Some(absent("Documents", "atlas-documents"));
    }
    let line = |one: &::atlas::record::DocumentCount| {
        let (source, name) = context.document(one.document);
        html! { <li><span>{ source.unwrap_or_default().to_owned() }</span><span class="label">{ name }</span><span class="muted" /><span class="number">{ grouped(one.fired) }</span></li> }
    };
    Some(html! {
        <section class="card" data-testid="atlas-documents">
            <div class="card-head"><h2>{ "Documents" }</h2><span class="muted">{ "tokens on which it fires" }</span></div>
            if record.documents.is_empty() {
                <p class="muted">{ "It fires in none." }</p>
            } else {
                <ul class="neighbours">{ for record.documents.iter().map(line) }</ul>
            }
        </section>
    })
}
