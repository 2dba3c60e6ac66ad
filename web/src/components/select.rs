//! A choice from a list, which shows its value however that came about.

use web_sys::HtmlSelectElement;
use yew::prelude::*;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The value.
    pub value: AttrValue,
    /// All values with their names.
    pub options: Vec<(AttrValue, AttrValue)>,
    /// Receives a value that was chosen.
    pub onchange: Callback<String>,
    /// Name for tests.
    #[prop_or_default]
    pub testid: Option<AttrValue>,
    /// Name for screen readers, where no label stands around it.
    #[prop_or_default]
    pub label: Option<AttrValue>,
}

/// The list.
#[component]
pub fn Select(props: &Props) -> Html {
    let node = use_node_ref();
    {
        // An option's attribute says only what is chosen until a person chooses: afterwards *back*, or a link, would leave what was
        // chosen on screen.
        let node = node.clone();
        let shown = (props.value.clone(), props.options.clone());
        use_effect_with(shown, move |(value, _)| {
            if let Some(select) = node.cast::<HtmlSelectElement>() {
                select.set_value(value);
            }
        });
    }
    let onchange = props
        .onchange
        .reform(|event: Event| event.target_unchecked_into::<HtmlSelectElement>().value());
    html! {
        <select ref={node} data-testid={props.testid.clone()} aria-label={props.label.clone()} {onchange}>
            { for props.options.iter().map(|(value, name)| html! { <option value={value.clone()} selected={*value == props.value}>{ name }</option> }) }
        </select>
    }
}

/// Values with their names.
pub fn options<V: Into<AttrValue>, N: Into<AttrValue>>(
    all: impl IntoIterator<Item = (V, N)>,
) -> Vec<(AttrValue, AttrValue)> {
    let all = all.into_iter();
    all.map(|(value, name)| (value.into(), name.into()))
        .collect()
}
