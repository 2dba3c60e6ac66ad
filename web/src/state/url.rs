//! The view of the page as an address: `#/prompt?model=demo&sae=openai.layer_3&token=8&feature=1234&view=token&rank=max&prompt=…`.

use super::lists::{Ranking, View};
use super::percent::{decode, encode};
use super::route::Route;
use super::tray::{Edit, FeatureId};
use super::views::Shown;

/// The part of an address that names a pinned feature; as often as there are such.
const PIN: &str = "pin";

/// The part of an address that says an edit; as often as there are such.
const EDIT: &str = "edit";

/// Everything that an address says. What is `None` is left to the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// The page of the application.
    pub route: Route,
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
    /// Edits in force.
    pub edits: Vec<Edit>,
}

/// The choice of a BOS by its name in the address and in the API.
pub fn bos_name(bos: Option<bool>) -> &'static str {
    match bos {
        None => "auto",
        Some(true) => "yes",
        Some(false) => "no",
    }
}

impl Place {
    /// The place without what means nothing: the number of a feature belongs to the SAE that is named with it.
    pub fn sound(mut self) -> Self {
        if self.sae.is_none() {
            self.feature = None;
        }
        self
    }

    /// Every SAE's id that stands with a pinned or edited feature.
    pub(super) fn tray_saes(&mut self) -> impl Iterator<Item = &mut String> {
        let edited = self.edits.iter_mut().map(|edit| &mut edit.feature.sae);
        self.pins.iter_mut().map(|pin| &mut pin.sae).chain(edited)
    }

    /// True if the address is about the demo: it names no other model.
    pub fn is_of_demo(&self) -> bool {
        self.model.as_deref().is_none_or(|model| model == "demo")
    }

    /// The same on another page of the application.
    pub fn on(mut self, route: Route) -> Self {
        self.route = route;
        self
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
        let mut hash = format!("#{}", self.route.path());
        let mut separator = '?';
        let mut put = |name: &str, value: &str| {
            hash.push(separator);
            separator = '&';
            hash.push_str(name);
            hash.push('=');
            let kept: &[u8] = match name {
                PIN | EDIT => b"/=@,",
                _ => b"",
            };
            encode(&mut hash, value, kept);
        };
        if let Some(model) = &self.model {
            put("model", model);
        }
        if let Some(sae) = &self.sae {
            put("sae", sae);
        }
        for sae in &self.beside {
            put("with", sae);
        }
        if let Some(token) = self.token {
            put("token", &token.to_string());
        }
        if let Some(feature) = self.feature {
            put("feature", &feature.to_string());
        }
        put("view", self.view.name());
        put("rank", self.ranking.name());
        for (name, value) in self.shown.parts() {
            put(name, &value);
        }
        if self.bos.is_some() {
            put("bos", bos_name(self.bos));
        }
        if let Some(prompt) = &self.prompt {
            put("prompt", prompt);
        }
        for pin in &self.pins {
            put(PIN, &pin.to_text());
        }
        for edit in &self.edits {
            put(EDIT, &edit.to_text());
        }
        hash
    }

    /// Reads an address. What it does not know, or cannot make sense of, it passes over: a link that was cut off in a
    /// message still opens what is left of it. Links from before there were routes (`#model=…`) are about a prompt.
    pub fn from_hash(hash: &str) -> Self {
        let hash = hash.strip_prefix('#').unwrap_or(hash);
        let (route, pairs) = match hash.split_once('?') {
            _ if hash.is_empty() => (Route::Start, ""),
            Some((path, pairs)) if path.starts_with('/') => {
                (Route::of_path(path).unwrap_or_default(), pairs)
            }
            None if hash.starts_with('/') => (Route::of_path(hash).unwrap_or_default(), ""),
            _ => (Route::Prompt, hash),
        };
        let mut place = Self::default().on(route);
        for (name, value) in pairs.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decode(value);
            match name {
                "model" => place.model = Some(value),
                "sae" => place.sae = Some(value),
                "with" => place.beside.push(value),
                "token" => place.token = value.parse().ok(),
                "feature" => place.feature = value.parse().ok(),
                "view" if value == View::Prompt.name() => place.view = View::Prompt,
                "view" => place.view = View::Token,
                "rank" => {
                    let known = Ranking::ALL
                        .into_iter()
                        .find(|ranking| ranking.name() == value);
                    place.ranking = known.unwrap_or_default();
                }
                "bos" => {
                    let known = [Some(true), Some(false)];
                    place.bos = known
                        .into_iter()
                        .find(|bos| bos_name(*bos) == value)
                        .flatten();
                }
                "prompt" => place.prompt = Some(value),
                PIN => {
                    let pin = FeatureId::from_text(&value);
                    let pin = pin.filter(|pin| !place.pins.contains(pin));
                    place.pins.extend(pin);
                }
                EDIT => place.edits.extend(Edit::from_text(&value)),
                name => place.shown.read(name, &value),
            }
        }
        place.shown = place.shown.sound();
        place
    }
}
