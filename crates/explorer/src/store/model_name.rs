//! Comparison of the model that an autoencoder's file names with the loaded one.

use wire::ModelInfo;

/// The names of GPT-2's sizes: a name, the number of blocks, d_model.
const SIZES: [(&str, usize, usize); 6] = [
    ("gpt2", 12, 768),
    ("gpt2-small", 12, 768),
    ("gpt2-medium", 24, 1024),
    ("gpt2-large", 36, 1280),
    ("gpt2-xl", 48, 1600),
    ("distilgpt2", 6, 768),
];

/// True if `name`, as an autoencoder's file has it, is certainly not this model. Names of GPT-2's sizes are compared with
/// its shape, because the loaded model may be called anything; others with its id. A name that is a part of the other
/// counts as the same, unless the id is that of one of GPT-2's sizes: other models' names contain `gpt2`.
pub(crate) fn is_another(name: &str, model: &ModelInfo) -> bool {
    let (name, id) = (plain(name), plain(&model.id));
    let size = |name: &str| SIZES.iter().find(|(size, ..)| plain(size) == name);
    match (size(&name), size(&id)) {
        (Some((_, n_layers, d_model)), _) => {
            (*n_layers, *d_model) != (model.n_layers, model.d_model)
        }
        (None, Some(_)) => !name.is_empty(),
        (None, None) => !name.contains(&id) && !id.contains(&name),
    }
}

/// A model's own name without its owner, a revision's path, a file's hash, capitals and the signs between its words: `gpt2-small`,
/// `GPT2_small` and `openai-community/gpt2-small` are one.
fn plain(name: &str) -> String {
    let last = name.rsplit(['/', ':']).find(|part| !part.is_empty());
    let last = last.unwrap_or_default();
    let last = last.split(['@', '~']).next().unwrap_or_default();
    last.chars()
        .filter(|c| c.is_alphanumeric() || *c == '.')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(id: &str, n_layers: usize, d_model: usize) -> ModelInfo {
        ModelInfo {
            id: id.to_owned(),
            name: id.to_owned(),
            n_layers,
            d_model,
            n_heads: 12,
            n_ctx: 1024,
            vocab: 50_257,
            bos: None,
            eos: Vec::new(),
            notices: Vec::new(),
            weights: "f32".to_owned(),
            ..ModelInfo::default()
        }
    }

    #[test]
    fn sizes_are_known_by_their_shape() {
        let small = model("file:my folder", 12, 768);
        assert!(!is_another("gpt2-small", &small));
        assert!(!is_another("openai-community/gpt2", &small));
        assert!(is_another("gpt2-medium", &small));
        assert!(is_another("distilgpt2", &small));
        assert!(is_another("gpt2", &model("gpt2-xl", 48, 1600)));
        let names = [
            "gpt2",
            "gpt2-small",
            "openai-community/gpt2",
            "GPT2",
            "gpt-2",
            "gpt2_small",
        ];
        for name in names {
            for id in names {
                assert!(!is_another(name, &model(id, 12, 768)), "{name}, {id}");
                assert!(is_another(name, &model(id, 24, 1024)), "{name}, {id}");
            }
        }
        for (name, n_layers, d_model) in [
            ("openai-community/gpt2-medium", 24, 1024),
            ("openai-community/gpt2-large", 36, 1280),
            ("openai-community/gpt2-xl", 48, 1600),
            ("distilbert/distilgpt2", 6, 768),
        ] {
            assert!(!is_another(name, &model("file:x", n_layers, d_model)));
            assert!(is_another(name, &small));
        }
    }

    #[test]
    fn other_models_are_known_by_their_names() {
        let own = model("someone/tiny-stories", 12, 768);
        assert!(!is_another("Tiny-Stories", &own));
        assert!(!is_another("tiny-stories-v2", &own));
        assert!(is_another("EleutherAI/pythia-160m", &own));
        assert!(is_another("pythia-160m", &model("gpt2", 12, 768)));
        assert!(!is_another("", &own));
        // Another model of the same size, with the name of GPT-2 in its own.
        let stanford = "stanford-crfm/alias-gpt2-small-x21";
        assert!(is_another(
            stanford,
            &model("openai-community/gpt2", 12, 768)
        ));
        assert!(!is_another(stanford, &model(stanford, 12, 768)));
    }
}
