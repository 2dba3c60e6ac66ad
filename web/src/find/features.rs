//! Features by their numbers: `903`, `f903`, `L3/903`, `layer 3 903`, `openai.layer_3/903`.

use super::matching::Match;
use super::{Hit, Source, Target};
use crate::data::SaeInfo;
use crate::display::{hook_label, layer_of};
use crate::format::no_feature;
use crate::state::reference::readable;

/// The features of the loaded SAEs.
pub struct Features<'a> {
    /// The loaded SAEs.
    pub saes: &'a [SaeInfo],
    /// Id of the selected one.
    pub selected: Option<&'a str>,
}

/// The SAE that a query names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of<'a> {
    /// None: it means the selected one.
    Selected,
    /// Those of a layer, by its digits.
    Layer(&'a str),
    /// Those whose ids contain a text.
    Named(&'a str),
}

/// Splits a query into the SAE that it names and the digits of a latent; nothing where it asks for no feature.
fn parse(query: &str) -> Option<(Of<'_>, &str)> {
    let query = query.trim();
    let (before, digits) = query.split_at(without_digits(query).len());
    if digits.is_empty() {
        return None;
    }
    let before = without_word(before);
    let place = before.trim_end_matches([' ', '/']);
    // Behind a bare name only a slash makes a number a feature: names may end in numbers themselves.
    let apart = before.len() > place.len();
    let slash = before[place.len()..].contains('/');
    if place.is_empty() {
        return Some((Of::Selected, digits));
    }
    let layer = strip_word(place, "layer").or_else(|| strip_word(place, "l"));
    match layer {
        Some(layer) if apart && is_number(layer) => Some((Of::Layer(layer), digits)),
        _ if slash && is_number(place) => Some((Of::Layer(place), digits)),
        _ if slash => Some((Of::Named(place), digits)),
        _ => None,
    }
}

fn without_digits(text: &str) -> &str {
    text.trim_end_matches(|character: char| character.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && without_digits(text).is_empty()
}

/// What stands behind a word, without spaces around it.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.get(..word.len())?;
    let rest = text.get(word.len()..)?;
    start.eq_ignore_ascii_case(word).then(|| rest.trim())
}

/// What stands before a word that announces the number of a feature.
fn without_word(text: &str) -> &str {
    let trimmed = text.trim_end();
    for word in ["feature", "latent", "f", "#"] {
        let Some(at) = trimmed.len().checked_sub(word.len()) else {
            continue;
        };
        let (Some(before), Some(end)) = (trimmed.get(..at), trimmed.get(at..)) else {
            continue;
        };
        let alone = before.is_empty() || before.ends_with(['/', ' ']);
        if alone && end.eq_ignore_ascii_case(word) {
            return before;
        }
    }
    text
}

impl<'a> Features<'a> {
    /// The SAEs that a query names, or why there are none.
    fn saes_of(&self, of: Of<'_>) -> Result<Vec<&'a SaeInfo>, String> {
        if self.saes.is_empty() {
            return Err("No SAE is loaded, so there are no features: the library has some.".into());
        }
        let (found, why_not): (Vec<_>, _) = match of {
            Of::Selected => {
                let selected = |sae: &&SaeInfo| Some(sae.id.as_str()) == self.selected;
                let found = self.saes.iter().filter(selected).collect();
                (found, "No SAE is selected: choose one first.".to_owned())
            }
            Of::Layer(layer) => {
                let layer: Option<u32> = layer.parse().ok();
                let there = |sae: &&SaeInfo| layer.is_some() && layer_of(&sae.hook) == layer;
                let found = self.saes.iter().filter(there).collect();
                (found, self.no_layer(layer))
            }
            Of::Named(name) => {
                let whole = |sae: &&SaeInfo| sae.id.eq_ignore_ascii_case(name);
                let lower = name.to_ascii_lowercase();
                let part = |sae: &&SaeInfo| sae.id.to_ascii_lowercase().contains(&lower);
                let mut found: Vec<_> = self.saes.iter().filter(whole).collect();
                if found.is_empty() {
                    found = self.saes.iter().filter(part).collect();
                }
                (
                    found,
                    format!("No SAE with “{name}” in its name is loaded."),
                )
            }
        };
        if found.is_empty() {
            Err(why_not)
        } else {
            Ok(found)
        }
    }

    fn no_layer(&self, layer: Option<u32>) -> String {
        let mut layers: Vec<_> = self
            .saes
            .iter()
            .filter_map(|sae| layer_of(&sae.hook))
            .collect();
        layers.sort_unstable();
        layers.dedup();
        let layers: Vec<_> = layers.iter().map(u32::to_string).collect();
        let asked = layer.map_or_else(|| "that layer".to_owned(), |layer| format!("layer {layer}"));
        match layers.as_slice() {
            [] => format!("No SAE of {asked} is loaded."),
            [one] => format!("No SAE of {asked} is loaded: there is one of layer {one}."),
            [most @ .., last] => format!(
                "No SAE of {asked} is loaded: there are those of layers {} and {last}.",
                most.join(", ")
            ),
        }
    }
}

fn hit(sae: &SaeInfo, latent: u32) -> (Match, Hit) {
    let hit = Hit {
        target: Target::Feature {
            sae: sae.id.clone(),
            latent,
        },
        name: format!("Feature {latent}"),
        about: format!("{} · {}", hook_label(&sae.hook), readable(&sae.id)),
    };
    // Nothing else is meant by a number.
    (Match::Whole, hit)
}

/// True if an SAE has a latent of this index.
fn has(sae: &SaeInfo, latent: u32) -> bool {
    usize::try_from(latent).is_ok_and(|latent| latent < sae.n_latents)
}

impl Source for Features<'_> {
    fn find(&self, query: &str) -> (Vec<(Match, Hit)>, Option<String>) {
        let Some((of, digits)) = parse(query) else {
            return (Vec::new(), None);
        };
        let saes = match self.saes_of(of) {
            Ok(saes) => saes,
            Err(why_not) => return (Vec::new(), Some(why_not)),
        };
        let latent: Option<u32> = digits.parse().ok();
        let hits: Vec<_> = latent
            .into_iter()
            .flat_map(|latent| {
                let having = saes.iter().filter(move |sae| has(sae, latent));
                having.map(move |sae| hit(sae, latent))
            })
            .collect();
        let most = saes.iter().map(|sae| sae.n_latents).max().unwrap_or(0);
        let problem = hits.is_empty().then(|| no_feature(digits, most));
        (hits, problem)
    }

    fn has(&self, target: &Target) -> bool {
        let Target::Feature { sae, latent } = target else {
            return false;
        };
        self.saes
            .iter()
            .any(|one| one.id == *sae && has(one, *latent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_for_features_are_understood() {
        let selected = [
            "903",
            " 903 ",
            "f903",
            "F903",
            "feature 903",
            "Latent 903",
            "#903",
            "/903",
        ];
        for query in selected {
            assert_eq!(parse(query), Some((Of::Selected, "903")), "{query}");
        }
        let of_layer = [
            "L3/903",
            "l3 903",
            "layer 3 903",
            "Layer 3 / 903",
            "layer 3 feature 903",
            "L3/f903",
            "3/903",
            "layer3/903",
        ];
        for query in of_layer {
            assert_eq!(parse(query), Some((Of::Layer("3"), "903")), "{query}");
        }
        let named = [
            ("openai.layer_3/903", "openai.layer_3"),
            ("oai-v5-32k-resid-post@8/903", "oai-v5-32k-resid-post@8"),
            ("owner/name:file.pt/f903", "owner/name:file.pt"),
        ];
        for (query, name) in named {
            assert_eq!(parse(query), Some((Of::Named(name), "903")), "{query}");
        }
        for query in [
            "",
            "L3",
            "layer 3",
            "openai.layer_3",
            "copy",
            "gpt2",
            "half 3",
            "é3",
            "layer x 3",
        ] {
            assert_eq!(parse(query), None, "{query}");
        }
    }
}
