//! Whole activations: logits, hook points, reconstructions.

use std::rc::Rc;

use gpt2::{HookPoint, Sequence};
use kernels::Buffer;

use crate::analysis::question::Question;
use crate::error::Error;
use crate::features::set::Prepared;
use crate::matrix::Matrix;
use crate::run::clean::CleanWanted;
use crate::run::compile::{Compiled, Parts};
use crate::run::executor::RunOutput;
use crate::run::input::RunInput;
use crate::run::spec::{RunSpec, SetAt, Tap};
use crate::store::feature_set::LoadedSet;
use crate::tokens::{Bos, Input, Prompt};

/// The logits after every token, `[tokens, vocabulary]`.
///
/// # Errors
/// As [`crate::Session::trace`].
pub(crate) async fn logits(
    question: &Question<'_>,
    input: Input<'_>,
    bos: Bos,
) -> Result<Matrix, Error> {
    let prompt = question.prompt(input, bos)?;
    let wanted = CleanWanted {
        top: 1,
        logits: true,
    };
    let pass = question
        .clean(std::slice::from_ref(&prompt), wanted)
        .await?;
    let head = pass.head().await?;
    question.pace.check()?;
    Ok(Matrix {
        rows: prompt.ids.len(),
        cols: question.model()?.info.vocab,
        data: head.logits(0..prompt.ids.len()).to_vec(),
    })
}

/// The activations at some hook points, `[tokens, width]` each, from one pass that ends behind the last of them.
///
/// # Errors
/// As [`crate::Session::trace`]; [`Error::BadOption`] for a block that is not there, or no hook point at all.
pub(crate) async fn activations(
    question: &Question<'_>,
    input: Input<'_>,
    points: &[HookPoint],
    bos: Bos,
) -> Result<Vec<Matrix>, Error> {
    let model = question.model()?;
    for point in points {
        model.check_hook(*point)?;
    }
    let order = |point: &HookPoint| point.order(model.info.n_layers);
    let last = points.iter().copied().max_by_key(order);
    let last = last.ok_or_else(|| Error::BadOption {
        name: "hooks",
        value: "an empty list".to_owned(),
        expected: "name at least one hook point".to_owned(),
    })?;
    let prompt = question.prompt(input, bos)?;
    let spec = RunSpec {
        taps: points.iter().map(|point| Tap::Activation(*point)).collect(),
        stop_at: Some(last),
        ..RunSpec::new()
    };
    let output = run(question, &prompt, &spec, &Parts::of_model(model), true).await?;
    (0..points.len()).map(|tap| output.matrix(tap)).collect()
}

/// An autoencoder's reconstruction of its activation, `[tokens, d_in]`.
///
/// # Errors
/// As [`crate::Session::trace`].
pub(crate) async fn reconstruction(
    question: &Question<'_>,
    input: Input<'_>,
    sae: &str,
    bos: Bos,
) -> Result<Matrix, Error> {
    let set = question.store.set(sae)?;
    let prompt = question.prompt(input, bos)?;
    let prepared = match set.features.resident() {
        Some(coder) => Prepared::Resident(coder),
        None => {
            let (_run, activation) = on_device(question, &prompt, set.hook).await?;
            let (pace, rows) = (&question.pace, prompt.ids.len());
            let prepared = set.features.prepare(pace, activation, rows, Vec::new());
            prepared.await?
        }
    };
    let output = decode(question, &prompt, set, &prepared).await?;
    if prepared.coder().may_overflow()
        && output
            .features(1, &set.info.id)?
            .is_full(set.info.n_latents)
    {
        let (_run, activation) = on_device(question, &prompt, set.hook).await?;
        let listed = set
            .features
            .list_all(&question.pace, activation, prompt.ids.len());
        return decode(question, &prompt, set, &listed.await?)
            .await?
            .matrix(0);
    }
    output.matrix(0)
}

/// A set's reconstruction and its features.
async fn decode(
    question: &Question<'_>,
    prompt: &Prompt,
    set: &LoadedSet,
    prepared: &Prepared<'_>,
) -> Result<RunOutput, Error> {
    let at = SetAt {
        set: set.id,
        hook: set.hook,
    };
    let spec = RunSpec {
        taps: vec![Tap::Reconstruction(at), Tap::Features(at)],
        stop_at: Some(set.hook),
        ..RunSpec::new()
    };
    let parts = Parts {
        coders: &[(set.id, prepared.coder())],
        ..Parts::of_model(question.model()?)
    };
    let output = run(question, prompt, &spec, &parts, prepared.is_resident()).await?;
    // A NaN among the pre-activations is an error here as well.
    output.features(1, &set.info.id)?;
    Ok(output)
}

/// An activation on the device; the run keeps its memory.
async fn on_device(
    question: &Question<'_>,
    prompt: &Prompt,
    hook: HookPoint,
) -> Result<(Rc<Compiled>, Buffer), Error> {
    let model = question.model()?;
    let spec = RunSpec {
        taps: vec![Tap::Keep(hook)],
        stop_at: Some(hook),
        ..RunSpec::new()
    };
    let executor = question.executor;
    let run = executor.plan(&spec, prompt.ids.len(), &Parts::of_model(model), false)?;
    let input = RunInput {
        sequences: &[Sequence::new(&prompt.ids)],
        ..RunInput::default()
    };
    executor.submit(&question.pace, model, &run, &input).await?;
    let activation = run.kept(0)?.clone();
    Ok((run, activation))
}

/// Runs a prompt by itself.
pub(crate) async fn run(
    question: &Question<'_>,
    prompt: &Prompt,
    spec: &RunSpec,
    parts: &Parts<'_>,
    keep: bool,
) -> Result<RunOutput, Error> {
    let executor = question.executor;
    let run = executor.plan(spec, prompt.ids.len(), parts, keep)?;
    let input = RunInput {
        sequences: &[Sequence::new(&prompt.ids)],
        ..RunInput::default()
    };
    let submitted = executor
        .submit(&question.pace, parts.model, &run, &input)
        .await?;
    let output = submitted.output(|set| question.name(set)).await?;
    question.pace.check()?;
    Ok(output)
}
