//! Patching of features, or of the residual stream, from one prompt into another.

use wasm_bindgen_futures::spawn_local;
use web_sys::AbortSignal;
use wire::Edit;

use super::Controller;
use super::effects::{listed, token_of};
use super::watching::features_of;
use crate::data::{Edited, Token, TokenFeatures, Trace};
use crate::engine::{Engine, Fault};
use crate::state::Action;
use crate::state::asked::Asked as Texts;
use crate::state::patch::{
    About, Active, Carried, Cell, Field, PatchAction, Patched, STREAM, cells, stream_cells,
};

/// Experiments that are asked for at a time.
const AT_ONCE: usize = 64;

/// What is typed.
struct Asked {
    prompt: String,
    tokens: Vec<Token>,
    bos: Option<bool>,
    sae: String,
    source: String,
    target: String,
    distractor: String,
}

impl Controller {
    /// Carries features of another prompt into a trace's, one by one; a patching that is under way is stopped.
    pub fn patch(&self, trace: &Trace, bos: Option<bool>, sae: String, typed: &Texts) {
        let Some(engine) = self.engine() else { return };
        let Some((run, signal)) = self.inner.patching.next() else {
            return;
        };
        let asked = Asked {
            prompt: trace.prompt.clone(),
            tokens: trace.tokens.clone(),
            bos,
            sae,
            source: typed.get(Field::Source.name()).to_owned(),
            target: typed.get(Field::Target.name()).to_owned(),
            distractor: typed.get(Field::Distractor.name()).to_owned(),
        };
        let this = self.clone();
        if typed.get(Field::What.name()) == STREAM {
            return spawn_local(async move {
                let (about, patched) = match streams(&engine, &asked, &signal).await {
                    Ok(found) => found,
                    Err(why) => return this.dispatch(Action::Patch(PatchAction::Refused(why))),
                };
                this.dispatch(Action::Patch(PatchAction::Started(run, Box::new(about))));
                this.dispatch(Action::Patch(PatchAction::Came(run, patched)));
                this.dispatch(Action::Patch(PatchAction::Finished(run, None)));
            });
        }
        spawn_local(async move {
            let (about, active) = match prepared(&engine, &asked, &signal).await {
                Ok(prepared) => prepared,
                Err(why) => return this.dispatch(Action::Patch(PatchAction::Refused(why))),
            };
            this.dispatch(Action::Patch(PatchAction::Started(
                run,
                Box::new(about.clone()),
            )));
            let ended = match this.patched(&engine, (run, &signal), &about, &active).await {
                Ok(()) => None,
                Err(fault) => Some(fault.ended()),
            };
            this.dispatch(Action::Patch(PatchAction::Finished(run, ended)));
        });
    }

    /// Stops the patching that is under way.
    pub fn stop_patching(&self) {
        self.inner.patching.stop();
    }

    /// Runs the experiments in batches.
    async fn patched(
        &self,
        engine: &Engine,
        (run, signal): (u32, &AbortSignal),
        about: &About,
        [here, there]: &[Active; 2],
    ) -> Result<(), Fault> {
        let tokens = ids(&about.tokens[0]);
        for batch in about.cells.chunks(AT_ONCE) {
            let lists = batch.iter().map(|cell| edits(about, cell, (here, there)));
            let dosed = engine
                .dosed(&tokens, lists, &about.compared, signal)
                .await?;
            let patched = dosed.iter().map(|dosed| Patched {
                difference: difference(dosed),
                kl: dosed.kl,
            });
            let came = PatchAction::Came(run, patched.collect());
            self.dispatch(Action::Patch(came));
        }
        Ok(())
    }
}

/// The edits of an experiment.
fn edits(about: &About, cell: &Cell, (here, there): (&Active, &Active)) -> Vec<Edit> {
    let position = cell.position as u32;
    let edit = |latent: u32, value: f32| Edit {
        positions: Some([position].into()),
        ..Edit::set(&about.sae, latent, value)
    };
    match cell.what {
        Carried::Feature(latent) => vec![edit(latent, cell.to)],
        // No edit of features.
        Carried::Stream(_) => Vec::new(),
        Carried::All => {
            let rows = here.get(cell.position).zip(there.get(cell.position));
            let Some((Some(here), Some(there))) = rows else {
                return Vec::new();
            };
            // What is active here and not there is set to 0.
            let gone = here.keys().filter(|latent| !there.contains_key(latent));
            let gone = gone.map(|latent| edit(*latent, 0.0));
            let come = there.iter().map(|(latent, value)| edit(*latent, *value));
            gone.chain(come).collect()
        }
    }
}

/// Everything that stands before the experiments: both prompts' features, the tokens that are compared, and their logits.
///
/// # Errors
/// The sentence to show.
async fn prepared(
    engine: &Engine,
    asked: &Asked,
    signal: &AbortSignal,
) -> Result<(About, [Active; 2]), String> {
    let source = source_of(engine, asked).await?;
    let said = |fault: Fault| fault.message;
    let active_here = active(engine, ids(&asked.tokens), &asked.sae, signal)
        .await
        .map_err(said)?;
    let active_there = active(engine, ids(&source), &asked.sae, signal)
        .await
        .map_err(said)?;
    let compared = compared(engine, asked, &source, signal).await?;
    let mut differences = [0.0; 2];
    for (difference_of, tokens) in differences
        .iter_mut()
        .zip([ids(&asked.tokens), ids(&source)])
    {
        let dosed = clean(engine, &tokens, &compared, signal).await?;
        *difference_of =
            difference(&dosed).ok_or("The engine gave no logits of the two tokens.")?;
    }
    let about = About {
        prompts: [asked.prompt.clone(), asked.source.clone()],
        cells: cells(&active_here, &active_there),
        tokens: [asked.tokens.clone(), source],
        sae: asked.sae.clone(),
        hooks: Vec::new(),
        compared,
        differences,
    };
    Ok((about, [active_here, active_there]))
}

/// All experiments with the residual stream, which are one call of the engine.
///
/// # Errors
/// The sentence to show.
async fn streams(
    engine: &Engine,
    asked: &Asked,
    signal: &AbortSignal,
) -> Result<(About, Vec<Patched>), String> {
    let source = source_of(engine, asked).await?;
    let compared = compared(engine, asked, &source, signal).await?;
    let both = [ids(&asked.tokens), ids(&source)];
    let found = engine.patch_stream(&both, &compared, signal).await;
    let found = found.map_err(|fault| fault.message)?;
    let tokens = [asked.tokens.clone(), source];
    let cells = stream_cells(found.hooks.len(), &tokens);
    let value = |rows: &[Vec<f64>], cell: &Cell| match cell.what {
        Carried::Stream(hook) => rows.get(hook)?.get(cell.position).copied(),
        Carried::All | Carried::Feature(_) => None,
    };
    let patched = cells.iter().map(|cell| Patched {
        difference: value(&found.logit_differences, cell),
        kl: value(&found.kl, cell),
    });
    let patched = patched.collect();
    let about = About {
        prompts: [asked.prompt.clone(), asked.source.clone()],
        tokens,
        sae: String::new(),
        hooks: found.hooks,
        compared,
        differences: [found.clean, found.source],
        cells,
    };
    Ok((about, patched))
}

/// The tokens of the source, as many as the prompt has.
async fn source_of(engine: &Engine, asked: &Asked) -> Result<Vec<Token>, String> {
    let said = |fault: Fault| fault.message;
    if asked.source.trim().is_empty() {
        return Err("Type the prompt that features come from.".to_owned());
    }
    let source = engine
        .tokenize(&asked.source, asked.bos)
        .await
        .map_err(said)?
        .tokens;
    let (here, there) = (asked.tokens.len(), source.len());
    if here != there {
        return Err(format!(
            "The prompt has {here} tokens and the source has {there}: what is carried goes from position to position, so both need equally many. The source is {}; the prompt is {}.",
            listed(&source),
            listed(&asked.tokens)
        ));
    }
    Ok(source)
}

/// Target and distractor: as typed, else the likeliest token after the source and after the prompt.
async fn compared(
    engine: &Engine,
    asked: &Asked,
    source: &[Token],
    signal: &AbortSignal,
) -> Result<[Token; 2], String> {
    let mut found = Vec::new();
    for (typed, tokens) in [
        (&asked.target, ids(source)),
        (&asked.distractor, ids(&asked.tokens)),
    ] {
        found.push(match typed.is_empty() {
            false => token_of(engine, typed).await?,
            true => {
                let dosed = clean(engine, &tokens, &[], signal).await?;
                let next = dosed.next.first();
                next.map(|next| next.token())
                    .ok_or("The model predicts nothing after the prompt.")?
            }
        });
    }
    match <[Token; 2]>::try_from(found) {
        Ok([target, distractor]) if target.id == distractor.id => Err(format!(
            "“{}” is the likeliest token after both prompts: name a target and another token to compare it with.",
            target.text
        )),
        Ok(both) => Ok(both),
        Err(_) => Err("Two tokens are needed.".to_owned()),
    }
}

/// The target's logit minus the distractor's, where both were tracked.
fn difference(dosed: &Edited) -> Option<f64> {
    match &dosed.tracked[..] {
        [target, distractor] => Some(f64::from(target.logit) - f64::from(distractor.logit)),
        _ => None,
    }
}

/// Runs tokens without edits.
async fn clean(
    engine: &Engine,
    tokens: &[u32],
    track: &[Token],
    signal: &AbortSignal,
) -> Result<Edited, String> {
    let dosed = engine.dosed(tokens, [Vec::new()], track, signal).await;
    let dosed = dosed.map_err(|fault| fault.message)?.pop();
    dosed.ok_or_else(|| "The engine gave nothing of the run.".to_owned())
}

fn ids(tokens: &[Token]) -> Vec<u32> {
    tokens.iter().map(|token| token.id).collect()
}

/// The features of each token of a prompt.
async fn active(
    engine: &Engine,
    tokens: Vec<u32>,
    sae: &str,
    signal: &AbortSignal,
) -> Result<Active, Fault> {
    let saes = [sae.to_owned()];
    let (found, _) = features_of(engine, &tokens, (None, &saes), signal).await?;
    let of_token = |features: Option<TokenFeatures>| {
        let set = features?.sets.into_iter().next()?;
        Some(set.latents.into_iter().zip(set.activations).collect())
    };
    Ok(found.into_iter().map(of_token).collect())
}
