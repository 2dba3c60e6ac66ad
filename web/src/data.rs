//! What the engine answers, as the page holds it. Names follow the JavaScript API (`pkg/index.d.ts`).

/// A structure of the API: each field with the name that it has there. In the browser it is read from an object, see
/// [`crate::told`].
macro_rules! told {
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
        impl crate::told::Told for $name {
            fn told(value: &wasm_bindgen::JsValue) -> Option<Self> {
                Some(Self { $($field: crate::told::field(value, $key)?,)* })
            }
        }
    )*};
}

told! {
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

    /// A loaded model.
    ModelInfo {
        /// Id, as in the address.
        id: String = "id",
        /// Name for people.
        name: String = "name",
        /// The longest prompt, in tokens, BOS included.
        n_ctx: usize = "nCtx",
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
    }

    /// How much an SAE loses on a prompt; `None` where the prompt is too short for the metric.
    Metrics {
        /// Mean number of non-zero latents a token.
        l0: Option<f64> = "l0",
        /// Fraction of variance unexplained.
        fvu: Option<f64> = "fvu",
        /// Mean over tokens of ‖x−x̂‖²/‖x‖².
        relative_error: Option<f64> = "relativeError",
        /// Loss with the reconstruction in place, nats.
        spliced_loss: Option<f64> = "splicedLoss",
        /// Spliced loss − loss, nats.
        delta_ce: Option<f64> = "deltaCe",
        /// KL(clean ‖ spliced), nats.
        kl: Option<f64> = "kl",
        /// Number of positions the means are over.
        positions: usize = "positions",
    }

    /// What one SAE finds in a prompt.
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
        /// How much the SAE loses.
        metrics: Metrics = "metrics",
    }

    /// A prompt run through the model and its SAEs.
    Trace {
        /// The text that was traced; the engine does not send it back.
            prompt: String = "prompt",
        /// T tokens.
        tokens: Vec<Token> = "tokens",
        /// Whether token 0 is a BOS that was put there.
        bos_prepended: bool = "bosPrepended",
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

    /// What a latent writes, and what it resembles.
    Feature {
        /// Euclidean norm of the decoder row.
        decoder_norm: f64 = "decoderNorm",
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

    /// Where the engine runs and what it uses.
    Info {
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
        /// The new tokens' text.
        text: String = "text",
        /// Whether it was stopped.
        cancelled: bool = "cancelled",
    }

    /// Bytes loaded so far; `total` is 0 where it is not known.
    Progress {
        /// `engine`, `model` or `sae`.
        stage: String = "stage",
        /// Bytes.
        loaded: f64 = "loaded",
        /// Bytes.
        total: f64 = "total",
    }

    /// Something the engine tells without failing.
    Notice {
        /// What it is about, such as `device-lost`.
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

    /// The part of the demo bundle's manifest that the page reads.
    Manifest {
        /// Example prompts, the first of which is traced at once.
        prompts: Vec<Example> = "prompts",
    }
}

impl Trace {
    /// The first token that is the person's own: after the BOS, if one was put there.
    pub fn first_own(&self) -> usize {
        usize::from(self.bos_prepended && self.tokens.len() > 1)
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
