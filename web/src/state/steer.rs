//! Steering: the model continues the prompt under the edits, beside its continuation without them.

use wire::Edit;

use super::{State, settings};
use crate::data::{Generation, Stop, Token};

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
        Ok(Settings {
            max_tokens: settings::max_tokens(self.typed(Setting::MaxTokens))?,
            temperature: settings::temperature(self.typed(Setting::Temperature))?,
            top_k: settings::top_k(self.typed(Setting::TopK))?,
            top_p: settings::top_p(self.typed(Setting::TopP))?,
            repetition_penalty: settings::repetition_penalty(
                self.typed(Setting::RepetitionPenalty),
            )?,
            seed: settings::seed(self.typed(Setting::Seed))?,
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

impl State {
    pub(super) fn steer(&mut self, action: SteerAction) {
        match action {
            SteerAction::Set(setting, value) => self.steer.typed[setting as usize] = value,
            SteerAction::Example(prompt, edits) => {
                self.choose_prompt(prompt);
                self.change_edits(|all| *all = edits);
            }
            SteerAction::Started(run, prompt, edits) => {
                self.steer = Steer {
                    typed: self.steer.typed.clone(),
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
                column.full = generation.stop == Stop::ContextFull;
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
}
