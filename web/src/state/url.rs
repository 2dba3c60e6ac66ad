//! The view of the page as an address: `#/prompt?model=demo&sae=openai.layer_3&token=8&feature=1234&view=token&rank=max&prompt=…`.

use std::fmt::Write as _;

pub use wire::address::bos_name;
use wire::address::{BOS, FEATURE, MODEL, PROMPT, SAE, TOKEN, decode, encode};
use wire::figure::{self, Part, Theme, View as Figure};

use super::asked::Asked;
use super::atlas::AtlasFeature;
use super::edits;
use super::lists::{Ranking, View};
use super::route::Route;
use super::tray::FeatureId;
use super::views::Shown;
use crate::browse::Query;
use crate::circuits::Controls;

/// The part of an address that names a pinned feature; as often as there are such.
const PIN: &str = "pin";

/// The part of an address that says an edit; as often as there are such.
const EDIT: &str = "edit";

/// Its name in links from the time when steering had edits of its own.
const STEER: &str = "steer";

/// Everything that an address says. What is `None` is left to the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// The page of the application.
    pub route: Route,
    /// What a figure in an article shows; nothing on the page itself.
    pub figure: Option<Figure>,
    /// Its colours; nothing leaves them to the reader's system.
    pub theme: Option<Theme>,
    /// Parts that it leaves out.
    pub hidden: Vec<Part>,
    /// The feature whose page is shown, on the route of the features.
    pub page: Option<AtlasFeature>,
    /// Id of the set whose features are listed, on the route of the features; nothing leaves it to the page.
    pub listed: Option<String>,
    /// Which of its features are listed, and how.
    pub browse: Query,
    /// Id of an atlas of one's own; nothing for the site's.
    pub atlas: Option<String>,
    /// Id of the model.
    pub model: Option<String>,
    /// Id of the SAE.
    pub sae: Option<String>,
    /// Index of the selected token, the BOS included.
    pub token: Option<usize>,
    /// The selected latent.
    pub feature: Option<u32>,
    /// The shown list.
    pub view: View,
    /// Order of the list of the whole prompt.
    pub ranking: Ranking,
    /// The prompt.
    pub prompt: Option<String>,
    /// Ids of SAEs that are loaded beside the selected one.
    pub beside: Vec<String>,
    /// The person's choice of a BOS before the prompt; nothing leaves it to the engine.
    pub bos: Option<bool>,
    /// The shown view of the prompt.
    pub shown: Shown,
    /// Pinned features, each once.
    pub pins: Vec<FeatureId>,
    /// Edits, those that are switched off included.
    pub edits: Vec<wire::Edit>,
    /// What is typed on the pages that ask something about the prompt.
    pub asked: Asked,
    /// What is shown of the graph of a text.
    pub graph: Controls,
}

impl Place {
    /// The place without what means nothing: the number of a feature belongs to the SAE that is named with it.
    pub fn sound(mut self) -> Self {
        if self.sae.is_none() {
            self.feature = None;
        }
        self
    }

    /// Every SAE's id that stands with a pinned feature or in an edit.
    pub(super) fn tray_saes(&mut self) -> impl Iterator<Item = &mut String> {
        let edited = self.edits.iter_mut().flat_map(|edit| {
            let condition = edit.when.iter_mut().map(|when| &mut when.sae);
            std::iter::once(&mut edit.sae).chain(condition)
        });
        let pinned = self.pins.iter_mut().map(|pin| &mut pin.sae);
        pinned.chain(edited)
    }

    /// The place with a prompt of other tokens: edits at given tokens are switched off, because the tokens there are others now. True if
    /// there were such.
    pub fn switch_positions_off(&mut self) -> bool {
        let placed = self.edits.iter_mut();
        let mut placed = placed
            .filter(|edit| edit.on && edit.positions.is_some())
            .peekable();
        let any = placed.peek().is_some();
        placed.for_each(|edit| edit.on = false);
        any
    }

    /// True if the address is about the demo: it names no other model.
    pub fn is_of_demo(&self) -> bool {
        self.model.as_deref().is_none_or(|model| model == "demo")
    }

    /// The same on another page of the application, which is no figure.
    pub fn on(mut self, route: Route) -> Self {
        self.route = route;
        self.figure = None;
        self.hidden.clear();
        self.page = None;
        self
    }

    /// The same with the page, the feature's page and the list of another place: what needs no model.
    pub fn standing_at(mut self, here: &Self) -> Self {
        self.route = here.route;
        self.figure = here.figure;
        self.theme = here.theme;
        self.hidden.clone_from(&here.hidden);
        self.page.clone_from(&here.page);
        self.listed.clone_from(&here.listed);
        self.browse.clone_from(&here.browse);
        self.atlas.clone_from(&here.atlas);
        self
    }

    /// True if both show the same where no model is needed.
    pub fn stands_at(&self, other: &Self) -> bool {
        (self.route, &self.page) == (other.route, &other.page)
            && (self.figure, self.theme) == (other.figure, other.theme)
            && self.hidden == other.hidden
            && (&self.listed, &self.browse) == (&other.listed, &other.browse)
            && self.atlas == other.atlas
    }

    /// The same on the page of a feature.
    pub fn at(self, feature: AtlasFeature) -> Self {
        let mut place = self.on(Route::Features);
        place.page = Some(feature);
        place
    }

    /// The same as a figure in an article.
    pub fn as_figure(&self, figure: Figure) -> Self {
        Self {
            figure: Some(figure),
            listed: None,
            ..self.clone().on(route_of(figure))
        }
    }

    /// The address for others: a link leads past the introduction.
    pub fn to_link(&self) -> String {
        match self.route {
            Route::Start => self.clone().on(Route::Prompt).to_hash(),
            _ => self.to_hash(),
        }
    }

    /// The address, from its `#` on.
    pub fn to_hash(&self) -> String {
        let mut hash = match self.figure {
            Some(figure) => format!("#{}{}", figure::ROUTE, figure.name()),
            None => format!("#{}", self.route.path()),
        };
        if let (Route::Features, Some(page)) = (self.route, &self.page) {
            hash.push('/');
            encode(&mut hash, &page.set, b"");
            let _ = write!(hash, "/{}", page.latent);
        } else if let (Route::Features, Some(set)) = (self.route, &self.listed) {
            hash.push('/');
            encode(&mut hash, set, b"");
        }
        let mut separator = '?';
        let mut put = |name: &str, value: &str| {
            hash.push(separator);
            separator = '&';
            hash.push_str(name);
            hash.push('=');
            let kept: &[u8] = match name {
                PIN => b"/=@,",
                EDIT => b"/=@,:!*",
                _ => b"",
            };
            encode(&mut hash, value, kept);
        };
        if let Some(atlas) = &self.atlas {
            put("atlas", atlas);
        }
        if let Some(model) = &self.model {
            put(MODEL, model);
        }
        if let Some(sae) = &self.sae {
            put(SAE, sae);
        }
        for sae in &self.beside {
            put("with", sae);
        }
        if let Some(token) = self.token {
            put(TOKEN, &token.to_string());
        }
        if let Some(feature) = self.feature {
            put(FEATURE, &feature.to_string());
        }
        put("view", self.view.name());
        put("rank", self.ranking.name());
        for (name, value) in self.shown.parts() {
            put(name, &value);
        }
        for (name, value) in self.browse.parts() {
            put(name, &value);
        }
        if self.bos.is_some() {
            put(BOS, bos_name(self.bos));
        }
        if let Some(prompt) = &self.prompt {
            put(PROMPT, prompt);
        }
        for pin in &self.pins {
            put(PIN, &pin.to_text());
        }
        for edit in &self.edits {
            put(EDIT, &edit.to_string());
        }
        for (name, text) in self.asked.parts() {
            put(name, text);
        }
        for (name, value) in self.graph.parts() {
            put(name, &value);
        }
        if let Some(theme) = self.theme {
            put(figure::THEME, theme.name());
        }
        if !self.hidden.is_empty() {
            let hidden: Vec<_> = self.hidden.iter().map(|part| part.name()).collect();
            put(figure::HIDE, &hidden.join(","));
        }
        hash
    }

    /// Reads an address. What it does not know, or cannot make sense of, it passes over: a link that was cut off in a
    /// message still opens what is left of it. Links from before there were routes (`#model=…`) are about a prompt.
    pub fn from_hash(hash: &str) -> Self {
        let hash = hash.strip_prefix('#').unwrap_or(hash);
        let (path, pairs) = match hash.split_once('?') {
            _ if hash.is_empty() => (Route::Start.path(), ""),
            Some((path, pairs)) if path.starts_with('/') => (path, pairs),
            None if hash.starts_with('/') => (hash, ""),
            _ => (Route::Prompt.path(), hash),
        };
        let mut place = match feature_of_path(path) {
            Some(feature) => Self::default().at(feature),
            None => match set_of_path(path) {
                Some(set) => Self {
                    listed: Some(set),
                    ..Self::default().on(Route::Features)
                },
                None => match Figure::of_route(path) {
                    Some(figure) => Self::default().as_figure(figure),
                    None => Self::default().on(Route::of_path(path).unwrap_or_default()),
                },
            },
        };
        for (name, value) in pairs.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decode(value);
            match name {
                "atlas" => place.atlas = Some(value).filter(|id| ::atlas::files::is_name(id)),
                MODEL => place.model = Some(value),
                SAE => place.sae = Some(value),
                "with" => place.beside.push(value),
                TOKEN => place.token = value.parse().ok(),
                FEATURE => place.feature = value.parse().ok(),
                "view" if value == View::Prompt.name() => place.view = View::Prompt,
                "view" => place.view = View::Token,
                "rank" => {
                    let known = Ranking::ALL
                        .into_iter()
                        .find(|ranking| ranking.name() == value);
                    place.ranking = known.unwrap_or_default();
                }
                BOS => {
                    let known = [Some(true), Some(false)];
                    place.bos = known
                        .into_iter()
                        .find(|bos| bos_name(*bos) == value)
                        .flatten();
                }
                PROMPT => place.prompt = Some(value),
                figure::HIDE => place.hidden = Part::of_names(&value),
                figure::THEME => place.theme = Theme::of_name(&value),
                PIN => {
                    let pin = FeatureId::from_text(&value);
                    let pin = pin.filter(|pin| !place.pins.contains(pin));
                    place.pins.extend(pin);
                }
                EDIT | STEER => place.edits.extend(edits::from_address(&value)),
                name => {
                    place.asked.set(name, value.clone());
                    place.shown.read(name, &value);
                    place.browse.read(name, &value);
                    place.graph.read(name, &value);
                }
            }
        }
        place.shown = place.shown.sound();
        place
    }
}

/// The page that has what a figure shows.
fn route_of(figure: Figure) -> Route {
    match figure {
        Figure::Prompt | Figure::Feature | Figure::NextToken => Route::Prompt,
        Figure::Steer => Route::Steer,
        Figure::Graph => Route::Circuits,
    }
}

/// The feature of a path such as `/features/layer-3/903`.
fn feature_of_path(path: &str) -> Option<AtlasFeature> {
    let rest = path
        .strip_prefix(Route::Features.path())?
        .strip_prefix('/')?;
    let (set, latent) = rest.trim_end_matches('/').split_once('/')?;
    let latent = latent.parse().ok()?;
    let set = decode(set);
    (!set.is_empty()).then_some(AtlasFeature { set, latent })
}

/// The set of a path such as `/features/layer-3`.
fn set_of_path(path: &str) -> Option<String> {
    let rest = path
        .strip_prefix(Route::Features.path())?
        .strip_prefix('/')?;
    let set = rest.trim_end_matches('/');
    (!set.is_empty() && !set.contains('/')).then(|| decode(set))
}
