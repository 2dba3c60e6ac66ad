//! The view of the page as an address: `#/prompt?model=demo&sae=openai.layer_3&token=8&feature=1234&view=token&rank=max&prompt=…`.

use std::fmt::Write;

use super::lists::{Ranking, View};
use super::route::Route;
use super::tray::{Edit, FeatureId};
use super::views::Shown;
use crate::data::Origin;

/// The beginning of the ids of what came from the person's own files. An address names them, so that it never shows
/// something else in their place; the page cannot open them by itself.
pub const FILE: &str = "file:";

/// The beginning of the ids of feature sets that need no SAE; a hook point follows.
pub const NEURONS: &str = "neurons:";

/// The part of an address that names a pinned feature; as often as there are such.
const PIN: &str = "pin";

/// The part of an address that says an edit; as often as there are such.
const EDIT: &str = "edit";

/// Meaning of an id in an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference<'a> {
    /// Something of the demo or of another model that comes with it.
    Part,
    /// Something of the catalogue, at a layer where there are several, and at a commit where one is named.
    Catalogue(&'a str, Option<u32>, Option<&'a str>),
    /// A repository, a file in one, or another address, and the hook point where that does not say it.
    Link(&'a str, Option<&'a str>),
    /// The neurons of a hook point.
    Neurons(&'a str),
    /// Something from a person's own files: its name, and the hook point of an SAE.
    File(&'a str, Option<&'a str>),
}

/// An id without the hook point that stands behind its last `@`, and that hook point. A revision of a repository stands
/// behind an `@` as well, so a hook point is known by how hook points are named.
fn split_hook(id: &str) -> (&str, Option<&str>) {
    match id.rsplit_once('@') {
        Some((rest, hook)) if is_hook(hook) => (rest, Some(hook)),
        _ => (id, None),
    }
}

/// True for a commit's full hash.
fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// The id of something of the catalogue: `gpt2`, `oai-v5-32k-resid-post@8`, each with a commit behind another `@`.
pub fn catalogue(entry: &str, layer: Option<u32>, commit: Option<&str>) -> String {
    let mut id = entry.to_owned();
    for part in layer
        .map(|layer| layer.to_string())
        .into_iter()
        .chain(commit.map(str::to_owned))
    {
        id.push('@');
        id.push_str(&part);
    }
    id
}

/// True for a name as hook points have: TransformerLens's, or Hugging Face's.
fn is_hook(text: &str) -> bool {
    let named = text.contains("hook_") || text.starts_with("blocks.");
    (named || text.starts_with("transformer.h.")) && !text.contains(['/', ':'])
}

impl<'a> Reference<'a> {
    /// Reads an SAE's id.
    pub fn of(id: &'a str) -> Self {
        if let Some(hook) = id.strip_prefix(NEURONS) {
            return Self::Neurons(hook);
        }
        if let Some(file) = id.strip_prefix(FILE) {
            let (name, hook) = split_hook(file);
            return Self::File(name, hook);
        }
        if id.contains('/') {
            let (link, hook) = split_hook(id);
            return Self::Link(link, hook);
        }
        match id.split_once('@') {
            Some((name, rest)) if !name.is_empty() => {
                let (layer, commit) = match rest.split_once('@') {
                    Some((layer, commit)) => (Some(layer), Some(commit)),
                    None if is_commit(rest) => (None, Some(rest)),
                    None => (Some(rest), None),
                };
                let layer = layer.map(str::parse).transpose();
                match layer {
                    Ok(layer) if commit.is_none_or(is_commit) => {
                        Self::Catalogue(name, layer, commit)
                    }
                    _ => Self::Part,
                }
            }
            _ => Self::Part,
        }
    }

    /// The id under which others load the very same files: with the commit that they were loaded at.
    pub fn pinned(&self, id: &str, origin: Option<&Origin>) -> String {
        let commit = origin.and_then(|origin| origin.commit.as_ref());
        let (Some(origin), Some(commit)) = (origin, commit.filter(|commit| is_commit(commit)))
        else {
            return id.to_owned();
        };
        match (*self, &origin.repository) {
            (Self::Link(_, hook), Some(name)) => {
                let path = origin.path.clone();
                let mut id = repository(name, Some(commit.clone()), Some(path));
                if let Some(hook) = hook {
                    id.push('@');
                    id.push_str(hook);
                }
                id
            }
            (Self::Catalogue(name, layer, _), _) => catalogue(name, layer, Some(commit)),
            _ => id.to_owned(),
        }
    }

    /// Reads a model's id.
    pub fn of_model(id: &'a str) -> Self {
        match Self::of(id) {
            Self::Part if id != "demo" => Self::Catalogue(id, None, None),
            reference => reference,
        }
    }
}

/// The id of something in a repository: `owner/name`, `owner/name@revision:path`. What is left out is the main branch, and
/// the repository as a whole.
pub fn repository(repo: &str, revision: Option<String>, path: Option<String>) -> String {
    let mut id = repo.to_owned();
    for (mark, part) in [
        ('@', revision.filter(|revision| revision != "main")),
        (':', path),
    ] {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            id.push(mark);
            id.push_str(&part);
        }
    }
    id
}

/// A URL without what may be a secret: the query, a name with its password, and what stands behind a `#`.
pub fn public(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = &url[..end];
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

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

/// Letters, digits, `-._~` and the bytes of `kept` stand for themselves, a space is a `+`, all else is percent-encoded UTF-8.
fn encode(out: &mut String, value: &str, kept: &[u8]) {
    for byte in value.bytes() {
        match byte {
            _ if kept.contains(&byte) => out.push(char::from(byte)),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte))
            }
            b' ' => out.push('+'),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

fn decode(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let encoded = hex
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[at], encoded) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::views::PromptView;
    use proptest::prelude::*;

    fn shown() -> impl Strategy<Value = Shown> {
        (0usize..4, any::<Option<u32>>(), any::<Option<u32>>()).prop_map(|(view, layer, head)| {
            let view = PromptView::ALL[view];
            Shown { view, layer, head }.sound()
        })
    }

    fn features() -> impl Strategy<Value = FeatureId> {
        (".+", any::<u32>()).prop_map(|(sae, latent)| FeatureId { sae, latent })
    }

    fn edits() -> impl Strategy<Value = Edit> {
        let value = any::<f64>().prop_filter("finite", |value| value.is_finite());
        let positions = prop::collection::btree_set(0usize..2000, 1..20);
        (features(), value, positions).prop_map(|(feature, value, positions)| Edit {
            feature,
            value,
            positions: positions.into_iter().collect(),
        })
    }

    fn pins() -> impl Strategy<Value = Vec<FeatureId>> {
        prop::collection::vec(features(), 0..3).prop_map(|mut pins| {
            pins.dedup();
            pins
        })
    }

    fn places() -> impl Strategy<Value = Place> {
        let tray = (pins(), prop::collection::vec(edits(), 0..3));
        (
            tray,
            any::<Option<String>>(),
            any::<Option<String>>(),
            any::<Vec<String>>(),
            any::<Option<usize>>(),
            any::<Option<u32>>(),
            any::<bool>(),
            0usize..3,
            any::<Option<String>>(),
            (any::<Option<bool>>(), 0usize..Route::ALL.len(), shown()),
        )
            .prop_map(
                |(
                    (pins, edits),
                    model,
                    sae,
                    beside,
                    token,
                    feature,
                    whole,
                    ranking,
                    prompt,
                    (bos, route, shown),
                )| Place {
                    pins,
                    edits,
                    route: Route::ALL[route],
                    bos,
                    shown,
                    model,
                    sae,
                    token,
                    feature,
                    view: if whole { View::Prompt } else { View::Token },
                    ranking: Ranking::ALL[ranking],
                    prompt,
                    beside,
                },
            )
    }

    proptest! {
        #[test]
        fn an_address_gives_its_place_back(place in places()) {
            let hash = place.to_hash();
            prop_assert!(hash.is_ascii());
            prop_assert_eq!(Place::from_hash(&hash), place);
        }

        #[test]
        fn any_text_is_read(hash in any::<String>()) {
            let place = Place::from_hash(&hash);
            prop_assert_eq!(Place::from_hash(&place.to_hash()), place);
        }
    }

    #[test]
    fn reads_what_people_type() {
        let place = Place::from_hash(
            "#prompt=a+king%20and%zz%&token=-1&feature=12&view=prompt&rank=mean&x=y&z&bos=maybe",
        );
        assert_eq!(place.bos, None);
        assert_eq!(Place::from_hash("#bos=no").bos, Some(false));
        assert_eq!(place.prompt.as_deref(), Some("a king and%zz%"));
        assert_eq!((place.token, place.feature), (None, Some(12)));
        assert_eq!((place.view, place.ranking), (View::Prompt, Ranking::Mean));
        assert_eq!(Place::from_hash(""), Place::default());
        assert_eq!(place.route, Route::Prompt);
        assert_eq!(Place::from_hash("#/").route, Route::Start);
        assert_eq!(Place::from_hash("#/library").route, Route::Library);
        // A page that there is not yet, or no longer: the start, with what else the address says.
        let place = Place::from_hash("#/nowhere?token=3");
        assert_eq!((place.route, place.token), (Route::Start, Some(3)));
    }

    #[test]
    fn pins_and_edits_can_be_read_and_typed() {
        let hash = "#/prompt?view=token&rank=max&pin=openai.layer_3/903&pin=a@8/2&edit=openai.layer_3/903=-1.5@5,7-9";
        let place = Place::from_hash(hash);
        assert_eq!((place.pins.len(), place.edits.len()), (2, 1));
        assert_eq!(place.edits[0].positions, [5, 7, 8, 9]);
        assert_eq!(place.to_hash(), hash);
        // A feature is pinned once; what is no feature or no edit is passed over.
        let place = Place::from_hash("#pin=a/1&pin=a/1&pin=a&edit=a/1=x@3");
        assert_eq!((place.pins.len(), place.edits.len()), (1, 0));
    }

    #[test]
    fn a_link_leads_past_the_introduction() {
        let place = Place::from_hash("#/?model=demo&token=3");
        assert_eq!(place.route, Route::Start);
        assert!(place.to_link().starts_with("#/prompt?model=demo&token=3"));
        let library = place.on(Route::Library);
        assert_eq!(library.to_link(), library.to_hash());
    }
}
