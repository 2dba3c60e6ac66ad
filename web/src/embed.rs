//! What puts the view on screen into an article of another site.

use std::fmt::Write as _;

use wire::figure::{PARAMETERS, View as Figure};

use crate::state::route::Route;
use crate::state::url::Place;

/// Height of a figure before it has said how high it would like to be, in CSS pixels.
const HEIGHT: u32 = 480;

/// Forms in which articles take a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The element `<sae-explorer>` with its script.
    Element,
    /// An `<iframe>`.
    Frame,
    /// Markdown: a link around the prompt's name, with the frame below for what renders HTML.
    Markdown,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Element, Self::Frame, Self::Markdown];

    /// Its name on the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Element => "element",
            Self::Frame => "iframe",
            Self::Markdown => "Markdown",
        }
    }
}

/// The figure that shows most of what a page shows.
pub fn figure_of(place: &Place) -> Figure {
    match place.route {
        Route::Steer | Route::Dose | Route::Effects | Route::Patch => Figure::Steer,
        Route::Circuits => Figure::Graph,
        Route::Start
        | Route::Prompt
        | Route::Features
        | Route::Train
        | Route::Compare
        | Route::Library => Figure::Prompt,
    }
}

/// What an author puts into an article. `page` is the page's address without a query and what follows it.
pub fn snippet(place: &Place, page: &str, form: Form) -> String {
    let figure = figure_of(place);
    let address = place.as_figure(figure).to_hash();
    let frame = format!(
        "<iframe src=\"{}\" title=\"sae-explorer\" width=\"100%\" height=\"{HEIGHT}\" loading=\"lazy\" style=\"border:0\"></iframe>",
        escaped(&format!("{page}{address}"))
    );
    match form {
        Form::Frame => frame,
        Form::Element => {
            let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
            let mut element = format!(
                "<script type=\"module\" src=\"{}/sae-explorer.js\"></script>\n<sae-explorer view=\"{}\"",
                escaped(folder),
                figure.name()
            );
            for (name, value) in attributes(&address) {
                let _ = write!(element, " {name}=\"{}\"", escaped(&value));
            }
            element.push_str("></sae-explorer>");
            element
        }
        Form::Markdown => {
            let link = place.to_link();
            format!("[Open in sae-explorer]({page}{link})\n\n{frame}")
        }
    }
}

/// The parts of a figure's address that the element has as attributes. Several edits stand in one.
fn attributes(address: &str) -> Vec<(String, String)> {
    let parts = address.split_once('?').map_or("", |(_, parts)| parts);
    let parts = parts.split('&').filter_map(|part| part.split_once('='));
    let mut attributes: Vec<(String, String)> = Vec::new();
    for (name, value) in parts.filter(|(name, _)| PARAMETERS.contains(name)) {
        let value = wire::address::decode(value);
        match attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => {
                let _ = write!(values, "; {value}");
            }
            None => attributes.push((name.to_owned(), value)),
        }
    }
    attributes
}

/// A text as the value of an attribute between double quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://a.example/tools/index.html";

    fn place(hash: &str) -> Place {
        Place::from_hash(hash)
    }

    #[test]
    fn the_element_has_the_parts_of_the_view_as_attributes() {
        let here = place("#/prompt?model=demo&sae=a&token=3&feature=9&prompt=%22x%22+%3C+y");
        assert_eq!(
            snippet(&here, PAGE, Form::Element),
            "<script type=\"module\" src=\"https://a.example/tools/sae-explorer.js\"></script>\n<sae-explorer view=\"prompt\" \
             model=\"demo\" sae=\"a\" token=\"3\" feature=\"9\" prompt=\"&quot;x&quot; &lt; y\"></sae-explorer>"
        );
    }

    #[test]
    fn several_edits_stand_in_one_attribute() {
        let here = place("#/steer?sae=a&edit=a%3A9%3D0&edit=a%3A10%3D%2B2x&prompt=x");
        let element = snippet(&here, PAGE, Form::Element);
        assert!(element.contains(" edit=\"a:9=0; a:10=+2x\""), "{element}");
    }

    #[test]
    fn a_frame_shows_the_same_place_as_a_figure() {
        let here = place("#/steer?sae=a&prompt=x&edit=a%2F9%3D0");
        let frame = snippet(&here, PAGE, Form::Frame);
        let address = frame.split('"').nth(1).unwrap().replace("&amp;", "&");
        let (page, hash) = address.split_once('#').unwrap();
        assert_eq!(page, PAGE);
        assert_eq!(place(hash), here.as_figure(Figure::Steer));
        assert!(snippet(&here, PAGE, Form::Markdown).ends_with(&frame));
    }

    #[test]
    fn every_route_has_a_figure() {
        for (hash, figure) in [
            ("", Figure::Prompt),
            ("#/features/layer-3/9", Figure::Prompt),
            ("#/circuits/live", Figure::Graph),
            ("#/steer/dose", Figure::Steer),
        ] {
            assert_eq!(figure_of(&place(hash)), figure, "{hash}");
        }
    }

    #[test]
    fn the_element_knows_every_parameter() {
        let script = include_str!("../../pkg/figure-element.js");
        for name in PARAMETERS {
            assert!(script.contains(&format!("'{name}'")), "{name}");
        }
        for figure in Figure::ALL {
            assert!(
                script.contains(&format!("'{}'", figure.name())),
                "{figure:?}"
            );
        }
    }
}
