//! The picture of a head's attention weights.

use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};
use yew::prelude::*;

use crate::shared::Shared;
use crate::views::pattern::Pattern;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The layer's pattern; an empty picture without one.
    pub pattern: Option<Shared<Pattern>>,
    /// The head.
    pub head: usize,
    /// Most dots on a side.
    pub limit: usize,
}

/// Black dots whose opacity is the weight's; the style sheet turns them white on a dark page.
#[component]
pub fn HeadCanvas(props: &Props) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(props.clone(), move |props| draw(&node, props));
    }
    html! { <canvas ref={node} width="1" height="1" aria-hidden="true"></canvas> }
}

fn draw(node: &NodeRef, props: &Props) {
    let Some(canvas) = node.cast::<HtmlCanvasElement>() else {
        return;
    };
    let (side, opacities) = match &props.pattern {
        Some(pattern) => pattern.picture(props.head, props.limit),
        None => (0, Vec::new()),
    };
    let side = side as u32;
    // To set the size clears the picture.
    canvas.set_width(side.max(1));
    canvas.set_height(side.max(1));
    let dots: Vec<u8> = opacities
        .into_iter()
        .flat_map(|opacity| [0, 0, 0, opacity])
        .collect();
    let context = canvas
        .get_context("2d")
        .ok()
        .flatten()
        .and_then(|context| context.dyn_into::<CanvasRenderingContext2d>().ok());
    // A picture without dots is no picture to the browser, and a browser without canvases shows none; the weights stand in the
    // table as well.
    if let (Some(context), Ok(image)) = (
        context,
        ImageData::new_with_u8_clamped_array(Clamped(&dots), side),
    ) {
        let _ = context.put_image_data(&image, 0.0, 0.0);
    }
}
