//! Each word and number that is shown, with its one definition.

/// A name as it is shown, and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Part of the element's id that holds the definition.
    pub key: &'static str,
    /// As shown.
    pub name: &'static str,
    /// As shown on hover and in the list of definitions.
    pub definition: &'static str,
}

macro_rules! terms {
    ($($constant:ident = $key:literal, $name:literal, $definition:literal;)*) => {
        $(#[doc = concat!("`", $name, "`")] pub const $constant: Term = Term { key: $key, name: $name, definition: $definition };)*
        /// All of them, in the order of the list of definitions.
        pub const ALL: &[Term] = &[$($constant),*];
    };
}

terms! {
    FEATURE = "feature", "feature", "A direction in the model's activations that an SAE has learned. It is active on few tokens, and what these have in common is its meaning, if it has one. Features have numbers, no names: feature 903 is latent 903 of its SAE.";
    LATENT = "latent", "latent", "One of the numbers that an SAE computes from an activation: how active a feature is at a token. Most of them are 0.";
    SAE = "sae", "SAE", "Sparse autoencoder: a small network that writes an activation of the model as a sum of a few features out of thousands, trained to lose as little as possible by it. Each belongs to one hook point of one model.";
    LAYER = "layer", "layer", "One of the model's blocks, counted from 0. Each reads the residual stream and adds to it; the SAE of layer 3 reads the stream after block 3, unless its name says otherwise.";
    HOOK = "hook", "hook", "A place in the model where an activation is read or changed, by TransformerLens's names: blocks.3.hook_resid_post is the residual stream after block 3.";
    TOKEN = "token", "token", "A piece of text that the model reads as one: a word, a part of one, a sign, or some bytes of a character. Each has an id in the vocabulary.";
    POSITION = "position", "position", "Index of a token in what the model reads, counted from 0; a BOS before the prompt has position 0.";
    RESIDUAL_STREAM = "residual-stream", "residual stream", "The vector that the model carries along for each token. Every layer adds something to it, and the last state of it decides about the next token.";
    LOGIT = "logit", "logit", "The model's score of a possible next token. The softmax of all logits gives their probabilities.";
    DIRECT_PATH = "direct-path", "direct path", "From a feature's output straight to the logits, past all later layers. What those make of it is not in it.";
    NEURON = "neuron", "neuron", "One dimension of an activation, as it is, without an SAE. Neurons are listed, described and edited as features are.";
    TEMPERATURE = "temperature", "temperature", "0 takes the likeliest token each time (greedy). Above 0 tokens are drawn, more freely the higher it is.";
    TOP_K = "top-k", "top-k", "Tokens are drawn from so many likeliest ones; 0 draws from all.";
    TOP_P = "top-p", "top-p", "Tokens are drawn from the likeliest ones that together have this probability; 1 draws from all.";
    REPETITION_PENALTY = "repetition-penalty", "repetition penalty", "Logits of tokens that stand in the text already are divided by it where they are positive, and multiplied where not (the rule of CTRL); 1 changes nothing.";
    SEED = "seed", "seed", "The number that random draws begin with: the same seed and settings give the same text.";
    CHANCE = "pair-chance", "chance of a pair", "The share of random orders of one feature's tokens that bring two features together at least as often as they come together, times the number of pairs tested, at most 1. Below 0.05 an edge counts as more than chance.";
    ACTIVATION = "activation", "activation", "The latent's value after the activation function, in the SAE's own units. Comparable between tokens for one latent, not between SAEs.";
    MAXIMUM = "maximum", "maximum", "The latent's largest activation over the prompt's tokens. The BOS is left out, because SAEs are not trained on it.";
    MEAN = "mean", "mean", "The latent's activation, mean over all the prompt's tokens, zeros included. The BOS is left out.";
    TOKENS = "tokens", "tokens", "Number of the prompt's tokens on which the latent is non-zero. The BOS is left out.";
    BOS = "bos", "BOS", "The beginning-of-sequence token, put before the text or not. SAEs are trained with one or without, and all that is loaded is run on the same tokens: auto asks what is loaded, yes and no are your own choice. It stands in the address.";
    LOSS = "loss", "loss", "Next-token cross-entropy −ln p(token), in nats; for a prompt the mean over its tokens. Position 0 has none unless a BOS is prepended.";
    SPLICED_LOSS = "spliced", "spliced loss", "The loss with the SAE's reconstruction x̂ in place of x at the hook, at the positions that count, in nats.";
    DELTA_CE = "delta-ce", "ΔCE", "Spliced loss − loss, in nats: how much worse the model predicts with the reconstruction. The prediction made at the BOS is counted; SAELens leaves it out, so its ΔCE is (T−1)/(T−2) times this one, T the tokens with the BOS.";
    KL = "kl", "KL", "KL(clean ‖ spliced) of the next-token distribution, mean over the positions that count, in nats.";
    KL_EDITED = "kl-edited", "KL of the edit", "KL(clean ‖ edited) of the next-token distribution, mean over the positions that count for the SAE, in nats.";
    FVU = "fvu", "FVU", "Fraction of variance unexplained: Σ‖x−x̂‖² / Σ‖x−x̄‖², x̄ the mean over the counted positions, in the space the SAE was trained in, after its input normalisation. Explained variance is 1 − FVU; SAELens takes it in the raw space.";
    RELATIVE_ERROR = "relative-error", "relative error", "Mean over tokens of ‖x−x̂‖² / ‖x‖² in the raw space. Not comparable with FVU.";
    L0 = "l0", "L0", "Mean number of non-zero latents a token, over the counted positions. For TopK it is at most k by construction, so it carries no signal there.";
    N = "n", "N", "Number of positions that the SAE's metrics are means over: not a BOS, and not what its training left out.";
    COSINE = "cosine", "cosine", "Mean over the counted positions of the cosine between reconstruction and activation. Below 0.8 something is wrong as a rule: normalisation, orientation or hook.";
    PROBABILITY = "probability", "probability", "Softmax of the logits over the whole vocabulary, at temperature 1.";
    LOGIT_EFFECT = "logit-effect", "logit effect (direct path)", "W_U · ((d − mean(d)) ⊙ ln_f.weight), centred over the vocabulary: the final LayerNorm takes the mean off. d is what one unit of the latent writes to the residual stream: its row of W_dec, through W_O at hook_z, through W_out at mlp.hook_post. At ln_final.hook_normalized W_U · (d ⊙ ln_f.weight). The direct path only: not what later layers make of it, nor the scale by which the final LayerNorm divides.";
    DECODER_NORM = "decoder-norm", "‖decoder‖", "Euclidean norm of the latent's row of W_dec; 1 for a neuron, whose direction is its dimension.";
    OUTPUT_NORM = "output-norm", "‖output‖", "Euclidean norm of what one unit of the latent writes to the residual stream: its row of W_dec through W_O of the layer (hook_z) or through W_out (mlp.hook_post).";
    ENCODER_BIAS = "encoder-bias", "encoder bias", "The latent's entry of b_enc: added to its pre-activation.";
    SPECIFICITY = "specificity", "specificity", "|a| · ln((1 + N) / n): a feature's activation a, weighted by how rare it is. Where an atlas fits the SAE, N is the number of tokens of its corpus and n the number of those on which the feature fires; without one, N and n are those of this prompt. What fires everywhere has little of it.";
    SPECIFIC = "specific", "specific", "A feature is the more specific to a token the stronger it is there and the fewer of this prompt's tokens it is active on: |a| · ln((1 + N) / n), with its activation a, the prompt's N own tokens and the n of them on which it is active. It says nothing about other texts.";
    MATCH = "match", "counterpart", "The latent of another SAE whose row of W_dec has the largest cosine with the feature's: the two write in nearly the same direction. From 0.5 on it counts as the counterpart; of 4,096 random directions of 128 dimensions the nearest has about 0.36.";
    LENS = "lens", "logit lens", "The next token that the residual stream out of the embedding or a layer already gives: the stream through the final LayerNorm and the unembedding, as if the layers that follow were not there. That of the last layer is the model's own prediction.";
    ATTENTION = "attention", "attention weight", "How strongly a head looks from one token (the query) at another one (the key): its softmax weight, from 0 to 1. A token looks at itself and those before it, so its weights sum to 1.";
    NEAREST = "nearest", "nearest by decoder cosine", "Latents of the same SAE whose rows of W_dec have the largest cosine with this one's.";
    LATENTS = "latents", "latents", "The SAE's width (d_sae): the number of directions into which it splits an activation, each of which is a feature.";
    WEIGHTS = "weights", "weights", "How they lie on the device: f32, or f16 in half the memory, each weight rounded. auto takes f16 where it holds every weight exactly and the device gains by it. Sums are f32 in any case.";
    DENSITY = "density", "density", "Share of a corpus's tokens on which the feature fires: its activation is above 0. Tokens that do not count for its SAE, such as a BOS, are left out.";
    FIRED = "fired", "fires on", "Number of a corpus's tokens on which the feature's activation is above 0.";
    ATLAS_MAX = "atlas-max", "largest", "The feature's largest activation over the corpus.";
    ATLAS_MEAN = "atlas-mean", "E[a]", "Mean activation over all tokens of the corpus that count, zeros included.";
    MEAN_SQUARE = "mean-square", "E[a²]", "Mean of the squared activation over all tokens of the corpus that count, zeros included.";
    SKEW = "skew", "skew", "E[a³] / E[a²]^1.5 over all tokens of the corpus that count, about 0 and not about the mean. Large for a feature that fires rarely and strongly.";
    KURTOSIS = "kurtosis", "kurtosis", "E[a⁴] / E[a²]² over all tokens of the corpus that count, about 0 and not about the mean.";
    AUTOMATIC_LABEL = "automatic-label", "automatic label", "A few words put together from the feature's statistics alone: the tokens that it fires on and those that it pushes up. Nobody has read its contexts for it, and it may mislead.";
    INTERVAL = "interval", "interval", "Contexts whose largest activation lies between two bounds, drawn at random among all such windows of the corpus: they show what weak activations stand for.";
    PMI = "pmi", "PMI", "ln(p(both) / (p(one) · p(other))), in nats: how much more often two features fire on the same token than if they had nothing to do with each other.";
    HEAD_SHARE = "head-share", "share of the direction", "‖W_O,head d‖² / ‖W_O,head‖² · d_model / ‖d‖²: how strongly a head writes along the feature's decoder direction d. 1 is what a random direction gives on average.";
    TOKEN_SHARE = "token-share", "share of occurrences", "On how many of a token's occurrences in the corpus the feature fires.";
    ABLATION = "ablation", "ablation", "The feature is set to 0 at its strongest token, the SAE's error term is kept, and the model runs on. What changes afterwards is the feature's effect in this context.";
    PATCHING = "patching", "patching", "A feature is set to the activation that it has in another prompt, at one position, with the SAE's error kept, and the model runs on. Features that are equally active in both are left out; \"all features\" sets every feature of the SAE at that position. Or the whole residual stream at one layer and position is the other prompt's.";
    MEASURED_EFFECT = "measured-effect", "measured effect", "The feature of the earlier layer is set to 0 in the whole text so far, with the SAE's error kept, and the model runs on: the share of the later feature's activation at this token that is gone then. 1 means that it falls silent without the other; below 0 it grows. Measured for the 24 strongest concepts on screen.";
    RESTORED = "restored", "share", "(patched − prompt) / (source − prompt) of the target's logit minus the distractor's after the last token: 0% leaves the prompt's answer, 100% gives the source's. Below 0% it goes the other way; shares of single features need not add up.";
    DOSE = "dose", "dose–response", "One feature at many values, everything else as it is: the prompt is run once for each value, all in one batch. Where the curves leave what the feature does by itself, its effect says little about the model.";
    WRITTEN_LOSS = "written-loss", "clean loss of the text", "The model continues the prompt with the feature at this value; then the model without any edit reads that text. Its mean next-token loss over the new tokens, in nats: where it rises steeply, steering has left what the model holds for text.";
    EFFECT_LOSS = "effect-loss", "Δ loss", "Mean next-token loss of the prompt with the feature ablated, minus that without: above 0 the feature helps the model to predict this text. In nats, over all tokens but the first.";
    EFFECT_KL = "effect-kl", "mean KL of the ablation", "KL(clean ‖ ablated) of the next-token distribution, in nats: mean over the positions that count for the SAE. How much the feature matters, whichever way.";
    LOGIT_DIFFERENCE = "logit-difference", "Δ target − distractor", "Change of the target's logit minus the distractor's after the last token, ablated minus clean: below 0 the feature speaks for the target.";
    DIRECT_ESTIMATE = "direct-estimate", "direct-path estimate", "What the ablation would change by the direct path alone: from the feature's output at the last token straight to the two logits, past all later layers, the final LayerNorm's scale held as it is. A feature that is not active at the last token has none.";
    KL_ABLATED = "kl-ablated", "KL of the ablation", "KL(clean ‖ ablated) of the next-token distribution, in nats: mean over the ablated token and all later ones.";
    EDIT = "edit", "edit", "The latent is set to a value (0 ablates it), added to, or multiplied, at the chosen tokens. The SAE's error term is kept: x + decode(z edited) − decode(z).";
    TRAINING_FVU = "training-fvu", "FVU of training", "Fraction of variance unexplained on what is being trained on: Σ‖x−x̂‖² / Σ‖x−x̄‖² over the tokens since the last point, each batch before its step and with its own mean x̄, after input normalisation. On other text it is somewhat higher.";
    AUX_LOSS = "aux-loss", "AuxK loss", "Dead latents reconstruct what a token's active ones have left: ‖e−ê‖² over the variance of that rest, without its weight. There is none while no latent is dead.";
    DEAD = "dead", "dead latents", "Share of the latents that were not above 0.001 on any of the last million tokens of training (dead_tokens, dead_threshold). None can be dead before.";
    LEARNING_RATE = "learning-rate", "learning rate", "Size of the optimiser's steps: it rises over the first ones, stays, and falls to 0 over the last three tenths.";
    TRAINING_RATE = "training-rate", "tokens per second", "Tokens trained on per second over the last 16 points, with the time for their activations, which are computed for several steps at once.";
    MEAN_OVER_SPREAD = "mean-over-spread", "‖μ‖/‖σ‖", "Length of the activations' mean over their spread, √(Σ variances of the dimensions). Far above 1 most of each activation is the same; the bias takes that off at the start, so that latents do not have to.";
}

/// Those that are words of the field rather than numbers; `docs/words.md` has them as well.
pub const WORDS: &[Term] = &[
    FEATURE,
    LATENT,
    SAE,
    LAYER,
    HOOK,
    TOKEN,
    POSITION,
    RESIDUAL_STREAM,
    LOGIT,
    DIRECT_PATH,
    NEURON,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    REPETITION_PENALTY,
    SEED,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_documentation_has_the_same_words() {
        let documented = include_str!("../../../docs/words.md");
        for Term {
            name, definition, ..
        } in WORDS
        {
            let line = format!("| {name} | {definition} |");
            assert!(documented.contains(&line), "docs/words.md lacks: {line}");
        }
    }

    #[test]
    fn every_term_has_its_own_key_and_name() {
        assert_eq!(
            ALL.iter()
                .map(|term| term.key)
                .collect::<HashSet<_>>()
                .len(),
            ALL.len()
        );
        assert_eq!(
            ALL.iter()
                .map(|term| term.name)
                .collect::<HashSet<_>>()
                .len(),
            ALL.len()
        );
    }
}
