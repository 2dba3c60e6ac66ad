//! The edits of features: one list for the whole page. It stands in the address; the prompt is run under those that are on, and
//! continued under them.

use std::str::FromStr as _;

use wire::{Edit, Operation, Positions};

use super::tray::FeatureId;
use super::{EditSpec, History, Note, Remote, State};
use crate::data::{Edited, SaeInfo};
use crate::shared::Shared;

/// Largest factor of a slider that scales, and largest number of one that sets or adds where nothing is known of the feature.
pub const SLIDER_SCALE: f32 = 4.0;
/// See [`SLIDER_SCALE`].
pub const SLIDER: f32 = 20.0;

/// The number that is added of a feature that was chosen without one.
const PUSH: f32 = 6.0;

/// Most positions that a range of an address may have; more than any context has.
const MOST_POSITIONS: u32 = 1 << 16;

/// What is typed about edits, and what those in force change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Editing {
    /// The feature or edit to be added, as typed.
    pub adding: String,
    /// Why it cannot be.
    pub refused: Option<String>,
    /// A row whose text cannot be read: its number, what was typed, and why.
    pub unread: Option<(usize, String, String)>,
    /// True while the tray shows the rows with their sliders.
    pub open: bool,
    /// The edits that were run, and what came of them.
    pub answer: Option<(EditSpec, Remote<Shared<Edited>>)>,
    /// The run before, shown until the next one has ended.
    before: Option<(EditSpec, Shared<Edited>)>,
}

/// Something about edits.
#[derive(Clone, Debug)]
pub enum EditAction {
    /// The feature or edit to be added, as typed.
    Adding(String),
    /// It is added.
    Add,
    /// An edit is added, in the place of those of the same feature at the same tokens.
    Put(Edit),
    /// Another text of the edit with this number.
    Write(usize, String),
    /// Another number of the edit with this number, by its slider.
    Slide(usize, f32),
    /// Switches the edit with this number on or off.
    Switch(usize),
    /// Removes the edit with this number.
    Remove(usize),
    /// The tray shows or hides the rows.
    Open(bool),
    /// A run is requested.
    Requested(EditSpec),
    /// What came of it.
    Received(EditSpec, Result<Edited, String>),
}

/// Whether an edit is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is run with the trace on screen, or will be once that is there.
    On,
    /// It is switched off.
    Off,
    /// Its SAE, or that of its condition, is not loaded.
    Missing,
    /// The prompt has fewer tokens than it names; with their number.
    Beyond(usize),
    /// An edit before it changes the same feature at the same tokens.
    Twice,
}

/// The edit of a part of an address: in the grammar of edits, or as links had it before: `openai.layer_3/903=1.5@5,7-9`.
pub fn from_address(text: &str) -> Option<Edit> {
    Edit::from_str(text).ok().or_else(|| earlier(text))
}

/// Read from its end, because an SAE's id may have any character.
fn earlier(text: &str) -> Option<Edit> {
    let (rest, ranges) = text.rsplit_once('@')?;
    let (feature, value) = rest.rsplit_once('=')?;
    let mut positions = Vec::new();
    for range in ranges.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        let wide = last.checked_sub(first)? >= MOST_POSITIONS;
        positions.extend((!wide).then_some(first..=last)?);
    }
    positions.sort_unstable();
    positions.dedup();
    let FeatureId { sae, latent } = FeatureId::from_text(feature)?;
    let edit = Edit {
        positions: Some(positions.into_iter().collect()),
        ..Edit::set(&sae, latent, crate::format::read(value)? as f32)
    };
    edit.check_values().ok()?;
    Some(edit)
}

/// The range of an edit's slider: what is set or scaled by is not negative. `usual` is the feature's largest activation by itself, where
/// it is known; the edit's own number is always in the range.
pub fn slider(operation: Operation, usual: Option<f32>) -> (f32, f32) {
    let far = usual.map_or(SLIDER, |usual| (2.0 * usual).ceil());
    let (least, most) = match operation {
        Operation::Set(_) => (0.0, far),
        Operation::Add(_) => (-far, far),
        Operation::Scale(_) => (0.0, SLIDER_SCALE),
    };
    let value = operation.value();
    (f32::min(least, value), f32::max(most, value))
}

fn with_value(operation: Operation, value: f32) -> Operation {
    match operation {
        Operation::Set(_) => Operation::Set(value),
        Operation::Add(_) => Operation::Add(value),
        Operation::Scale(_) => Operation::Scale(value),
    }
}

/// The edit of a text: in the grammar of edits, or the number of a feature, which is pushed.
fn edit_of(text: &str, selected: Option<&str>, saes: &[SaeInfo]) -> Result<Edit, String> {
    let text = text.trim();
    if text.contains('=') {
        return Edit::from_str(text).map_err(|error| error.to_string());
    }
    let FeatureId { sae, latent } = feature_of(text, selected, saes)?;
    Ok(Edit::new(&sae, latent, Operation::Add(PUSH)))
}

/// The feature of a text: `903` of the selected SAE, `L3/903`, `openai.layer_3/903`.
pub(super) fn feature_of(
    text: &str,
    selected: Option<&str>,
    saes: &[SaeInfo],
) -> Result<FeatureId, String> {
    let expected = || {
        "Name a feature by its number (903), its layer and number (L3/903), or write an edit (openai.layer_3:903=+6x).".to_owned()
    };
    let (set, latent) = text
        .rsplit_once(['/', ':'])
        .map_or((None, text), |(set, latent)| (Some(set.trim()), latent));
    let latent: u32 = latent.trim().parse().map_err(|_| expected())?;
    let of_layer = |set: &str| {
        let layer: u32 = set.strip_prefix(['L', 'l'])?.parse().ok()?;
        let hook = format!("blocks.{layer}.hook_resid_post");
        saes.iter().find(|sae| sae.hook == hook)
    };
    let sae = match set {
        None => selected
            .and_then(|id| saes.iter().find(|sae| sae.id == id))
            .ok_or("Select an SAE first, or name the layer: L3/903.")?,
        Some(set) => saes
            .iter()
            .find(|sae| sae.id == set)
            .or_else(|| of_layer(set))
            .ok_or_else(|| format!("No SAE “{set}” is loaded."))?,
    };
    if latent as usize >= sae.n_latents {
        return Err(format!(
            "{} has {} features, numbered from 0: there is no {latent}.",
            sae.id, sae.n_latents
        ));
    }
    Ok(FeatureId {
        sae: sae.id.clone(),
        latent,
    })
}

/// True if both change the same feature at a same position; `same` says whether two names mean the same feature set.
fn collide(one: &Edit, two: &Edit, same: impl Fn(&str, &str) -> bool) -> bool {
    let everywhere = Positions::starting_at(0);
    let at = |edit: &Edit| edit.positions.clone().unwrap_or_else(|| everywhere.clone());
    one.latent == two.latent && same(&one.sae, &two.sae) && at(one).overlaps(&at(two))
}

impl State {
    pub(super) fn edits(&mut self, action: EditAction) {
        match action {
            EditAction::Adding(text) => {
                self.editing.adding = text;
                self.editing.refused = None;
            }
            EditAction::Add if self.editing.adding.trim().is_empty() => {}
            EditAction::Add => {
                let selected = self.place.sae.as_deref();
                match edit_of(&self.editing.adding, selected, &self.saes) {
                    Ok(edit) => {
                        self.editing.adding.clear();
                        self.change_edits(|edits| edits.push(edit));
                    }
                    Err(why) => self.editing.refused = Some(why),
                }
            }
            EditAction::Put(edit) => {
                self.change_edits(|edits| {
                    edits.retain(|one| !collide(one, &edit, |one, two| one == two));
                    edits.push(edit);
                });
            }
            EditAction::Write(index, text) => match Edit::from_str(text.trim()) {
                Ok(edit) => self.change_edits(|edits| {
                    if let Some(old) = edits.get_mut(index) {
                        *old = edit;
                    }
                }),
                Err(error) => self.editing.unread = Some((index, text, error.to_string())),
            },
            EditAction::Slide(index, value) => {
                self.change_edits(|edits| {
                    if let Some(edit) = edits.get_mut(index) {
                        edit.operation = with_value(edit.operation, value);
                    }
                });
                // A slider moves through many numbers; none of them is a step to go back to.
                self.history = History::Replace;
            }
            EditAction::Switch(index) => self.change_edits(|edits| {
                if let Some(edit) = edits.get_mut(index) {
                    edit.on = !edit.on;
                }
            }),
            EditAction::Remove(index) => self.change_edits(|edits| {
                if index < edits.len() {
                    edits.remove(index);
                }
            }),
            EditAction::Open(open) => self.editing.open = open,
            EditAction::Requested(spec) => self.editing.answer = Some((spec, Remote::Waiting)),
            EditAction::Received(spec, result) => self.received(&spec, result),
        }
    }

    fn received(&mut self, spec: &EditSpec, result: Result<Edited, String>) {
        let Some((asked, answer)) = &mut self.editing.answer else {
            return;
        };
        if asked != spec {
            return;
        }
        *answer = match result {
            Ok(edited) => {
                let edited = Shared::new(edited);
                self.editing.before = Some((spec.clone(), edited.clone()));
                Remote::Here(edited)
            }
            Err(why) => Remote::Failed(why),
        };
    }

    /// Changes the edits, which is a step of the history.
    pub(super) fn change_edits(&mut self, change: impl FnOnce(&mut Vec<Edit>)) {
        change(&mut self.place.edits);
        self.editing.unread = None;
        self.editing.refused = None;
        // What failed is run once more.
        if let Some((_, Remote::Failed(_))) = self.editing.answer {
            self.editing.answer = None;
        }
        self.history = History::Push;
    }

    /// The loaded SAE that an edit names by its id, or by the hook point where it is.
    pub fn edited_sae(&self, name: &str) -> Option<&SaeInfo> {
        let by_id = self.saes.iter().find(|sae| sae.id == name);
        by_id.or_else(|| self.saes.iter().find(|sae| sae.hook == name))
    }

    /// Whether each edit of the list is in force.
    pub fn standings<'a>(&'a self) -> Vec<Standing> {
        let tokens = self.trace.as_ref().filter(|_| self.is_current());
        let tokens = tokens.map(|trace| trace.tokens.len());
        let missing = |name: &str| self.model.is_some() && self.edited_sae(name).is_none();
        let id = |name: &str| self.edited_sae(name).map(|sae| sae.id.clone());
        let mut in_force: Vec<&Edit> = Vec::new();
        let mut standing = |edit: &'a Edit| {
            let condition = edit.when.as_ref();
            if !edit.on {
                return Standing::Off;
            }
            if missing(&edit.sae) || condition.is_some_and(|when| missing(&when.sae)) {
                return Standing::Missing;
            }
            let last = edit.positions.as_ref().and_then(Positions::last);
            if let (Some(last), Some(tokens)) = (last, tokens)
                && last as usize >= tokens
            {
                return Standing::Beyond(tokens);
            }
            let same = |one: &str, two: &str| one == two || id(one) == id(two);
            if in_force.iter().any(|before| collide(before, edit, same)) {
                return Standing::Twice;
            }
            in_force.push(edit);
            Standing::On
        };
        self.place.edits.iter().map(&mut standing).collect()
    }

    /// The edits that are in force.
    pub fn edits_in_force(&self) -> Vec<Edit> {
        let edits = self.place.edits.iter().zip(self.standings());
        let on = edits.filter(|(_, standing)| *standing == Standing::On);
        on.map(|(edit, _)| edit.clone()).collect()
    }

    /// The run with all edits in force; nothing where there are none, or the prompt is not traced yet.
    fn run_in_force(&self) -> Option<EditSpec> {
        let trace = self.trace.as_ref().filter(|_| self.is_current())?;
        let edits = self.edits_in_force();
        let tokens = trace.ids();
        (!edits.is_empty()).then_some(EditSpec { tokens, edits })
    }

    /// The run with edits that is to be requested: of those in force, if it was not requested already. One at a time: a slider asks
    /// for more than a model computes.
    pub fn edits_to_run(&self) -> Option<EditSpec> {
        let wanted = self.run_in_force()?;
        match &self.editing.answer {
            Some((_, Remote::Waiting)) => None,
            Some((asked, _)) if *asked == wanted => None,
            _ => Some(wanted),
        }
    }

    /// What the edits in force change, as far as it is known.
    pub fn edited(&self) -> Option<&(EditSpec, Remote<Shared<Edited>>)> {
        let wanted = self.run_in_force()?;
        self.editing
            .answer
            .as_ref()
            .filter(|(asked, _)| *asked == wanted)
    }

    /// What the edits in force changed when they were run last, with other numbers perhaps; of the same tokens.
    pub fn edited_before(&self) -> Option<&Shared<Edited>> {
        let wanted = self.run_in_force()?;
        let (asked, edited) = self.editing.before.as_ref()?;
        (asked.tokens == wanted.tokens && asked.edits.len() == wanted.edits.len()).then_some(edited)
    }

    /// Ids of SAEs that edits name and that are not loaded; those that are switched off need none.
    pub fn edits_lack(&self) -> Vec<String> {
        let named = self.place.edits.iter().filter(|edit| edit.on);
        let named = named.flat_map(|edit| {
            let condition = edit.when.iter().map(|when| &when.sae);
            std::iter::once(&edit.sae).chain(condition)
        });
        let unknown = named.filter(|name| self.edited_sae(name).is_none());
        let mut lacking: Vec<String> = unknown.cloned().collect();
        lacking.sort();
        lacking.dedup();
        lacking
    }

    /// Another prompt comes, with other tokens: an edit at given tokens of the one before means nothing there. True if there was one.
    pub(super) fn switch_edits_off(&mut self) -> bool {
        let any = self.place.switch_positions_off();
        if any {
            self.note = Note::staying(
                "Edits at given tokens were switched off: those were tokens of the prompt before. The browser's Back button brings both back.",
            );
        }
        any
    }

    /// The same text comes with a BOS more or less: edits stay at their tokens. One at the BOS alone ends with it.
    pub(super) fn shift_edits(&mut self, before: bool, now: bool) {
        let by = i32::from(now) - i32::from(before);
        let all = self.place.edits.len();
        self.place.edits.retain_mut(|edit| {
            let Some(positions) = &mut edit.positions else {
                return true;
            };
            let had = !positions.0.is_empty();
            *positions = positions.shifted(by);
            !had || !positions.0.is_empty()
        });
        if self.place.edits.len() < all {
            self.note = Note::staying("The edit was taken off: it was at the BOS, which is gone.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_of_earlier_links_are_read() {
        let read = |text: &str| from_address(text).map(|edit| edit.to_string());
        let text = "owner/name@main:a=b@blocks.3.hook_resid_post/903=-1.5@2,5-7,9";
        let now = "\"owner/name@main:a=b@blocks.3.hook_resid_post\":903=-1.5@2,5..8,9";
        assert_eq!(read(text).as_deref(), Some(now));
        assert_eq!(read(now).as_deref(), Some(now));
        // In any order, and overlapping.
        assert_eq!(read("a/1=0@7,2-3,3-4").as_deref(), Some("a:1=0@2..5,7"));
        for wrong in [
            "a/1=0@",
            "a/1=0",
            "a/1@3",
            "/1=0@3",
            "a/x=0@3",
            "a/1=inf@3",
            "a/1=1e9@3",
            "a/1=@3",
            "a/1=0@4-3",
            "a/1=0@0-4294967295",
            "a/1=0@-3",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
