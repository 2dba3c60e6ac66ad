//! Pinned features. They stand in the address.

use super::{History, State};

/// A feature: a latent of an SAE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureId {
    /// Id of the SAE.
    pub sae: String,
    /// The latent.
    pub latent: u32,
}

impl FeatureId {
    /// Its form in the address: `openai.layer_3/903`.
    pub fn to_text(&self) -> String {
        format!("{}/{}", self.sae, self.latent)
    }

    /// Reads it; nothing where it is something else.
    pub fn from_text(text: &str) -> Option<Self> {
        let (sae, latent) = text.rsplit_once('/')?;
        Some(Self {
            sae: (!sae.is_empty()).then(|| sae.to_owned())?,
            latent: latent.parse().ok()?,
        })
    }
}

/// Something about pinned features.
#[derive(Clone, Debug)]
pub enum TrayAction {
    /// A feature is pinned, or no longer where it is.
    Pin(FeatureId),
    /// A pinned or edited feature is selected, in its SAE.
    Show(FeatureId),
}

impl State {
    pub(super) fn tray(&mut self, action: TrayAction) {
        match action {
            TrayAction::Pin(feature) => {
                let pins = &mut self.place.pins;
                let before = pins.len();
                pins.retain(|pin| *pin != feature);
                if pins.len() == before {
                    pins.push(feature);
                }
                self.history = History::Push;
            }
            TrayAction::Show(FeatureId { sae, latent }) => {
                if self.saes.iter().any(|one| one.id == sae) {
                    if self.place.sae.as_ref() != Some(&sae) {
                        self.select_feature(None, History::Push);
                        self.place.sae = Some(sae);
                    }
                    self.select_feature(Some(latent), History::Push);
                }
            }
        }
    }

    /// Another model comes: what was pinned and edited belongs to the one before.
    pub(super) fn empty_tray(&mut self) {
        self.place.pins.clear();
        self.place.edits.clear();
        self.editing.answer = None;
    }
}
