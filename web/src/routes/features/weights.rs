//! What a feature's weights say: logit effects, similar features, neurons and heads; and what fires with it.

use yew::prelude::*;

use super::context::Context;
use super::histogram::Chart;
use crate::atlas::text_of;
use crate::components::bars::{Bar, bars};
use crate::components::term::{defined, described};
use crate::components::token_text::token_text;
use crate::definitions::{DIRECT_PATH, HEAD_SHARE, LOGIT_EFFECT, NEAREST, PMI};
use crate::display::quoted;
use crate::format::{fixed, grouped, share, signed};
use crate::shared::Shared;
use crate::state::atlas::AtlasFeature;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The feature.
    pub context: Context,
    /// One row per feature of its set, for their labels.
    pub table: Option<Shared<Vec<::atlas::record::FeatureRow>>>,
}

/// The part.
#[component]
pub fn Weights(props: &Props) -> Html {
    let context = &props.context;
    let Some(record) = context.record.get() else {
        return Html::default();
    };
    let label = |latent: u32| {
        let row = props
            .table
            .as_ref()
            .and_then(|rows| rows.get(latent as usize));
        row.map(|row| row.label.clone()).unwrap_or_default()
    };
    let similar = record.similar.iter().map(|near| {
        line(
            context.other(near.latent),
            near.latent.to_string(),
            label(near.latent),
            fixed(near.cosine.into(), 3),
            String::new(),
        )
    });
    let coactive = record.coactive.iter().map(|partner| {
        let times = format!("{} tokens", grouped(partner.count));
        line(
            context.other(partner.latent),
            partner.latent.to_string(),
            label(partner.latent),
            signed(partner.pmi.into(), 2),
            times,
        )
    });
    let elsewhere = record.elsewhere.iter().map(|other| {
        let feature = AtlasFeature {
            set: other.set.clone(),
            latent: other.latent,
        };
        line(
            context.at(feature),
            format!("{}/{}", other.set, other.latent),
            String::new(),
            fixed(other.cosine.into(), 3),
            String::new(),
        )
    });
    let neurons = record.neurons.iter().map(|near| {
        let name = format!("layer {} · neuron {}", near.layer, near.neuron);
        let hook = format!("blocks.{}.mlp.hook_post", near.layer);
        let set = context
            .info
            .sets
            .iter()
            .find(|set| set.kind == ::atlas::SetKind::Neurons && set.hook == hook);
        let cosine = fixed(near.cosine.into(), 3);
        match set {
            Some(set) => line(
                context.at(AtlasFeature {
                    set: set.id.clone(),
                    latent: near.neuron,
                }),
                name,
                String::new(),
                cosine,
                String::new(),
            ),
            None => plain_line(name, cosine),
        }
    });
    let heads = record.heads.iter().map(|head| {
        plain_line(
            format!("layer {} · head {}", head.layer, head.head),
            fixed(head.share.into(), 2),
        )
    });
    html! {
        <>
            { logits(context, record) }
            { list("Similar features", html! { <>{ defined(NEAREST) }</> }, "similar", similar, "No other feature's decoder direction is stored for it.") }
            { list("Features that fire with it", html! { <>{ defined(PMI) }{ ", nats" }</> }, "coactive", coactive, "No feature fires on the same tokens more often than chance has it, or co-activation was not counted.") }
            { list("In other layers", html! { <>{ described(NEAREST, "decoder cosine") }</> }, "elsewhere", elsewhere, "The atlas has no other set with directions to compare with.") }
            { list("Neurons", html! { { "cosine of output directions" } }, "neurons", neurons, "No MLP neuron's direction was compared with this one.") }
            { list("Attention heads", html! { <>{ defined(HEAD_SHARE) }</> }, "heads", heads, "No attention head was compared with this direction.") }
        </>
    }
}

fn logits(context: &Context, record: &::atlas::FeatureRecord) -> Html {
    let head = html! { <h2>{ defined(LOGIT_EFFECT) }</h2> };
    let Some(effect) = &record.logits else {
        return html! { <section class="card" data-testid="atlas-logits">{ head }<p class="muted">{ "Not computed: its output directions do not lead to the residual stream, or the atlas was made without the model's weights." }</p></section> };
    };
    let vocabulary = context.vocabulary.as_deref();
    let values = effect.up.iter().chain(&effect.down);
    let largest = values.map(|one| one.value.abs()).fold(0.0, f32::max);
    let side = |name: &'static str, kind: &'static str, tokens: &[::atlas::record::TokenValue]| {
        let line = |one: &::atlas::record::TokenValue| {
            let text = text_of(vocabulary, one.token);
            Bar {
                title: format!("{} · {}", quoted(&text), signed(f64::from(one.value), 4)),
                text: token_text(&text),
                value: signed(f64::from(one.value), 3),
                share: share(one.value.abs(), largest),
                marked: false,
            }
        };
        bars(name, kind, tokens.iter().map(line))
    };
    html! {
        <section class="card" data-testid="atlas-logits">
            { head }
            <div class="two">{ side("Tokens it pushes up", "up", &effect.up) }{ side("Tokens it pushes down", "down", &effect.down) }</div>
            <h3>{ described(DIRECT_PATH, "Direct path") }{ " only: effects on all tokens, log scale" }</h3>
            <Chart histogram={effect.histogram.clone()} label="Logit effects on the tokens of the vocabulary" unit="logits" logarithmic=true signed=true />
        </section>
    }
}

fn list(
    title: &'static str,
    measure: Html,
    name: &'static str,
    lines: impl ExactSizeIterator<Item = Html>,
    none: &'static str,
) -> Html {
    html! {
        <section class="card" data-testid={format!("atlas-{name}")}>
            <div class="card-head"><h2>{ title }</h2>if lines.len() > 0 { <span class="muted">{ measure }</span> }</div>
            if lines.len() == 0 {
                <p class="muted">{ none }</p>
            } else {
                <ul class="neighbours">{ for lines }</ul>
            }
        </section>
    }
}

fn line(href: String, id: String, label: String, value: String, about: String) -> Html {
    html! { <li><a {href}><span class="id">{ id }</span></a><span class="label">{ label }</span><span class="muted">{ about }</span><span class="number">{ value }</span></li> }
}

fn plain_line(name: String, value: String) -> Html {
    html! { <li><span>{ name }</span><span class="label" /><span class="muted" /><span class="number">{ value }</span></li> }
}
