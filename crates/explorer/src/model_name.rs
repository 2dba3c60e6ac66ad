//! Whether the model that an autoencoder's file names is the one that is loaded.

use crate::report::ModelInfo;

/// What GPT-2's sizes are called: a name, the number of blocks, d_model.
const SIZES: [(&str, usize, usize); 6] = [
    ("gpt2", 12, 768),
    ("gpt2-small", 12, 768),
    ("gpt2-medium", 24, 1024),
    ("gpt2-large", 36, 1280),
    ("gpt2-xl", 48, 1600),
    ("distilgpt2", 6, 768),
];

/// Whether `name`, as an autoencoder's file has it, is certainly not this model. Names of GPT-2's sizes are held against
/// its shape, because the loaded model may be called anything; others against its id. A name that is a part of the other
/// counts as the same.
pub(crate) fn is_another(name: &str, model: &ModelInfo) -> bool {
    let last = |text: &str| {
        let text = text.rsplit(['/', ':']).find(|part| !part.is_empty());
        text.unwrap_or_default().to_ascii_lowercase()
    };
    let (name, id) = (last(name), last(&model.id));
    match SIZES.iter().find(|(size, ..)| *size == name) {
        Some((_, n_layers, d_model)) => (*n_layers, *d_model) != (model.n_layers, model.d_model),
        None => !name.contains(&id) && !id.contains(&name),
    }
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
            weights: "f32",
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
    }

    #[test]
    fn other_models_are_known_by_their_names() {
        let own = model("someone/tiny-stories", 12, 768);
        assert!(!is_another("Tiny-Stories", &own));
        assert!(!is_another("tiny-stories-v2", &own));
        assert!(is_another("EleutherAI/pythia-160m", &own));
        assert!(is_another("pythia-160m", &model("gpt2", 12, 768)));
        assert!(!is_another("", &own));
    }
}
