//! The tray: pinned features and edits in force. Both stand in the address; what an edit changes is computed from there.

use super::{EditSpec, History, Note, Remote, State};
use crate::data::Edited;
use crate::format;
use crate::shared::Shared;

/// Most positions that a range of an address may have; more than any context has.
const MOST_POSITIONS: usize = 1 << 16;

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

/// A feature that is set to a value at some tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    /// The feature.
    pub feature: FeatureId,
    /// The activation that it is set to, finite.
    pub value: f64,
    /// Indices of the tokens, ascending, at least one.
    pub positions: Vec<usize>,
}

impl Edit {
    /// Its form in the address: `openai.layer_3/903=1.5@5,7-9`.
    pub fn to_text(&self) -> String {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for &position in &self.positions {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == position => *last = position,
                _ => ranges.push((position, position)),
            }
        }
        let ranges: Vec<String> = ranges
            .into_iter()
            .map(|(first, last)| match first == last {
                true => first.to_string(),
                false => format!("{first}-{last}"),
            })
            .collect();
        let (feature, value) = (self.feature.to_text(), format::exact(self.value));
        format!("{feature}={value}@{}", ranges.join(","))
    }

    /// Reads it; nothing where it is something else. It is read from its end, because an SAE's id may have any character.
    pub fn from_text(text: &str) -> Option<Self> {
        let (rest, ranges) = text.rsplit_once('@')?;
        let (feature, value) = rest.rsplit_once('=')?;
        let mut positions = Vec::new();
        for range in ranges.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            let wide = last.checked_sub(first)? >= MOST_POSITIONS;
            positions.extend((!wide).then_some(first..=last)?);
        }
        positions.sort_unstable();
        positions.dedup();
        Some(Self {
            feature: FeatureId::from_text(feature)?,
            value: format::read(value)?,
            positions,
        })
    }
}

/// The last run with edits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tray {
    /// The edits that were run, and what came of them.
    pub answer: Option<(EditSpec, Remote<Shared<Edited>>)>,
}

/// Something about pinned features and edits.
#[derive(Clone, Debug)]
pub enum TrayAction {
    /// A feature is pinned, or no longer where it is.
    Pin(FeatureId),
    /// A pinned or edited feature is selected, in its SAE.
    Show(FeatureId),
    /// An edit takes the place of those that are on.
    Edit(Edit),
    /// The edit with this index is taken off.
    TakeOff(usize),
    /// A run with edits is requested.
    Requested(EditSpec),
    /// What came of it.
    Received(EditSpec, Result<Edited, String>),
}

/// State of an edit that stands in the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is run with the trace on screen, or will be once that is there.
    On,
    /// Its SAE is not loaded.
    Missing,
    /// The prompt has fewer tokens than it names; with their number.
    Beyond(usize),
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
            TrayAction::Edit(edit) => {
                self.place.edits = vec![edit];
                // The same once more is run once more, as after a failure.
                self.tray.answer = None;
                self.history = History::Push;
            }
            TrayAction::TakeOff(index) => {
                if index < self.place.edits.len() {
                    self.place.edits.remove(index);
                }
                self.tray.answer = None;
                self.history = History::Push;
            }
            TrayAction::Requested(spec) => self.tray.answer = Some((spec, Remote::Waiting)),
            TrayAction::Received(spec, result) => {
                if let Some((asked, answer)) = &mut self.tray.answer
                    && *asked == spec
                {
                    *answer = result
                        .map_or_else(Remote::Failed, |edited| Remote::Here(Shared::new(edited)));
                }
            }
        }
    }

    /// State of an edit.
    pub fn standing(&self, edit: &Edit) -> Standing {
        if self.model.is_some() && !self.saes.iter().any(|sae| sae.id == edit.feature.sae) {
            return Standing::Missing;
        }
        match &self.trace {
            Some(trace)
                if self.is_current()
                    && edit
                        .positions
                        .last()
                        .is_some_and(|last| *last >= trace.tokens.len()) =>
            {
                Standing::Beyond(trace.tokens.len())
            }
            _ => Standing::On,
        }
    }

    /// The run with all edits that are on; nothing where there are none, or the prompt is not traced yet.
    fn edits_in_force(&self) -> Option<EditSpec> {
        let trace = self.trace.as_ref().filter(|_| self.is_current())?;
        let on = |edit: &&Edit| self.standing(edit) == Standing::On;
        let edits: Vec<Edit> = self.place.edits.iter().filter(on).cloned().collect();
        let tokens = trace.ids();
        (!edits.is_empty()).then_some(EditSpec { tokens, edits })
    }

    /// The run with edits that is to be requested: of those in force, if it was not requested already.
    pub fn edits_to_run(&self) -> Option<EditSpec> {
        let wanted = self.edits_in_force()?;
        let asked = self.tray.answer.as_ref().map(|(asked, _)| asked);
        (asked != Some(&wanted)).then_some(wanted)
    }

    /// What the edits in force change, as far as it is known.
    pub fn edited(&self) -> Option<&(EditSpec, Remote<Shared<Edited>>)> {
        let wanted = self.edits_in_force()?;
        self.tray
            .answer
            .as_ref()
            .filter(|(asked, _)| *asked == wanted)
    }

    /// Another prompt comes, with other tokens: an edit of the ones before means nothing there. True if there was one.
    pub(super) fn take_edits_off(&mut self) -> bool {
        let any = !self.place.edits.is_empty();
        if any {
            self.place.edits.clear();
            self.tray.answer = None;
            self.note = Note::staying(
                "The edit was taken off: it belongs to the tokens of the prompt before. The browser's Back button brings both back.",
            );
        }
        any
    }

    /// The same text comes with a BOS more or less: edits stay at their tokens. One at the BOS alone ends with it.
    pub(super) fn shift_edits(&mut self, before: bool, now: bool) {
        for edit in &mut self.place.edits {
            edit.positions = edit
                .positions
                .iter()
                .filter_map(|&at| (at + usize::from(now)).checked_sub(usize::from(before)))
                .collect();
        }
        let all = self.place.edits.len();
        self.place.edits.retain(|edit| !edit.positions.is_empty());
        if self.place.edits.len() < all {
            self.note = Note::staying("The edit was taken off: it was at the BOS, which is gone.");
        }
    }

    /// Another model comes: what was pinned and edited belongs to the one before.
    pub(super) fn empty_tray(&mut self) {
        self.place.pins.clear();
        self.place.edits.clear();
        self.tray.answer = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_written_with_ranges_and_read_from_its_end() {
        let edit = Edit {
            feature: FeatureId {
                sae: "owner/name@main:a=b@blocks.3.hook_resid_post".to_owned(),
                latent: 903,
            },
            value: -1.5,
            positions: vec![2, 5, 6, 7, 9],
        };
        let text = "owner/name@main:a=b@blocks.3.hook_resid_post/903=-1.5@2,5-7,9";
        assert_eq!(edit.to_text(), text);
        assert_eq!(Edit::from_text(text), Some(edit));
        // In any order, and overlapping.
        let read = Edit::from_text("a/1=0@7,2-3,3-4").map(|edit| edit.positions);
        assert_eq!(read, Some(vec![2, 3, 4, 7]));
        for wrong in [
            "a/1=0@",
            "a/1=0",
            "a/1@3",
            "/1=0@3",
            "a/x=0@3",
            "a/1=inf@3",
            "a/1=@3",
            "a/1=0@4-3",
            "a/1=0@0-99999999999",
            "a/1=0@-3",
        ] {
            assert_eq!(Edit::from_text(wrong), None, "{wrong}");
        }
    }
}
