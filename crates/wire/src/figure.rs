//! Figures: one view of the page without its frame, in an article of another site. The address of a figure is that of the page with
//! `/embed/VIEW` for a route; the element `<sae-explorer>` has the same parameters as attributes (`docs/embed.md`).

use crate::address;

/// Beginning of a figure's route.
pub const ROUTE: &str = "/embed/";

/// The colours of a figure, as a parameter: those of the reader's system without it.
pub const THEME: &str = "theme";

/// What a figure shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The prompt, its tokens, and the features of the selected one.
    Prompt,
    /// The tokens, and the selected feature.
    Feature,
    /// The tokens, and what the model expects after the selected one.
    NextToken,
    /// Continuations of the prompt under edits.
    Steer,
    /// The features at work while a text is written, as a graph.
    Graph,
}

impl View {
    /// Every view.
    pub const ALL: [Self; 5] = [
        Self::Prompt,
        Self::Feature,
        Self::NextToken,
        Self::Steer,
        Self::Graph,
    ];

    /// Its name in the address, and as the attribute `view`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Feature => "feature",
            Self::NextToken => "next-token",
            Self::Steer => "steer",
            Self::Graph => "graph",
        }
    }

    /// The view of a route such as `/embed/prompt`; nothing for another route. A view that there is not is that of the prompt.
    pub fn of_route(route: &str) -> Option<Self> {
        let name = route.strip_prefix(ROUTE)?;
        let found = Self::ALL.into_iter().find(|view| view.name() == name);
        Some(found.unwrap_or(Self::Prompt))
    }
}

/// The colours of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    /// Its name in the address, and as the attribute `theme`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of a name, if there is such.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }
}

/// Parts of a figure that are left out, as a parameter: names with commas between them.
pub const HIDE: &str = "hide";

/// A part of a figure that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The field with the prompt.
    Text,
    /// The lines with facts below the tokens.
    Facts,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 2] = [Self::Text, Self::Facts];

    /// Its name in the address, and in the attribute `hide`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Facts => "facts",
        }
    }

    /// The parts of a list of names; others are passed over.
    pub fn of_names(names: &str) -> Vec<Self> {
        let named = |part: &Self| names.split(',').any(|name| name.trim() == part.name());
        Self::ALL.into_iter().filter(named).collect()
    }
}

/// The element's attributes that are parts of the address, by the same names. `view` stands in the route.
pub const PARAMETERS: [&str; 9] = [
    address::MODEL,
    address::SAE,
    address::PROMPT,
    address::TOKEN,
    address::FEATURE,
    address::BOS,
    "edit",
    THEME,
    HIDE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_has_its_route() {
        for view in View::ALL {
            let route = format!("{ROUTE}{}", view.name());
            assert_eq!(View::of_route(&route), Some(view));
        }
        assert_eq!(View::of_route("/embed/other"), Some(View::Prompt));
        assert_eq!(View::of_route("/prompt"), None);
    }
}
