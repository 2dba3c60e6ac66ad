//! The link of a figure to a site that shows the same live.

use wire::address::PromptAddress;

use super::error::FigureError;
use super::linked::linked;
use super::set::{DEMO, Set};
use crate::args::Bos;
use crate::error::Error;
use crate::place::Places;

/// The content of a figure as a link says it.
pub struct Shown<'a> {
    /// The text.
    pub prompt: &'a str,
    /// The selected token.
    pub token: usize,
    /// The feature.
    pub feature: Option<u32>,
    /// The choice of a BOS.
    pub bos: Bos,
}

/// A site that shows the same live.
pub struct Site {
    address: String,
    model: String,
}

impl Site {
    /// A site at this address, for a model that links can name.
    pub fn new(address: &str, places: &Places<'_>, model: &str) -> Result<Self, Error> {
        let bad = |why| FigureError::Site {
            given: address.to_owned(),
            why,
        };
        let rest = address
            .strip_prefix("https://")
            .or_else(|| address.strip_prefix("http://"))
            .ok_or_else(|| bad("it begins with https:// or http://"))?;
        if rest.is_empty() || rest.starts_with(['/', '?']) {
            return Err(bad("it has a host").into());
        }
        if address.contains('#') {
            return Err(bad(
                "it has no # and nothing behind one, which is where the prompt stands",
            )
            .into());
        }
        if address.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(bad("it has no spaces").into());
        }
        let model = match model {
            DEMO => DEMO.to_owned(),
            model => linked(model, &places.at(model)?).map_err(|why| FigureError::from(&why))?,
        };
        Ok(Self {
            address: address.to_owned(),
            model,
        })
    }

    /// The link.
    pub fn link(&self, set: &Set, shown: &Shown<'_>) -> Result<String, FigureError> {
        let hash = PromptAddress {
            model: &self.model,
            sae: set.linked.as_ref().map_err(FigureError::from)?,
            token: shown.token,
            feature: shown.feature,
            bos: match shown.bos {
                Bos::Auto => None,
                Bos::Yes => Some(true),
                Bos::No => Some(false),
            },
            prompt: shown.prompt,
        };
        Ok(format!("{}{}", self.address, hash.to_hash()))
    }
}
