//! The selected feature, in view on every route: at the side on a wide screen, a sheet at the lower edge on a narrow one.

use yew::prelude::*;

use crate::components::edit::Run;
use crate::components::feature_panel::FeaturePanel;
use crate::components::term::described;
use crate::context::use_controller;
use crate::data::{Feature, Trace};
use crate::definitions::AUTOMATIC_LABEL;
use crate::display::hook_label;
use crate::shared::Shared;
use crate::state::{EditState, Remote};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The trace.
    pub trace: Shared<Trace>,
    /// Id of the SAE.
    pub sae: String,
    /// The selected latent; nothing while its counterpart in another SAE is looked for.
    pub latent: Option<u32>,
    /// A sentence about that search: what is looked for, or what was found.
    pub about_match: Option<AttrValue>,
    /// The selected token.
    pub token: usize,
    /// The engine's description of the feature.
    pub feature: Remote<Shared<Feature>>,
    /// The edit control.
    pub edit: EditState,
    /// True if the model is there to run with edits.
    pub live: bool,
    /// The run with the edits in force, if it is of this feature.
    pub run: Option<Run>,
    /// True if the feature is pinned.
    pub pinned: bool,
    /// Address of the feature's own page, where there may be one.
    pub page: Option<AttrValue>,
    /// Its label, where the atlas has one.
    pub label: Option<AttrValue>,
}

/// The dock.
#[component]
pub fn Dock(props: &Props) -> Html {
    let controller = use_controller();
    // Only a narrow screen has the handle; a wide one shows the panel in any case.
    let open = use_state(|| false);
    let hook = props.trace.sae(&props.sae).map_or("", |sae| &sae.hook);
    let toggle = {
        let open = open.clone();
        move |_| open.set(!*open)
    };
    html! {
        <aside class="dock" aria-label="Selected feature" data-testid="dock" data-open={open.to_string()}>
            <button type="button" class="handle" aria-expanded={open.to_string()} onclick={toggle}>
                { "Feature " }if let Some(latent) = props.latent { <span class="id">{ latent }</span> }{ format!(" · {}", hook_label(hook)) }
            </button>
            <div role="status">
                if let Some(said) = &props.about_match {
                    <p class="about-match" data-testid="about-match">{ said }</p>
                }
            </div>
            <div class="dock-body">
                if let Some(page) = &props.page {
                    <p class="line to-page">
                        if let Some(label) = &props.label { <span><b data-testid="dock-label">{ label }</b>{ " " }{ described(AUTOMATIC_LABEL, "automatic") }</span> }
                        <a class="end" data-testid="dock-page" href={page.clone()}>{ "Its page: contexts and statistics" }</a>
                    </p>
                }
                if let Some(latent) = props.latent {
                    <FeaturePanel {controller} trace={props.trace.clone()} sae={props.sae.clone()} {latent} token={props.token} feature={props.feature.clone()}
                        edit={props.edit.clone()} run={props.run.clone()} pinned={props.pinned} live={props.live} />
                }
            </div>
        </aside>
    }
}
