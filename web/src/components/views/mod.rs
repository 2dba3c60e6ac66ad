//! Views of the prompt beside its list of features: layers × tokens, logit lens, attention.

mod attention;
mod axes;
mod canvas;
mod grid;
mod layers;
mod lens;
mod matrix;
mod parts;
mod small_head;

use yew::prelude::*;

use crate::data::{ModelInfo, Trace};
use crate::shared::Shared;
use crate::state::Remote;
use crate::state::views::{PromptView, Shown, Views, ViewsAction};
use crate::views::layers::Counterpart;

/// Buttons that choose the view.
pub fn view_switch(shown: PromptView, on: &Callback<ViewsAction>) -> Html {
    html! {
        <div class="seg view-switch" role="group" aria-label="View of the prompt" data-testid="view-switch">
            { for PromptView::ALL.map(|view| html! {
                <button type="button" data-show={view.name()} aria-pressed={(view == shown).to_string()} onclick={on.reform(move |_: MouseEvent| ViewsAction::Show(view))}>{ view.title() }</button>
            }) }
        </div>
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The trace.
    pub trace: Shared<Trace>,
    /// The model that it is of.
    pub model: Shared<ModelInfo>,
    /// The shown view.
    pub shown: Shown,
    /// The layer whose attention is shown.
    pub layer: u32,
    /// What the engine computed for the views.
    pub views: Views,
    /// Counterparts of the selected feature, where they are shown and one is selected.
    pub counterparts: Option<Remote<Shared<Vec<Counterpart>>>>,
    /// Id of the selected SAE.
    pub sae: Option<AttrValue>,
    /// The selected token.
    pub token: usize,
    /// The selected feature.
    pub feature: Option<u32>,
    /// Receiver of what is chosen.
    pub on: Callback<ViewsAction>,
}

/// The shown view; nothing where it is the list of features.
#[component]
pub fn ViewPanel(props: &Props) -> Html {
    let Props {
        trace,
        model,
        shown,
        views,
        token,
        on,
        ..
    } = props.clone();
    let view = match shown.view {
        PromptView::Features => return Html::default(),
        PromptView::Layers => {
            html! { <layers::LayersView {trace} mode={shown.mode} counterparts={props.counterparts.clone()} sae={props.sae.clone()} {token} feature={props.feature} {on} /> }
        }
        PromptView::Lens => {
            let lenses = views.lens(&trace);
            html! { <lens::LensView {trace} layers={model.n_layers as u32} {lenses} {token} {on} /> }
        }
        PromptView::Attention => {
            let pattern = views.pattern(&trace, props.layer);
            html! { <attention::AttentionView {trace} layers={model.n_layers as u32} heads={model.n_heads as u32} layer={props.layer} head={shown.head} {pattern} {token} {on} /> }
        }
    };
    html! {
        <section class="card view" data-testid="view" data-view={shown.view.name()} aria-labelledby="view-title">
            <h2 id="view-title">{ shown.view.title() }</h2>
            { view }
        </section>
    }
}
