//! Runs for the live concept graph: the recorded one, and those that the model writes now; relations of their features.

use std::cell::RefCell;
use std::rc::Rc;

use ::atlas::{AtlasInfo, FeatureRecord};
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortSignal;

use super::Controller;
use crate::atlas::Content;
use crate::circuits::{Feature, Frame, Link, Run, RunSet, links};
use crate::data::{SaeInfo, TokenFeatures, Trace, ended};
use crate::engine::{Engine, Fault, GenerateOptions};
use crate::requests::{atlas, site};
use crate::shared::Shared;
use crate::state::Action;
use crate::state::circuits::{CircuitsAction, Settings, ShardId};

impl From<Settings> for GenerateOptions {
    fn from(settings: Settings) -> Self {
        Self {
            max_tokens: settings.max_tokens,
            temperature: settings.temperature,
            seed: settings.seed,
            ..Self::default()
        }
    }
}

/// The features of a token in the order of a run's sets.
fn frame(features: TokenFeatures, sets: &[RunSet]) -> Frame {
    let of = |set: &RunSet| {
        let found = features.sets.iter().find(|one| one.sae == set.sae);
        found.map_or_else(Vec::new, |one| {
            let pairs = one
                .latents
                .iter()
                .copied()
                .zip(one.activations.iter().copied());
            pairs.collect()
        })
    };
    Frame {
        active: sets.iter().map(of).collect(),
        // A position that counts for no set comes without sets.
        counts: !features.sets.is_empty(),
        token: features.token,
    }
}

/// The links of a feature that is set to 0 in the text up to a token.
async fn ablated(
    engine: &Engine,
    run: &Run,
    cursor: usize,
    from: Feature,
    signal: &AbortSignal,
) -> Result<Vec<Link>, Fault> {
    let (Some(set), Some(clean)) = (run.sets.get(usize::from(from.set)), run.frames.get(cursor))
    else {
        return Ok(Vec::new());
    };
    let tokens: Vec<u32> = (run.until(cursor).iter())
        .map(|frame| frame.token.id)
        .collect();
    let saes: Vec<String> = run.sets.iter().map(|set| set.sae.clone()).collect();
    let edit = wire::Edit::set(&set.sae, from.latent, 0.0).to_string();
    let (mut found, cancelled) = features_of(engine, &tokens, (Some(&edit), &saes), signal).await?;
    if cancelled {
        return Err(Fault::cancelled("The measuring was stopped.".to_owned()));
    }
    let here = found.get_mut(cursor).and_then(Option::take);
    let frame = here.map_or_else(Frame::default, |features| frame(features, &run.sets));
    Ok(links::links(run, from, clean, &frame))
}

/// The features of each token of a text, under an edit as text where there is one: those that generation reports of what it reads.
/// True if it was stopped before all of them came.
pub(super) async fn features_of(
    engine: &Engine,
    tokens: &[u32],
    (edits, saes): (Option<&str>, &[String]),
    signal: &AbortSignal,
) -> Result<(Vec<Option<TokenFeatures>>, bool), Fault> {
    let found: Rc<RefCell<Vec<_>>> = Rc::new(RefCell::new(tokens.iter().map(|_| None).collect()));
    let reported = found.clone();
    let options = GenerateOptions {
        max_tokens: 1,
        ..GenerateOptions::default()
    };
    let on_features = move |features: TokenFeatures| {
        let position = features.position;
        if let Some(place) = reported.borrow_mut().get_mut(position) {
            *place = Some(features);
        }
    };
    let generation = engine
        .watch(tokens, (options, edits, saes), signal, on_features)
        .await?;
    Ok((found.take(), generation.cancelled))
}

impl Controller {
    /// Fetches the recorded run, and plays it where `play` says so.
    pub fn fetch_run(&self, play: bool) {
        self.dispatch(Action::Circuits(CircuitsAction::Requested));
        let this = self.clone();
        spawn_local(async move {
            let run = site::fetch_run().await.map_err(|fault| fault.message);
            this.dispatch(Action::Circuits(CircuitsAction::Recorded(
                Box::new(run),
                play,
            )));
        });
    }

    /// Continues a trace, with the features of these SAEs at every token; a run that is under way is stopped.
    /// `at_once`: the view goes to the newest token at once.
    pub fn watch(
        &self,
        trace: &Trace,
        model: &str,
        saes: &[SaeInfo],
        (settings, at_once): (Settings, bool),
    ) {
        let Some(engine) = self.engine() else { return };
        let Some((number, signal)) = self.inner.watching.next() else {
            return;
        };
        let sets = saes.iter().map(|sae| RunSet {
            sae: sae.id.clone(),
            hook: sae.hook.clone(),
            n_latents: sae.n_latents,
            relations: None,
        });
        let run = Run {
            model: model.to_owned(),
            recorded: false,
            prompt: trace.prompt.clone(),
            prompt_tokens: trace.tokens.len(),
            sets: Shared::new(sets.collect()),
            frames: Vec::new(),
        };
        let saes: Vec<String> = run.sets.iter().map(|set| set.sae.clone()).collect();
        let tokens = trace.ids();
        let sets = run.sets.clone();
        self.dispatch(Action::Circuits(CircuitsAction::Started(
            number,
            Box::new(run),
            at_once,
        )));
        let this = self.clone();
        spawn_local(async move {
            let dispatcher = this.dispatcher.clone();
            let on_features = move |features: TokenFeatures| {
                let frame = Box::new(frame(features, &sets));
                dispatcher.dispatch(Action::Circuits(CircuitsAction::Came(number, frame)));
            };
            let result = engine
                .watch(
                    &tokens,
                    (settings.into(), None, &saes),
                    &signal,
                    on_features,
                )
                .await;
            let why = result.map_or_else(
                |fault| Some(fault.message),
                |generation| ended(generation.stop).map(str::to_owned),
            );
            this.dispatch(Action::Circuits(CircuitsAction::Ended(number, why)));
        });
    }

    /// Stops the run that is under way.
    pub fn stop_watching(&self) {
        self.inner.watching.stop();
    }

    /// Sets features of a run to 0, one after the other, and reports what that does to features of later layers at a token; a
    /// measurement that is under way is stopped.
    pub fn measure_links(&self, run: &Run, cursor: usize, sources: Vec<Feature>) {
        let Some(engine) = self.engine() else { return };
        let Some((number, signal)) = self.inner.linking.next() else {
            return;
        };
        let all = sources.len();
        self.dispatch(Action::Circuits(CircuitsAction::Measuring(
            number, cursor, all,
        )));
        let (this, run) = (self.clone(), run.clone());
        spawn_local(async move {
            let mut why = None;
            for from in sources {
                match ablated(&engine, &run, cursor, from, &signal).await {
                    Ok(found) => {
                        let came = CircuitsAction::Measured(number, found);
                        this.dispatch(Action::Circuits(came));
                    }
                    Err(fault) => {
                        why = Some(fault.ended());
                        break;
                    }
                }
            }
            let ended = CircuitsAction::MeasuringEnded(number, why);
            this.dispatch(Action::Circuits(ended));
        });
    }

    /// Stops the measurement that is under way.
    pub fn stop_linking(&self) {
        self.inner.linking.stop();
    }

    /// Fetches relations of features: a shard of an atlas.
    pub fn fetch_shard(
        &self,
        id: ShardId,
        request: crate::atlas::Request,
        info: Shared<AtlasInfo>,
    ) {
        self.dispatch(Action::Circuits(CircuitsAction::ShardRequested(id.clone())));
        let this = self.clone();
        spawn_local(async move {
            let records = match atlas::fetch(&request, Some(&info)).await {
                Ok(Content::Shard(records)) => Ok(records),
                // The content of another part would be a mistake of the page's.
                Ok(_) => Ok(Vec::<FeatureRecord>::new()),
                Err(why) => Err(why),
            };
            this.dispatch(Action::Circuits(CircuitsAction::Shard(id, records)));
        });
    }
}
