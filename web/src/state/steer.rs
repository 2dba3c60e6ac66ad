//! Steering: edits of features under which the model continues the prompt, beside its continuation without them. The edits stand in
//! the address.

use std::str::FromStr as _;

use wire::{Edit, Operation};

use super::tray::FeatureId;
use super::{History, State};
use crate::data::{Generation, SaeInfo, Token};
use crate::format::number;

/// Largest factor of a slider that scales, and largest number of one that sets or adds where nothing is known of the feature.
pub const SLIDER_SCALE: f32 = 4.0;
/// See [`SLIDER_SCALE`].
pub const SLIDER: f32 = 20.0;

/// The number that is added of a feature that was chosen without one.
const PUSH: f32 = 6.0;

/// A continuation: without the edits, or with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Without.
    Clean,
    /// With.
    Steered,
}

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Most new tokens.
    MaxTokens,
    /// Temperature.
    Temperature,
    /// Number of likeliest tokens to draw from; 0 for all.
    TopK,
    /// Probability that the likeliest tokens reach together from which one is drawn; 1 for all.
    TopP,
    /// Divides the logits of tokens that stand in the text; 1 changes nothing.
    RepetitionPenalty,
    /// Seed of the draws.
    Seed,
}

impl Setting {
    /// All, in the order of the page.
    pub const ALL: [Self; 6] = [
        Self::MaxTokens,
        Self::Temperature,
        Self::TopK,
        Self::TopP,
        Self::RepetitionPenalty,
        Self::Seed,
    ];
}

/// Settings that make sense.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Most new tokens.
    pub max_tokens: u32,
    /// 0 takes the likeliest token each time.
    pub temperature: f64,
    /// 0 for all.
    pub top_k: u32,
    /// 1 for all.
    pub top_p: f64,
    /// 1 changes nothing.
    pub repetition_penalty: f64,
    /// Seed of the draws.
    pub seed: u32,
}

/// A continuation as it comes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// Its tokens so far.
    pub tokens: Vec<Token>,
    /// The whole text, once it has ended.
    pub text: Option<String>,
    /// True if it was stopped before its end.
    pub cancelled: bool,
    /// True if it ended because the model's context is full.
    pub full: bool,
}

/// What is steered, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Steer {
    /// Settings as typed, in the order of [`Setting::ALL`].
    typed: [String; 6],
    /// The feature or edit to be added, as typed.
    pub adding: String,
    /// Why it cannot be.
    pub refused: Option<String>,
    /// A row whose text cannot be read: its number, what was typed, and why.
    pub unread: Option<(usize, String, String)>,
    /// True while a run goes on.
    pub running: bool,
    /// Tells it from those before it.
    pub run: u32,
    /// The prompt that is continued.
    pub prompt: String,
    /// The edits of the run, as text.
    pub edits: String,
    /// Continuation without edits.
    pub clean: Column,
    /// Continuation with them.
    pub steered: Column,
    /// KL(clean ‖ edited) of the distribution that each steered token was drawn from, nats; empty until it is measured.
    pub kl: Vec<f32>,
    /// Why it ended early.
    pub ended: Option<String>,
}

impl Default for Steer {
    fn default() -> Self {
        Self {
            typed: ["40", "0.8", "0", "1", "1", "0"].map(str::to_owned),
            adding: String::new(),
            refused: None,
            unread: None,
            running: false,
            run: 0,
            prompt: String::new(),
            edits: String::new(),
            clean: Column::default(),
            steered: Column::default(),
            kl: Vec::new(),
            ended: None,
        }
    }
}

/// Something about steering.
#[derive(Clone, Debug)]
pub enum SteerAction {
    /// A setting, as typed.
    Set(Setting, String),
    /// The feature or edit to be added, as typed.
    Adding(String),
    /// It is added.
    Add,
    /// An edit is added.
    AddEdit(Edit),
    /// Another text of the edit with this number.
    Write(usize, String),
    /// Another number of the edit with this number, by its slider.
    Slide(usize, f32),
    /// Switches the edit with this number on or off.
    Switch(usize),
    /// Removes the edit with this number.
    Remove(usize),
    /// A prompt and edits that belong together take the place of those on screen.
    Example(String, Vec<Edit>),
    /// A run begins, with the prompt and the text of its edits.
    Started(u32, String, String),
    /// A run's next token came.
    Came(u32, Side, Token),
    /// A continuation ended.
    Ended(u32, Side, Generation),
    /// The run ended: KL at each steered token, or why there is none.
    Finished(u32, Result<Vec<f32>, String>),
}

impl Steer {
    /// A setting, as typed.
    pub fn typed(&self, setting: Setting) -> &str {
        &self.typed[setting as usize]
    }

    /// The settings, if all of them make sense; else what does not.
    ///
    /// # Errors
    /// The sentence to show.
    pub fn settings(&self) -> Result<Settings, &'static str> {
        let whole = |setting: Setting, least: u32| {
            let value: Option<u32> = self.typed(setting).trim().parse().ok();
            value.filter(|value| *value >= least)
        };
        let value = |setting: Setting, fits: fn(f64) -> bool| {
            number(self.typed(setting)).filter(|value| fits(*value))
        };
        Ok(Settings {
            max_tokens: whole(Setting::MaxTokens, 1)
                .ok_or("The number of tokens must be a whole number from 1 on.")?,
            temperature: value(Setting::Temperature, |value| value >= 0.0)
                .ok_or("The temperature must be a number from 0 on.")?,
            top_k: whole(Setting::TopK, 0)
                .ok_or("Top-k must be a whole number from 0 on; 0 draws from all tokens.")?,
            top_p: value(Setting::TopP, |value| value > 0.0 && value <= 1.0)
                .ok_or("Top-p must be a number above 0 and at most 1; 1 draws from all tokens.")?,
            repetition_penalty: value(Setting::RepetitionPenalty, |value| value > 0.0)
                .ok_or("The repetition penalty must be a number above 0; 1 changes nothing.")?,
            seed: whole(Setting::Seed, 0).ok_or("The seed must be a whole number from 0 on.")?,
        })
    }

    /// True while what comes for this run belongs on the page.
    fn awaits(&self, run: u32) -> bool {
        self.running && self.run == run
    }

    fn column(&mut self, side: Side) -> &mut Column {
        match side {
            Side::Clean => &mut self.clean,
            Side::Steered => &mut self.steered,
        }
    }

    /// Without a run; one that goes on does so for nobody.
    pub(super) fn stop(&mut self, why: &str) {
        if self.running {
            self.running = false;
            self.ended = Some(why.to_owned());
        }
    }

    /// Number of the first token by which the two continuations differ; nothing while they are the same.
    pub fn first_difference(&self) -> Option<usize> {
        let (clean, steered) = (&self.clean.tokens, &self.steered.tokens);
        let same = clean
            .iter()
            .zip(steered)
            .take_while(|(clean, steered)| clean.id == steered.id);
        let same = same.count();
        let both_done = self.clean.text.is_some() && self.steered.text.is_some();
        let ended = same == clean.len().min(steered.len());
        match ended && (!both_done || clean.len() == steered.len()) {
            true => None,
            false => Some(same),
        }
    }
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

impl State {
    pub(super) fn steer(&mut self, action: SteerAction) {
        match action {
            SteerAction::Set(setting, value) => self.steer.typed[setting as usize] = value,
            SteerAction::Adding(text) => {
                self.steer.adding = text;
                self.steer.refused = None;
            }
            SteerAction::Add if self.steer.adding.trim().is_empty() => {}
            SteerAction::Add => {
                let selected = self.place.sae.as_deref();
                match edit_of(&self.steer.adding, selected, &self.saes) {
                    Ok(edit) => {
                        self.steer.adding.clear();
                        self.steer_by(|edits| edits.push(edit));
                    }
                    Err(why) => self.steer.refused = Some(why),
                }
            }
            SteerAction::AddEdit(edit) => self.steer_by(|edits| edits.push(edit)),
            SteerAction::Write(index, text) => match Edit::from_str(text.trim()) {
                Ok(edit) => self.steer_by(|edits| {
                    if let Some(old) = edits.get_mut(index) {
                        *old = edit;
                    }
                }),
                Err(error) => self.steer.unread = Some((index, text, error.to_string())),
            },
            SteerAction::Slide(index, value) => {
                self.steer_by(|edits| {
                    if let Some(edit) = edits.get_mut(index) {
                        edit.operation = with_value(edit.operation, value);
                    }
                });
                // A slider moves through many numbers; none of them is a step to go back to.
                self.history = History::Replace;
            }
            SteerAction::Switch(index) => self.steer_by(|edits| {
                if let Some(edit) = edits.get_mut(index) {
                    edit.on = !edit.on;
                }
            }),
            SteerAction::Remove(index) => self.steer_by(|edits| {
                if index < edits.len() {
                    edits.remove(index);
                }
            }),
            SteerAction::Example(prompt, edits) => {
                self.steer_by(|all| *all = edits);
                self.choose_prompt(prompt);
            }
            SteerAction::Started(run, prompt, edits) => {
                self.steer = Steer {
                    typed: self.steer.typed.clone(),
                    adding: std::mem::take(&mut self.steer.adding),
                    unread: self.steer.unread.take(),
                    running: true,
                    run,
                    prompt,
                    edits,
                    ..Steer::default()
                };
            }
            SteerAction::Came(run, side, token) if self.steer.awaits(run) => {
                self.steer.column(side).tokens.push(token);
            }
            SteerAction::Ended(run, side, generation) if self.steer.awaits(run) => {
                let column = self.steer.column(side);
                column.full = generation.is_full();
                column.cancelled = generation.cancelled;
                column.text = Some(generation.text);
            }
            SteerAction::Finished(run, result) if self.steer.awaits(run) => {
                self.steer.running = false;
                let cancelled = self.steer.clean.cancelled || self.steer.steered.cancelled;
                self.steer.ended = cancelled.then(|| "Stopped.".to_owned());
                match result {
                    Ok(kl) => self.steer.kl = kl,
                    Err(why) => self.steer.ended = Some(why),
                }
            }
            // Of a run that the page has given up.
            SteerAction::Came(..) | SteerAction::Ended(..) | SteerAction::Finished(..) => {}
        }
    }

    /// Changes the edits, which is a step of the history.
    fn steer_by(&mut self, change: impl FnOnce(&mut Vec<Edit>)) {
        change(&mut self.place.steer);
        self.steer.unread = None;
        self.steer.refused = None;
        self.history = History::Push;
    }

    /// The edits as text, those that are switched off with their mark.
    pub fn steering(&self) -> String {
        wire::Edits(self.place.steer.clone()).to_string()
    }

    /// Ids of SAEs that the edits name and that are not loaded.
    pub fn steering_lacks(&self) -> Vec<String> {
        let known = |id: &&String| {
            !self
                .saes
                .iter()
                .any(|sae| sae.id == **id || sae.hook == **id)
        };
        let named = self.place.steer.iter().filter(|edit| edit.on);
        let named = named.flat_map(|edit| {
            let condition = edit.when.iter().map(|when| &when.sae);
            std::iter::once(&edit.sae).chain(condition)
        });
        let mut lacking: Vec<String> = named.filter(known).cloned().collect();
        lacking.sort();
        lacking.dedup();
        lacking
    }
}
