//! Where an autoencoder meets what it was not trained for.

use explorer::SaeInfo;

/// Sentences that belong beside the autoencoder's numbers on a text of so many tokens, a BOS included.
pub fn cautions(info: &SaeInfo, tokens: usize, bos_prepended: bool) -> Vec<String> {
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
    let bos = match (info.prepend_bos, bos_prepended) {
        (Some(true), false) => "with a BOS before each text; here there is none.",
        (Some(false), true) => "without a BOS; here one stands before the text.",
        _ => return cautions,
    };
    cautions.push(format!("{} was trained {bos}", info.id));
    cautions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(context_size: Option<usize>, prepend_bos: Option<bool>) -> SaeInfo {
        SaeInfo {
            id: "sae".to_owned(),
            hook: "blocks.0.hook_resid_pre".to_owned(),
            architecture: "standard",
            n_latents: 1,
            k: None,
            d_in: 1,
            normalization: "none",
            weights: "f32",
            prepend_bos,
            context_size,
            model_name: Some("gpt2-medium".to_owned()),
            other_model: false,
            notices: Vec::new(),
        }
    }

    fn said(context_size: Option<usize>, prepend_bos: Option<bool>, bos: bool) -> Vec<String> {
        cautions(&info(context_size, prepend_bos), 65, bos)
    }

    #[test]
    fn what_is_as_in_training_needs_no_caution() {
        for (context_size, prepend_bos, bos) in [
            (None, None, true),
            (Some(65), Some(true), true),
            (Some(128), Some(false), false),
        ] {
            assert!(said(context_size, prepend_bos, bos).is_empty());
        }
    }

    #[test]
    fn another_model_is_told() {
        let mut info = info(None, None);
        assert!(cautions(&info, 65, true).is_empty());
        info.other_model = true;
        let [caution] = &cautions(&info, 65, true)[..] else {
            panic!("one caution");
        };
        assert!(caution.contains("trained on gpt2-medium"), "{caution}");
    }

    #[test]
    fn what_is_not_is_told() {
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
}
