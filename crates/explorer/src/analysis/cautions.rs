//! Cautions: where an autoencoder meets a text that it was not trained for, or does not reconstruct.

use wire::{Metrics, SaeInfo};

/// Below this mean cosine of x and x̂ something is wrong: published autoencoders have 0.85 and more.
const USUAL_COSINE: f64 = 0.8;

/// Sentences that belong beside the autoencoder's numbers on a text of so many tokens, a BOS included.
pub(crate) fn cautions(
    info: &SaeInfo,
    tokens: usize,
    bos_prepended: bool,
    metrics: &Metrics,
) -> Vec<String> {
    let mut cautions = Vec::new();
    if let Some(name) = info.model_name.as_ref().filter(|_| info.other_model) {
        cautions.push(format!(
            "The file of {} says that it was trained on {name}; the loaded model seems to be another one.",
            info.id
        ));
    }
    if let Some(most) = info.context_size.filter(|&most| tokens > most) {
        cautions.push(format!(
            "{tokens} tokens are read at once; {} was trained on contexts of {most}.",
            info.id
        ));
    }
    if info.normalization == "expected_average_only_in" && info.norm_scaling_factor.is_none() {
        cautions.push(format!(
            "{} was trained on activations that were multiplied by a factor, which its file does not state: it is used as if the factor were folded into the weights. If it is not, these latents and metrics are wrong.",
            info.id
        ));
    }
    match (info.prepend_bos, bos_prepended) {
        (Some(true), false) => cautions.push(format!(
            "{} was trained with a BOS before each text; here there is none.",
            info.id
        )),
        (Some(false), true) => cautions.push(format!(
            "{} was trained without a BOS; here one stands before the text.",
            info.id
        )),
        _ => {}
    }
    cautions.extend(reconstruction(info, metrics));
    cautions
}

/// The caution of a reconstruction that fails.
fn reconstruction(info: &SaeInfo, metrics: &Metrics) -> Option<String> {
    let worse_than_mean = metrics.fvu.filter(|fvu| *fvu > 1.0 || fvu.is_nan());
    let astray = metrics
        .cosine
        .filter(|cosine| *cosine < USUAL_COSINE || cosine.is_nan());
    let found = match (worse_than_mean, astray) {
        (None, None) => return None,
        (Some(fvu), None) => {
            format!("FVU is {fvu:.2}: worse than the activations' mean, which has 1")
        }
        (None, Some(cosine)) => format!(
            "the mean cosine of activation and reconstruction is {cosine:.2}; above {USUAL_COSINE} is usual"
        ),
        (Some(fvu), Some(cosine)) => format!(
            "FVU is {fvu:.2} (the activations' mean has 1), and the mean cosine of activation and reconstruction is {cosine:.2} (above {USUAL_COSINE} is usual)"
        ),
    };
    Some(format!(
        "{} does not reconstruct this activation: {found}. A wrong hook, normalisation or model and a transposed encoder show in this way; compare its settings with those of its training.",
        info.id
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(context_size: Option<usize>, prepend_bos: Option<bool>) -> SaeInfo {
        SaeInfo {
            id: "sae".to_owned(),
            hook: "blocks.0.hook_resid_pre".to_owned(),
            architecture: "standard".to_owned(),
            n_latents: 1,
            k: None,
            d_in: 1,
            normalization: "none".to_owned(),
            weights: "f32".to_owned(),
            norm_scaling_factor: None,
            prepend_bos,
            context_size,
            model_name: Some("gpt2-medium".to_owned()),
            other_model: false,
            notices: Vec::new(),
            origin: None,
        }
    }

    fn metrics(fvu: f64, cosine: f64) -> Metrics {
        Metrics {
            l0: Some(1.0),
            fvu: Some(fvu),
            relative_error: Some(0.1),
            cosine: Some(cosine),
            spliced_loss: None,
            delta_ce: None,
            kl: None,
            positions: 64,
        }
    }

    fn said(context_size: Option<usize>, prepend_bos: Option<bool>, bos: bool) -> Vec<String> {
        let info = info(context_size, prepend_bos);
        cautions(&info, 65, bos, &metrics(0.2, 0.95))
    }

    #[test]
    fn as_in_training_needs_no_caution() {
        for (context_size, prepend_bos, bos) in [
            (None, None, true),
            (Some(65), Some(true), true),
            (Some(128), Some(false), false),
        ] {
            assert!(said(context_size, prepend_bos, bos).is_empty());
        }
    }

    #[test]
    fn another_model_is_named() {
        let mut info = info(None, None);
        info.other_model = true;
        let [caution] = &cautions(&info, 65, true, &metrics(0.2, 0.95))[..] else {
            panic!("one caution");
        };
        assert!(caution.contains("trained on gpt2-medium"), "{caution}");
    }

    #[test]
    fn a_missing_factor_is_named() {
        let mut info = info(None, None);
        info.normalization = "expected_average_only_in".to_owned();
        let [caution] = &cautions(&info, 65, true, &metrics(0.2, 0.95))[..] else {
            panic!("one caution");
        };
        assert!(caution.contains("factor"), "{caution}");
        info.norm_scaling_factor = Some(0.5);
        assert!(cautions(&info, 65, true, &metrics(0.2, 0.95)).is_empty());
    }

    #[test]
    fn another_context_and_bos_are_named() {
        assert_eq!(
            said(Some(64), Some(true), false),
            [
                "65 tokens are read at once; sae was trained on contexts of 64.",
                "sae was trained with a BOS before each text; here there is none.",
            ]
        );
        let bos = "sae was trained without a BOS; here one stands before the text.";
        assert_eq!(said(None, Some(false), true), [bos]);
    }

    #[test]
    fn a_reconstruction_that_fails_is_one_caution() {
        for (fvu, cosine, count) in [
            (1.0, 0.8, 0),
            (1.01, 0.9, 1),
            (0.9, 0.79, 1),
            (30.0, -0.2, 1),
            (f64::NAN, 0.9, 1),
        ] {
            let found = cautions(&info(None, None), 65, true, &metrics(fvu, cosine));
            assert_eq!(found.len(), count, "{fvu} {cosine}: {found:?}");
        }
    }
}
