//! Tokens whose logits are compared: a target and a distractor, or those that are tracked.

use crate::analysis::question::Question;
use crate::error::Error;

/// Refuses a token that the vocabulary does not have. Each comes with the name of its option.
///
/// # Errors
/// [`Error::BadOption`], [`Error::NoModel`].
pub(crate) fn check_tokens(
    question: &Question<'_>,
    tokens: impl IntoIterator<Item = (&'static str, u32)>,
) -> Result<(), Error> {
    let vocabulary = question.model()?.info.vocab;
    let mut tokens = tokens.into_iter();
    match tokens.find(|(_, id)| *id as usize >= vocabulary) {
        Some((name, id)) => Err(Error::BadOption {
            name,
            value: id.to_string(),
            expected: format!("the vocabulary has {vocabulary} tokens"),
        }),
        None => Ok(()),
    }
}

/// The target's logit minus the distractor's; `logits [vocabulary]`.
///
/// # Errors
/// [`Error::NoSuchIndex`].
pub(crate) fn logit_difference(
    (target, distractor): (u32, u32),
    logits: &[f32],
) -> Result<f64, Error> {
    let logit = |id| crate::error::index(logits, "the logit of token", id).map(f64::from);
    Ok(logit(target)? - logit(distractor)?)
}
