//! Effects of actions on the state. Pure: nothing here calls the engine or the browser.

use super::meter::Meter;
use super::scan::index_of;
use super::selection::Selection;
use super::{Action, During, GenerateField, History, Note, Phase, Problem, Remote, State};
use crate::data::{self, ModelInfo, SaeInfo, Stop, Trace};
use crate::format::no_feature;
use crate::ranking;
use crate::shared::Shared;
use crate::state::lists::View;
use crate::state::route::Route;
use crate::state::url::Place;

impl State {
    /// The state after an action.
    pub fn after(mut self, action: Action) -> Self {
        match action {
            Action::LoadStarted => {
                self.phase = Phase::Loading;
                self.meter = Meter::default();
                self.problem = None;
            }
            Action::Load(action) => self.loading(action),
            Action::Asking => self.phase = Phase::Asking,
            Action::Recorded(recorded) => self.show_recorded(*recorded),
            Action::Introduced => self.introduced = true,
            Action::Examples(examples, expected) => {
                self.expected = Shared::new(expected);
                if self.place.prompt.is_none() {
                    self.place.prompt = examples.first().map(|example| example.text.clone());
                    self.history = History::Replace;
                }
                self.examples = Shared::new(examples);
            }
            Action::EngineReady(model, saes) => self.engine_ready(model, saes),
            Action::Informed(info, changed) => {
                self.synchronise(&info, changed);
                self.info = Some(Shared::new(info));
            }
            Action::Failed(problem) => self.failed(problem),
            Action::DismissProblem => self.problem = None,
            Action::Retry => self.trace_now(),
            Action::Note(note) => self.note = note,
            Action::Type(prompt) => self.set_prompt(prompt, History::ReplaceSoon),
            Action::UsePrompt(prompt) => self.choose_prompt(prompt),
            Action::TraceNow => self.trace_now(),
            Action::SelectBos(bos) => self.select_bos(bos),
            Action::Traced(trace) => self.traced(trace),
            Action::SelectToken(token, history) => self.select_token(token, history),
            Action::SelectFeature(latent, history) => self.select_feature(Some(latent), history),
            Action::ShowFeature { sae, latent } => self.show_feature(sae, latent),
            Action::Jump(token) => {
                self.place.token = Some(token);
                self.history = History::Push;
            }
            Action::SelectSae(sae) => self.select_sae(sae),
            Action::Matched(request, result) => self.matched(&request, result),
            Action::Tray(action) => self.tray(action),
            Action::Edit(action) => self.edits(action),
            Action::SelectView(view) => {
                self.place.view = view;
                self.history = History::Push;
            }
            Action::SelectRanking(ranking) => {
                self.place.ranking = ranking;
                self.place.view = View::Prompt;
                self.history = History::Push;
            }
            Action::Restore(place) => self.restore(place),
            Action::Arrived(place) => self.arrived(place),
            Action::Go(route) => {
                self.place.route = route;
                self.place.page = None;
                self.history = History::Push;
            }
            // A description that is there already, of the recording, stays until the live one comes.
            Action::FeatureRequested if matches!(self.feature, Remote::Here(_)) => {}
            Action::FeatureRequested => self.feature = Remote::Waiting,
            Action::FeatureReceived(sae, latent, result) => {
                if self.place.feature == Some(latent) && self.place.sae.as_ref() == Some(&sae) {
                    self.feature = result
                        .map_or_else(Remote::Failed, |feature| Remote::Here(Shared::new(feature)));
                }
            }
            Action::EditReach(reach) => self.edit.reach = reach,
            Action::EditValue(value) => self.edit.value = Some(value),
            Action::Generate(field, value) => {
                *match field {
                    GenerateField::MaxTokens => &mut self.generate.max_tokens,
                    GenerateField::Temperature => &mut self.generate.temperature,
                    GenerateField::Seed => &mut self.generate.seed,
                } = value;
            }
            Action::GenerateStarted(run, prompt) => {
                self.generate.forget();
                self.generate.running = true;
                self.generate.run = run;
                self.generate.prompt = prompt;
            }
            Action::Generated(run, text) if self.generate.awaits(run) => {
                self.generate.text.push_str(&text);
                self.generate.tokens += 1;
            }
            Action::GenerateEnded(run, ended) if self.generate.awaits(run) => {
                self.generate.running = false;
                match ended {
                    Ok(generation) => {
                        // Tokens that are parts of a character have come one by one; now they are whole.
                        self.generate.ended = data::ended(generation.stop).map(str::to_owned);
                        self.generate.full = generation.stop == Stop::ContextFull;
                        self.generate.text = generation.text;
                    }
                    Err(message) => self.generate.ended = Some(message),
                }
            }
            // Of a run that the page has given up: its prompt is no longer the one on screen.
            Action::Generated(..) | Action::GenerateEnded(..) => {}
            Action::ShowLoss(shown) => self.loss_shown = shown,
            Action::ShowKeys(open) => self.keys_open = open,
            Action::Views(action) => self.view(action),
            Action::Browse(action) => self.browse_action(action),
            Action::Atlas(action) => self.atlas_action(action),
            Action::Identity(action) => self.identity_action(action),
            Action::Scan(action) => self.scan_action(action),
            Action::Train(action) => self.train_action(action),
            Action::Compare(action) => self.compare_action(action),
            Action::Steer(action) => self.steer(action),
            Action::Circuits(action) => self.circuits(action),
            Action::Effects(action) => self.effects(action),
            Action::Dose(action) => self.dose(action),
            Action::Patch(action) => self.patch(action),
            Action::Offline(action) => self.offline_action(action),
            Action::Live(action) => self.live_action(action),
            Action::ShowFind(open) => {
                self.find_open = open;
                // One dialog at a time.
                self.keys_open &= !open;
            }
            Action::UseSingleKeys(on) => self.single_keys = on,
        }
        let own = self.place.atlas.as_deref().map(index_of);
        self.atlas.turn_to(own);
        self
    }

    fn engine_ready(&mut self, model: ModelInfo, saes: Vec<SaeInfo>) {
        self.keep_earlier(&model.id);
        if self.model.is_some() {
            // What was selected belonged to the model before.
            self.place.sae = None;
            self.place.token = None;
            self.select_feature(None, History::Replace);
            self.empty_tray();
        }
        if let Some(recorded) = &self.recorded
            && !saes.iter().any(|sae| sae.id == recorded.sae.id)
        {
            // Its SAE could not be loaded. Where an address names it, that is restored and says so.
            self.recorded = None;
            self.place.sae = None;
            self.select_feature(None, History::Replace);
        }
        self.generate.forget();
        self.place.model = Some(model.id.clone());
        let named = self.place.sae.is_some();
        self.history = History::Replace;
        self.model = Some(Shared::new(model));
        self.saes = Shared::new(saes);
        if !named {
            self.place.sae = self.middle_sae();
        }
        self.numbers.clear();
        self.identities.forget(None);
        if self.recorded.is_none() {
            self.trace = None;
        }
        self.phase = Phase::Ready;
        self.at_once = true;
        if self.place.prompt.is_none() {
            // The manifest of examples may be missing; the page then starts empty, which is no mistake of anyone's.
            self.place.prompt = Some("Once upon a time".to_owned());
        }
    }

    fn failed(&mut self, problem: Problem) {
        if problem.during == During::Loading {
            self.phase = Phase::Failed;
        }
        self.problem = Some(problem);
    }

    fn trace_now(&mut self) {
        self.problem = None;
        self.attempt = self.attempt.wrapping_add(1);
        self.at_once = true;
    }

    fn set_prompt(&mut self, prompt: String, history: History) {
        self.leave_prompt(&prompt);
        self.history = history;
        if self.prompt() != prompt {
            self.selection.inherited = true;
            if self.switch_edits_off() {
                // A step of its own, so that the back button brings the edit back with its prompt.
                self.history = History::Push;
            }
        }
        self.place.prompt = Some(prompt);
        self.at_once = false;
        if self.phase == Phase::Ready {
            self.problem = None;
        }
    }

    /// Takes a whole prompt: an example, a continuation, a shortened one.
    pub(super) fn choose_prompt(&mut self, prompt: String) {
        // Another text: what was pointed at in the old one means nothing in it.
        self.place.token = None;
        if !self.generate.running {
            self.generate.forget();
        }
        self.set_prompt(prompt, History::Push);
        self.at_once = true;
    }

    /// Another prompt comes: a continuation of the one before that still runs is given up.
    fn leave_prompt(&mut self, next: &str) {
        if self.generate.running && self.prompt() != next {
            self.generate.forget();
            self.generate.ended = Some("Stopped, because the prompt was changed.".to_owned());
        }
        if self.prompt() != next {
            let why = "Stopped, because the prompt was changed.";
            self.steer.stop(why);
            self.effects.stop(why);
            self.circuits.stop(why);
            self.dose.stop(why);
            self.patch.stop(why);
        }
    }

    fn select_bos(&mut self, bos: Option<bool>) {
        if bos == self.place.bos {
            return;
        }
        if let (None, Some(trace)) = (self.bos_before, &self.trace) {
            self.bos_before = Some(trace.bos_prepended);
        }
        self.place.bos = bos;
        self.history = History::Push;
        self.at_once = true;
        self.problem = None;
        if self.generate.running {
            self.generate.forget();
            self.generate.ended = Some("Stopped, because the choice of a BOS was changed.".into());
        }
        let why = "Stopped, because the choice of a BOS was changed.";
        self.steer.stop(why);
        self.effects.stop(why);
        self.circuits.stop(why);
        self.dose.stop(why);
        self.patch.stop(why);
    }

    fn traced(&mut self, mut trace: Trace) {
        // The later prompt wins: what comes for an earlier one is not shown under it.
        if Some(&trace.prompt) != self.place.prompt.as_ref() || trace.bos != self.place.bos {
            return;
        }
        let whole = self.saes.iter().all(|sae| trace.sae(&sae.id).is_some());
        let mut completed = false;
        if !whole {
            match self.completed(trace) {
                Ok(all) => {
                    completed = true;
                    trace = all;
                }
                // Shown as far as it goes, and the others are traced.
                Err(part) => {
                    trace = *part;
                    self.attempt = self.attempt.wrapping_add(1);
                }
            }
        }
        if let Some(before) = self.bos_before.take() {
            // The same token of the text, in tokens with a BOS more or less.
            let shifted = |token: usize| {
                (token + usize::from(trace.bos_prepended)).saturating_sub(usize::from(before))
            };
            self.place.token = self.place.token.map(shifted);
            self.shift_edits(before, trace.bos_prepended);
        }
        self.problem = None;
        if !completed {
            self.editing.answer = None;
        }
        // The prompt has its step in the history already; what is chosen for it now belongs to that step.
        self.history = History::Replace;
        let last = trace.tokens.len().saturating_sub(1);
        // The engine lists SAEs in the order in which they were loaded; here each has its place.
        let place = |id: &str| self.saes.iter().position(|sae| sae.id == id);
        trace.saes.sort_by_key(|sae| place(&sae.id));
        self.trace = Some(Shared::new(trace));
        self.recorded = None;
        self.stale = false;
        if self.place.token.is_some_and(|token| token > last) {
            self.place.token = Some(last);
        }
        // Of an SAE that is missing nothing is known: what the address says of it stays.
        let latents = self.sae_trace().map(|sae| sae.n_latents);
        if let (Some(latent), Some(latents)) = (self.place.feature, latents)
            && latent as usize >= latents
        {
            self.note = Note::staying(no_feature(&latent.to_string(), latents));
            self.select_feature(None, self.history);
        }
        self.drop_stale_feature();
        self.choose();
    }

    /// Selects a feature that was asked for by its number, with the token where it is strongest if it is active anywhere.
    fn show_feature(&mut self, sae: String, latent: u32) {
        if !self.place.route.shows_prompt() {
            self.place.route = Route::Prompt;
        }
        self.place.sae = Some(sae);
        // Also where the number is that of the feature of another SAE.
        self.select_feature(None, History::Push);
        self.select_feature(Some(latent), History::Push);
        let strongest = self
            .trace
            .as_ref()
            .zip(self.sae_trace())
            .and_then(|(trace, sae)| {
                let along = ranking::along(sae, trace.tokens.len(), latent);
                ranking::strongest(&along, trace.first_own(), 1)
                    .first()
                    .copied()
            });
        self.place.token = strongest.or(self.place.token).or(Some(0));
    }

    /// The demo is there: what the address asked for when loading began is shown, but for what the person did meanwhile.
    fn arrived(&mut self, asked: Place) {
        // Back, forward or another link came later than the address that loading began with.
        let place = self.requested.take().unwrap_or_else(|| {
            let here = self.place.clone();
            // What the recording selected by itself gives way to the address, what the person selected in it does not.
            let chosen = self
                .recorded_selection
                .is_some_and(|by_itself| by_itself != (here.token, here.feature));
            let same_sae = asked.sae.is_none() || asked.sae == here.sae;
            Place {
                token: if chosen {
                    here.token
                } else {
                    asked.token.or(here.token)
                },
                feature: match (chosen, same_sae) {
                    (true, true) => here.feature,
                    (false, true) => asked.feature.or(here.feature),
                    (_, false) => asked.feature,
                },
                model: asked.model,
                sae: asked.sae.or(here.sae.clone()),
                beside: asked.beside,
                ..here
            }
        });
        self.restore(place);
    }

    pub(super) fn restore(&mut self, place: Place) {
        let place = self.as_loaded(place.sound());
        let (model, saes) = self.missing(&place);
        if model.is_some() || !saes.is_empty() {
            self.place = std::mem::take(&mut self.place).standing_at(&place);
            self.requested = Some(place);
            return;
        }
        self.requested = None;
        if let Some(next) = &place.prompt {
            self.leave_prompt(next);
        }
        let before = std::mem::replace(&mut self.place, place);
        self.history = History::Replace;
        self.bos_before = None;
        // What an address leaves open stays as it is.
        self.place.model = before.model;
        if self.place.sae.is_none() {
            self.place.sae.clone_from(&before.sae);
        }
        let same_feature = self.place.feature == before.feature && self.place.sae == before.sae;
        if !same_feature {
            self.forget_feature();
        }
        self.selection = Selection::default();
        if self.place.prompt.is_none() {
            self.place.prompt = before.prompt.clone();
        }
        if self.place.prompt != before.prompt || self.place.bos != before.bos {
            self.at_once = true;
            self.problem = None;
        } else if self.is_current() {
            let last = self
                .trace
                .as_ref()
                .map_or(0, |trace| trace.tokens.len().saturating_sub(1));
            self.place.token = self.place.token.map(|token| token.min(last));
            self.choose();
        }
    }
}
