//! Results of the engine, as the page holds them. Names follow the JavaScript API (`pkg/index.d.ts`).

use crate::format::{fixed, percent};

/// A structure of the API: each field with the name that it has there, or with an empty one where it holds what several
/// kinds of objects have. In the browser it is read from an object, see [`crate::js_value`].
macro_rules! from_js {
    ($(
        $(#[$about:meta])*
        $name:ident {
            $($(#[$field_about:meta])* $field:ident: $type:ty = $key:literal,)*
        }
    )*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_about])* pub $field: $type,)*
        }
        #[cfg(target_arch = "wasm32")]
        impl crate::js_value::FromJs for $name {
            fn from_js(value: &wasm_bindgen::JsValue) -> Option<Self> {
                Some(Self { $($field: crate::js_value::field(value, $key)?,)* })
            }
        }
    )*};
}
pub(crate) use from_js;

from_js! {
    /// A token: its id and its decoded bytes.
    Token {
        /// Index in the vocabulary.
        id: u32 = "id",
        /// Decoded bytes; a part of a UTF-8 sequence is written as `<0xF0>`.
        text: String = "text",
    }

    /// A candidate for the next token.
    NextToken {
        /// Index in the vocabulary.
        id: u32 = "id",
        /// Decoded bytes.
        text: String = "text",
        /// Logit.
        logit: f32 = "logit",
        /// Probability over the whole vocabulary.
        prob: f32 = "prob",
    }

    /// A model's loss on the sample text.
    SampleLoss {
        /// Mean next-token cross-entropy, nats per token.
        loss: f64 = "loss",
        /// Number of predictions.
        predictions: usize = "predictions",
        /// The loss of a model that holds all tokens for equally likely.
        chance: f64 = "chance",
        /// The range of a trained model, in words.
        usual: String = "usual",
        /// Possible problem in words; empty where there is none.
        caution: Option<String> = "caution",
    }

    /// The source of something that was loaded.
    Origin {
        /// `owner/name`; empty for an address outside a repository.
        repository: String = "repository",
        /// The commit of the repository, where its host states it.
        commit: String = "commit",
        /// The folder or file in the repository.
        path: String = "path",
    }

    /// A loaded model.
    ModelInfo {
        /// Id, as in the address.
        id: String = "id",
        /// Name for people.
        name: String = "name",
        /// The longest prompt, in tokens, BOS included.
        n_ctx: usize = "nCtx",
        /// Number of blocks.
        n_layers: u32 = "nLayers",
        /// Number of attention heads per block.
        n_heads: u32 = "nHeads",
        /// Width of the residual stream.
        d_model: u32 = "dModel",
        /// Width of the MLPs, where the engine states it.
        d_mlp: Option<u32> = "dMlp",
        /// Size of the vocabulary.
        vocab: u32 = "vocab",
        /// The token that goes before a text, if the model has one.
        bos: Option<u32> = "bos",
        /// Assumptions about its files; sentences.
        notices: Vec<String> = "notices",
        /// Its source; nothing for the demo and for files.
        origin: Option<Origin> = "origin",
    }

    /// A loaded SAE.
    SaeInfo {
        /// Id, as in the address.
        id: String = "id",
        /// Hook point, such as `blocks.3.hook_resid_post`.
        hook: String = "hook",
        /// `topk` or `standard`.
        architecture: String = "architecture",
        /// Number of latents.
        n_latents: usize = "nLatents",
        /// Most latents a token may have, where there is such a bound.
        k: Option<usize> = "k",
        /// The longest text it was trained on, in tokens, where it says so.
        context_size: Option<usize> = "contextSize",
        /// True if it was trained with a BOS before each text, where it says so.
        prepend_bos: Option<bool> = "prependBos",
        /// The model that it was trained on, where it says so.
        model_name: String = "modelName",
        /// True if that is certainly another one than the loaded.
        other_model: bool = "otherModel",
        /// Assumptions about its files, and settings used in another way than they say; sentences.
        notices: Vec<String> = "notices",
        /// Its source; nothing for the demo, for files and for neurons.
        origin: Option<Origin> = "origin",
        /// Format of its weights on the device: `f32`, `f16`, or `streamed` for those of an SAE that stays in its file.
        weights: String = "weights",
    }

    /// Reconstruction metrics of an SAE on a prompt; `None` where no position counts, or the metric is not defined.
    Metrics {
        /// Mean number of non-zero latents a token.
        l0: Option<f64> = "l0",
        /// Fraction of variance unexplained.
        fvu: Option<f64> = "fvu",
        /// Mean over tokens of ‖x−x̂‖²/‖x‖².
        relative_error: Option<f64> = "relativeError",
        /// Loss with the reconstruction in place, nats.
        spliced_loss: Option<f64> = "splicedLoss",
        /// Mean over tokens of the cosine of x and x̂.
        cosine: Option<f64> = "cosine",
        /// Spliced loss − loss, nats.
        delta_ce: Option<f64> = "deltaCe",
        /// KL(clean ‖ spliced), nats.
        kl: Option<f64> = "kl",
        /// Number of positions the means are over.
        positions: usize = "positions",
    }

    /// Features of one SAE in a prompt.
    SaeTrace {
        /// Id of the SAE.
        id: String = "id",
        /// Hook point.
        hook: String = "hook",
        /// `topk` or `standard`.
        architecture: String = "architecture",
        /// Number of latents.
        n_latents: usize = "nLatents",
        /// Row length of `latents` and `activations`.
        k: usize = "k",
        /// `[T, k]`, strongest first, −1 where a token has fewer.
        latents: Vec<i32> = "latents",
        /// `[T, k]`.
        activations: Vec<f32> = "activations",
        /// Reconstruction metrics of the SAE.
        metrics: Metrics = "metrics",
        /// Positions that count in none of its metrics.
        skipped: Vec<u32> = "skipped",
        /// Cautions: a reconstruction that fails, a text that it was not trained for; sentences.
        cautions: Vec<String> = "cautions",
    }

    /// A prompt run through the model and its SAEs.
    Trace {
        /// The text that was traced; the engine does not send it back.
        prompt: String = "prompt",
        /// The person's choice whether a BOS goes before it; nothing where it was left to the engine. Not sent back either.
        bos: Option<bool> = "bos",
        /// T tokens.
        tokens: Vec<Token> = "tokens",
        /// True if token 0 is a BOS that was put there.
        bos_prepended: bool = "bosPrepended",
        /// Why there is one or none; a sentence.
        bos_reason: String = "bosReason",
        /// Mean next-token cross-entropy, nats.
        loss: Option<f64> = "loss",
        /// `[T−1]`; entry i is the loss of token i+1, nats.
        token_losses: Vec<f32> = "tokenLosses",
        /// The likeliest tokens after each position.
        next_by_position: Vec<Vec<NextToken>> = "nextByPosition",
        /// One for each SAE.
        saes: Vec<SaeTrace> = "saes",
        /// `gpu` or `cpu`.
        backend: String = "backend",
        /// Name of the adapter.
        adapter: String = "adapter",
        /// Duration.
        milliseconds: f64 = "milliseconds",
    }

    /// A token and how far a latent pushes its logit.
    TokenValue {
        /// Decoded bytes.
        text: String = "text",
        /// Logit effect, centred over the vocabulary.
        value: f32 = "value",
    }

    /// The two ends of a latent's logit effect.
    LogitEffect {
        /// Largest first.
        top: Vec<TokenValue> = "top",
        /// Smallest first.
        bottom: Vec<TokenValue> = "bottom",
    }

    /// A latent and the cosine of its decoder row with another's.
    Neighbour {
        /// The other latent.
        latent: u32 = "latent",
        /// Cosine of the two decoder rows.
        cosine: f32 = "cosine",
    }

    /// Output direction of a latent, and the most similar latents.
    Feature {
        /// Euclidean norm of the decoder row.
        decoder_norm: f64 = "decoderNorm",
        /// Euclidean norm of what one unit of it writes to the residual stream.
        output_norm: f64 = "outputNorm",
        /// The latent's entry of b_enc.
        encoder_bias: f64 = "encoderBias",
        /// Direct path only.
        logit_effect: LogitEffect = "logitEffect",
        /// Nearest by decoder cosine.
        nearest: Vec<Neighbour> = "nearest",
    }

    /// The model's answer with one latent edited.
    Edited {
        /// Mean loss, nats.
        loss: Option<f64> = "loss",
        /// `[T−1]`, nats.
        token_losses: Vec<f32> = "tokenLosses",
        /// The likeliest tokens after each position.
        next_by_position: Vec<Vec<NextToken>> = "nextByPosition",
        /// Mean KL(clean ‖ edited), nats.
        kl: Option<f64> = "kl",
        /// `[T]`; KL(clean ‖ edited) after each token, nats.
        kl_by_position: Vec<f32> = "klByPosition",
    }

    /// The predictions of a prompt with one feature at one value.
    Dosed {
        /// Mean loss, nats.
        loss: Option<f64> = "loss",
        /// Mean KL(clean ‖ edited), nats.
        kl: Option<f64> = "kl",
        /// The likeliest next tokens after the last one.
        next: Vec<NextToken> = "next",
        /// The watched tokens there.
        tracked: Vec<NextToken> = "tracked",
    }

    /// What the residual stream of another prompt brings; rows are hook points, columns positions.
    StreamPatches {
        /// The target's logit minus the distractor's of the prompt.
        clean: f64 = "clean",
        /// And of the source.
        source: f64 = "source",
        /// The hook points.
        hooks: Vec<String> = "hooks",
        /// The same of each patch.
        logit_differences: Vec<Vec<f64>> = "logitDifferences",
        /// KL(clean ‖ patched) after the last token, nats.
        kl: Vec<Vec<f64>> = "kl",
    }

    /// A token that ablating a feature moves, after the last token: ablated minus clean.
    TokenChange {
        /// Index in the vocabulary.
        id: u32 = "id",
        /// Decoded bytes.
        text: String = "text",
        /// Change of its logit.
        logit: f32 = "logit",
        /// Change of its probability.
        prob: f32 = "prob",
    }

    /// What ablating one feature changes: ablated minus clean.
    Effect {
        /// The latent.
        latent: u32 = "latent",
        /// Its largest activation at the chosen positions.
        activation: f32 = "activation",
        /// Where that is.
        position: usize = "position",
        /// Number of chosen positions at which it is active.
        active: usize = "active",
        /// Of the mean loss, nats.
        loss: Option<f64> = "loss",
        /// Mean KL(clean ‖ ablated), nats.
        kl: Option<f64> = "kl",
        /// Of the target's logit minus the distractor's.
        logit_difference: Option<f64> = "logitDifference",
        /// What the direct path alone would give for that.
        direct: Option<f64> = "direct",
        /// `[T−1]`; entry i is of the loss of token i + 1.
        token_losses: Vec<f32> = "tokenLosses",
        /// `[T]`
        kl_by_position: Vec<f32> = "klByPosition",
        /// Tokens that rise the most.
        up: Vec<TokenChange> = "up",
        /// Tokens that fall the most.
        down: Vec<TokenChange> = "down",
    }

    /// The clean run that effects are taken from.
    EffectsOf {
        /// Mean loss, nats.
        loss: Option<f64> = "loss",
        /// The target's logit minus the distractor's.
        logit_difference: Option<f64> = "logitDifference",
    }

    /// A value taken from a pass.
    Tapped {
        /// Its name, such as `blocks.3.attn.hook_pattern`.
        name: String = "name",
        /// `[T, heads, T]` (query, head, key) of an attention pattern.
        shape: Vec<usize> = "shape",
        /// The last dimension runs fastest.
        data: Vec<f32> = "data",
    }

    /// The loaded model and SAEs, the engine's backend and its memory.
    Info {
        /// The loaded model.
        model: Option<ModelInfo> = "model",
        /// The loaded SAEs.
        saes: Vec<SaeInfo> = "saes",
        /// `gpu` or `cpu`.
        backend: String = "backend",
        /// Name of the adapter.
        adapter: String = "adapter",
        /// Memory held on the device, bytes.
        device_bytes: f64 = "deviceBytes",
    }

    /// A prompt without its run.
    Tokenization {
        /// T tokens.
        tokens: Vec<Token> = "tokens",
        /// The model's context, in tokens.
        n_ctx: usize = "nCtx",
    }

    /// A continuation.
    Generation {
        /// The new tokens.
        ids: Vec<u32> = "ids",
        /// The new tokens' text.
        text: String = "text",
        /// True if it was stopped.
        cancelled: bool = "cancelled",
        /// Why it ended: `max-tokens`, `context-full`, `end-of-text` or `cancelled`.
        stop: String = "stop",
    }

    /// Bytes loaded so far; `total` is 0 where it is not known.
    Progress {
        /// `engine`, `model`, `sae`, or `hash` for the SHA-256 of files.
        stage: String = "stage",
        /// Bytes.
        loaded: f64 = "loaded",
        /// Bytes.
        total: f64 = "total",
        /// The file under way.
        name: String = "name",
        /// Origin of its bytes: `network`, `cache` or `file`.
        source: String = "source",
    }

    /// The SHA-256 of a model's or SAE's weights.
    Hashed {
        /// 64 hexadecimal digits.
        sha256: String = "sha256",
    }

    /// A notice of the engine.
    Notice {
        /// Kind, such as `device-lost`.
        code: String = "code",
        /// Text for people.
        message: String = "message",
    }

    /// A prompt worth a look.
    Example {
        /// Name on its button.
        name: String = "name",
        /// The prompt.
        text: String = "text",
    }

    /// An SAE of the demo bundle.
    DemoSae {
        /// Id, as in the address.
        id: String = "id",
        /// Hook point.
        hook: String = "hook",
        /// Its description.
        cfg: DemoFile = "cfg",
        /// Its weights.
        weights: DemoFile = "weights",
    }

    /// A file of the demo.
    DemoFile {
        /// Address relative to the manifest.
        path: String = "path",
        /// Its length.
        bytes: f64 = "bytes",
    }

    /// The demo's model.
    DemoModel {
        /// Its configuration.
        config: DemoFile = "config",
        /// Its weights.
        weights: DemoFile = "weights",
        /// Its tokenizer.
        tokenizer: DemoFile = "tokenizer",
    }

    /// The trace of the demo's first example, recorded when the demo was put together (`docs/demo.md`).
    Recorded {
        /// The example.
        prompt: Example = "prompt",
        /// The model.
        model: ModelInfo = "model",
        /// The SAE of the trace.
        sae: SaeInfo = "sae",
        /// The trace.
        trace: Trace = "trace",
        /// Descriptions of the features that the page selects first.
        features: Vec<RecordedFeature> = "features",
    }

    /// The description of a feature, recorded.
    RecordedFeature {
        /// The latent.
        latent: u32 = "latent",
        /// Its description.
        feature: Feature = "",
    }

    /// The part of the demo bundle's manifest that the page reads.
    Manifest {
        /// Example prompts, the first of which is traced at once.
        prompts: Vec<Example> = "prompts",
        /// SAEs.
        saes: Vec<DemoSae> = "saes",
        /// The index of an atlas, if there is one.
        atlas: Option<SiteFile> = "atlas",
        /// Model.
        model: DemoModel = "model",
    }

    /// A file of the demo bundle.
    SiteFile {
        /// Address relative to the manifest.
        path: String = "path",
    }
}

impl Manifest {
    /// Bytes of the model and all SAEs.
    pub fn bytes(&self) -> f64 {
        let DemoModel {
            config,
            weights,
            tokenizer,
        } = &self.model;
        let saes = self.saes.iter().flat_map(|sae| [&sae.cfg, &sae.weights]);
        let files = [config, weights, tokenizer].into_iter().chain(saes);
        files.map(|file| file.bytes).sum()
    }
}

/// The logit lens of a block: what the residual stream out of it gives through the final LayerNorm and the unembedding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lens {
    /// The block; nothing for the embedding, before the first block.
    pub layer: Option<u32>,
    /// Mean next-token cross-entropy, nats.
    pub loss: Option<f64>,
    /// `[T−1]`; entry i is the loss of token i+1, nats.
    pub token_losses: Vec<f32>,
    /// The likeliest next tokens after each position.
    pub next_by_position: Vec<Vec<NextToken>>,
}

impl Generation {
    /// True if the model's context is full: it cannot go on behind this text.
    pub fn is_full(&self) -> bool {
        self.stop == "context-full"
    }

    /// Why it ended, where that is not that it has all the tokens that were asked for.
    pub fn ended(&self) -> Option<&'static str> {
        match self.stop.as_str() {
            "cancelled" => Some("Stopped."),
            "context-full" => Some(
                "The model's context is full: it reads no longer text. It can go on behind the second half.",
            ),
            "end-of-text" => Some("The model ended the text."),
            _ => None,
        }
    }
}

impl NextToken {
    /// The token by itself.
    pub fn token(&self) -> Token {
        Token {
            id: self.id,
            text: self.text.clone(),
        }
    }
}

impl Trace {
    /// The first token that is the person's own: after the BOS, if one was put there.
    pub fn first_own(&self) -> usize {
        usize::from(self.bos_prepended && self.tokens.len() > 1)
    }

    /// Ids of its tokens, for later requests about the same tokens.
    pub fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|token| token.id).collect()
    }

    /// Loss of a token, in nats; the first has none.
    pub fn loss_of(&self, token: usize) -> Option<f32> {
        self.token_losses.get(token.checked_sub(1)?).copied()
    }

    /// The SAE with this id.
    pub fn sae(&self, id: &str) -> Option<&SaeTrace> {
        self.saes.iter().find(|sae| sae.id == id)
    }
}

impl Feature {
    /// True where its output direction has the length of its decoder row: it goes through no other matrix.
    pub fn writes_its_direction(&self) -> bool {
        (self.output_norm - self.decoder_norm).abs() <= 1e-6 * self.decoder_norm.abs()
    }
}

/// The FVU from which on an SAE is more likely used wrongly than badly trained.
const DOUBTFUL_FVU: f64 = 0.5;

/// The same for ΔCE, in nats: the model finds each token's right successor less than half as likely as before.
const DOUBTFUL_DELTA_CE: f64 = 1.0;

impl Metrics {
    /// Possible problem that numbers on plain prose show.
    pub fn doubt(&self) -> Option<String> {
        let ask =
            "Is the normalisation or the hook right, and is it the model that it was trained on?";
        match (self.fvu, self.delta_ce) {
            (Some(fvu), _) if fvu > DOUBTFUL_FVU => Some(format!(
                "It leaves {} of the variance unexplained. {ask}",
                percent(fvu)
            )),
            (_, Some(change)) if change > DOUBTFUL_DELTA_CE => Some(format!(
                "With its reconstruction the loss rises by {} nats. {ask}",
                fixed(change, 2)
            )),
            _ => None,
        }
    }
}

impl SaeInfo {
    /// That its file names another model than the loaded one.
    pub fn other_model(&self) -> Option<String> {
        let name = &self.model_name;
        self.other_model.then(|| {
            format!(
                "This SAE's file says that it was trained on {name}; the loaded model seems to be another one."
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_look_wrong_are_doubted() {
        let metrics = |fvu, delta_ce| Metrics {
            fvu: Some(fvu),
            delta_ce: Some(delta_ce),
            ..Metrics::default()
        };
        assert_eq!(metrics(0.1, 0.2).doubt(), None);
        assert_eq!(metrics(0.1, -0.2).doubt(), None);
        assert_eq!(Metrics::default().doubt(), None);
        let doubt = metrics(0.93, 0.2).doubt().unwrap_or_default();
        assert!(doubt.contains("93.0%"), "{doubt}");
        let doubt = metrics(0.3, 4.0).doubt().unwrap_or_default();
        assert!(doubt.contains("4.00 nats"), "{doubt}");
    }
}
