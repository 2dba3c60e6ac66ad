//! The one decision whether a BOS goes before a text.

use serde::Serialize;
use wire::Bos;

use crate::tokens::vocabulary::Vocabulary;

/// The training of a loaded feature set, as far as it matters here.
pub(crate) struct Training<'a> {
    /// The feature set.
    pub(crate) id: &'a str,
    /// True if a BOS was prepended, where that is known.
    pub(crate) prepend_bos: Option<bool>,
}

/// The decision whether a BOS goes before a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BosDecision {
    /// True if one goes before it.
    pub prepended: bool,
    /// A sentence for people.
    pub reason: String,
}

/// Decides once for everything that is loaded, so that every question about a text is about the same tokens.
pub(crate) fn decide(
    choice: Bos,
    vocabulary: &Vocabulary,
    trainings: &[Training<'_>],
) -> BosDecision {
    let decision = |prepended, reason: String| BosDecision { prepended, reason };
    let trained = |with: bool| {
        let ids: Vec<&str> = trainings
            .iter()
            .filter(|training| training.prepend_bos == Some(with))
            .map(|training| training.id)
            .collect();
        (!ids.is_empty()).then(|| (ids.join(", "), if ids.len() == 1 { "was" } else { "were" }))
    };
    match (choice, trained(true), trained(false)) {
        (Bos::Yes, ..) => decision(true, "A BOS was asked for.".to_owned()),
        (Bos::No, ..) => decision(false, "No BOS was asked for.".to_owned()),
        (Bos::Auto, Some((with, were)), None) => {
            decision(true, format!("{with} {were} trained with a BOS."))
        }
        (Bos::Auto, Some((with, were)), Some((without, others))) => decision(
            true,
            format!(
                "{with} {were} trained with a BOS; {without} {others} trained without one, and sees one here."
            ),
        ),
        (Bos::Auto, None, Some((without, were))) => {
            decision(false, format!("{without} {were} trained without a BOS."))
        }
        (Bos::Auto, None, None) if vocabulary.prepend_bos.get() => decision(
            true,
            "No loaded SAE says how it was trained, and the model is used with a BOS.".to_owned(),
        ),
        (Bos::Auto, None, None) => decision(
            false,
            "No loaded SAE says how it was trained, and the model is used without a BOS."
                .to_owned(),
        ),
    }
}
