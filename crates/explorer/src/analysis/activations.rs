//! Whole activations: logits, hook points, reconstructions.

use gpt2::{HookPoint, Sequence};
use wire::Matrix;

use crate::analysis::question::{Question, Source};
use crate::error::Error;
use crate::features::set::Prepared;
use crate::run::clean::CleanWanted;
use crate::run::compile::Parts;
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
    let source = Source::Prompt(&prompt);
    let prepared = question.prepared(set, source, Vec::new()).await?;
    let output = decode(question, &prompt, set, &prepared).await?;
    if prepared.coder().may_overflow()
        && output
            .features(1, &set.info.id)?
            .is_full(set.info.n_latents)
    {
        let listed = question.listed(set, source).await?;
        return decode(question, &prompt, set, &listed).await?.matrix(0);
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
    let at = SetAt::of(set);
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

/// Runs a prompt by itself.
pub(crate) async fn run(
    question: &Question<'_>,
    prompt: &Prompt,
    spec: &RunSpec,
    parts: &Parts<'_>,
    keep: bool,
) -> Result<RunOutput, Error> {
    let input = RunInput {
        sequences: &[Sequence::new(&prompt.ids)],
        ..RunInput::default()
    };
    let submitted = question.start(spec, parts, keep, &input).await?;
    let output = submitted.output(|set| question.name(set)).await?;
    question.pace.check()?;
    Ok(output)
}
