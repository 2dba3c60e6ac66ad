//! The session's results as JavaScript objects: the names of `pkg/index.d.ts`.

use explorer::{
    Edited, Effect, Effects, Feature, Generation, Info, Lens, Matrix, Metrics, ModelInfo,
    Neighbour, NextToken, SaeInfo, SaeTrace, SampleLoss, SetFeatures, StreamPatching, Tapped, Taps,
    Token, TokenChange, TokenEffect, TokenFeatures, Tokenization, Trace,
};
use formats::sae::{Architecture, SaeConfig};
use js_sys::{Array, Uint32Array};
use wasm_bindgen::JsValue;

use crate::object::{Object, list};

/// A loaded model.
pub fn model(model: &ModelInfo) -> JsValue {
    Object::new()
        .with("id", &model.id)
        .with("name", &model.name)
        .count("nLayers", model.n_layers)
        .count("dModel", model.d_model)
        .count("nHeads", model.n_heads)
        .count("nCtx", model.n_ctx)
        .count("vocab", model.vocab)
        .number("bos", model.bos.map(f64::from))
        .list("eos", &model.eos, |id| f64::from(*id).into())
        .with("notices", sentences(&model.notices))
        .with("weights", model.weights)
        .into()
}

/// A loaded SAE.
pub fn sae(sae: &SaeInfo) -> JsValue {
    sae_object(sae).number("k", sae.k.map(|k| k as f64)).into()
}

fn sae_object(sae: &SaeInfo) -> Object {
    Object::new()
        .with("id", &sae.id)
        .with("hook", &sae.hook)
        .with("architecture", sae.architecture)
        .count("nLatents", sae.n_latents)
        .count("dIn", sae.d_in)
        .with("normalization", sae.normalization)
        .with("weights", sae.weights)
        .number("normScalingFactor", sae.norm_scaling_factor.map(f64::from))
        .with("prependBos", flag(sae.prepend_bos))
        .number("contextSize", sae.context_size.map(|size| size as f64))
        .with("modelName", text(sae.model_name.as_deref()))
        .with("otherModel", sae.other_model)
        .with("notices", sentences(&sae.notices))
}

fn sentences(texts: &[String]) -> JsValue {
    list(texts, |text| JsValue::from_str(text))
}

fn flag(value: Option<bool>) -> JsValue {
    value.map_or(JsValue::NULL, JsValue::from_bool)
}

fn text(value: Option<&str>) -> JsValue {
    value.map_or(JsValue::NULL, JsValue::from_str)
}

/// The settings in an SAE's file.
pub fn sae_config(config: &SaeConfig) -> JsValue {
    let k = match config.architecture {
        Architecture::TopK { k } => Some(k as f64),
        _ => None,
    };
    Object::new()
        .with("architecture", config.architecture.name())
        .count("dIn", config.d_in)
        .count("nLatents", config.d_sae)
        .number("k", k)
        .with("normalization", config.normalization.name())
        .with("hook", text(config.hook_name.as_deref()))
        .with("modelName", text(config.model_name.as_deref()))
        .with("prependBos", flag(config.prepend_bos))
        .number("contextSize", config.context_size.map(|size| size as f64))
        .into()
}

/// One token.
pub fn token(token: &Token) -> JsValue {
    Object::new()
        .count("id", token.id)
        .with("text", &token.text)
        .into()
}

/// The active features of one token.
pub fn token_features(features: &TokenFeatures) -> JsValue {
    Object::new()
        .count("position", features.position)
        .with("token", token(&features.token))
        .list("sets", &features.sets, |set: &SetFeatures| {
            Object::new()
                .with("sae", &set.sae)
                .with("latents", Uint32Array::from(set.latents.as_slice()))
                .floats("activations", &set.activations)
                .into()
        })
        .into()
}

fn next_token(next: &NextToken) -> JsValue {
    Object::new()
        .count("id", next.id)
        .with("text", &next.text)
        .with("logit", next.logit)
        .with("prob", next.prob)
        .into()
}

fn next_tokens(next: &[NextToken]) -> JsValue {
    list(next, next_token)
}

/// A prompt's trace.
pub fn trace(trace: &Trace) -> JsValue {
    Object::new()
        .list("tokens", &trace.tokens, token)
        .with("bosPrepended", trace.bos_prepended)
        .with("bosReason", &trace.bos_reason)
        .number("loss", trace.loss)
        .floats("tokenLosses", &trace.token_losses)
        .list("next", &trace.next, next_token)
        .list("nextByPosition", &trace.next_by_position, |next| {
            next_tokens(next)
        })
        .list("saes", &trace.saes, sae_trace)
        .with("backend", trace.backend)
        .with("adapter", &trace.adapter)
        .into()
}

fn sae_trace(trace: &SaeTrace) -> JsValue {
    sae_object(&trace.info)
        .count("k", trace.slots)
        .integers("latents", &trace.latents)
        .floats("activations", &trace.activations)
        .with("metrics", metrics(&trace.metrics))
        .positions("skipped", &trace.skipped)
        .with("cautions", sentences(&trace.cautions))
        .into()
}

fn metrics(metrics: &Metrics) -> Object {
    Object::new()
        .number("l0", metrics.l0)
        .number("fvu", metrics.fvu)
        .number("relativeError", metrics.relative_error)
        .number("cosine", metrics.cosine)
        .number("splicedLoss", metrics.spliced_loss)
        .number("deltaCe", metrics.delta_ce)
        .number("kl", metrics.kl)
        .count("positions", metrics.positions)
}

/// A matrix.
pub fn matrix(matrix: &Matrix) -> JsValue {
    let shape = [matrix.rows, matrix.cols].map(|length| JsValue::from_f64(length as f64));
    Object::new()
        .with("shape", shape.iter().collect::<Array>())
        .floats("data", &matrix.data)
        .into()
}

/// A prompt with one latent edited.
pub fn edited(edited: &Edited) -> JsValue {
    let object = Object::new()
        .number("loss", edited.loss)
        .floats("tokenLosses", &edited.token_losses)
        .list("next", &edited.next, next_token)
        .list("nextByPosition", &edited.next_by_position, |next| {
            next_tokens(next)
        })
        .number("kl", edited.mean_kl)
        .floats("klByPosition", &edited.kl)
        .list("tracked", &edited.tracked, next_token);
    match &edited.logits {
        Some(logits) => object.with("logits", matrix(logits)).into(),
        None => object.into(),
    }
}

/// The effects of a prompt's features.
pub fn effects(found: &Effects) -> JsValue {
    Object::new()
        .with("sae", &found.sae)
        .list("tokens", &found.tokens, token)
        .number("loss", found.loss)
        .number("logitDifference", found.logit_difference)
        .list("effects", &found.effects, effect)
        .into()
}

/// The effect of one feature.
pub fn effect(effect: &Effect) -> JsValue {
    Object::new()
        .count("latent", effect.latent)
        .with("activation", effect.activation)
        .count("position", effect.position)
        .count("active", effect.active)
        .number("loss", effect.loss)
        .number("kl", effect.kl)
        .number("logitDifference", effect.logit_difference)
        .number("direct", effect.direct)
        .floats("tokenLosses", &effect.token_losses)
        .floats("klByPosition", &effect.token_kl)
        .list("up", &effect.up, token_change)
        .list("down", &effect.down, token_change)
        .into()
}

/// Patches of the residual stream.
pub fn stream_patching(found: &StreamPatching) -> JsValue {
    let numbers = |row: &Vec<f64>| js_sys::Float64Array::from(&row[..]).into();
    Object::new()
        .list("tokens", &found.tokens, token)
        .list("sourceTokens", &found.source_tokens, token)
        .with("target", token(&found.target))
        .with("distractor", token(&found.distractor))
        .with("clean", found.clean)
        .with("source", found.source)
        .list("hooks", &found.hooks, |hook| hook.as_str().into())
        .list("logitDifferences", &found.logit_differences, numbers)
        .list("kl", &found.kl, numbers)
        .into()
}

fn token_change(change: &TokenChange) -> JsValue {
    Object::new()
        .count("id", change.token.id)
        .with("text", &change.token.text)
        .with("logit", change.logit)
        .with("prob", change.prob)
        .into()
}

/// Values taken from a pass.
pub fn taps(taps: &Taps) -> JsValue {
    Object::new()
        .list("tokens", &taps.tokens, token)
        .list("values", &taps.values, tapped)
        .list("logitLens", &taps.logit_lens, lens)
        .into()
}

fn tapped(value: &Tapped) -> JsValue {
    let shape = value
        .shape
        .iter()
        .map(|length| JsValue::from_f64(*length as f64));
    Object::new()
        .with("name", &value.name)
        .with("shape", shape.collect::<Array>())
        .floats("data", &value.data)
        .into()
}

fn lens(lens: &Lens) -> JsValue {
    Object::new()
        .number("layer", lens.layer.map(|layer| layer as f64))
        .number("loss", lens.loss)
        .floats("tokenLosses", &lens.token_losses)
        .list("nextByPosition", &lens.next_by_position, |next| {
            next_tokens(next)
        })
        .into()
}

/// The description of a latent.
pub fn feature(feature: &Feature) -> JsValue {
    let effect = Object::new()
        .list("top", &feature.logit_effect.top, token_effect)
        .list("bottom", &feature.logit_effect.bottom, token_effect);
    Object::new()
        .count("latent", feature.latent)
        .with("decoderNorm", feature.decoder_norm)
        .with("outputNorm", feature.output_norm)
        .with("encoderBias", feature.encoder_bias)
        .with("logitEffect", effect)
        .list("nearest", &feature.nearest, neighbour)
        .into()
}

fn token_effect(effect: &TokenEffect) -> JsValue {
    Object::new()
        .count("id", effect.id)
        .with("text", &effect.text)
        .with("value", effect.value)
        .into()
}

/// Latents with their decoder cosines.
pub fn neighbours(found: &[Neighbour]) -> JsValue {
    found.iter().map(neighbour).collect::<Array>().into()
}

fn neighbour(neighbour: &Neighbour) -> JsValue {
    Object::new()
        .count("latent", neighbour.latent)
        .with("cosine", neighbour.cosine)
        .into()
}

/// A continuation.
pub fn generation(generation: &Generation) -> JsValue {
    let stop = serde_wasm_bindgen::to_value(&generation.stop).unwrap_or(JsValue::NULL);
    Object::new()
        .with("ids", Array::from(&Uint32Array::from(&generation.ids[..])))
        .with("text", &generation.text)
        .with("cancelled", generation.cancelled)
        .with("stop", stop)
        .into()
}

/// A model's loss on the sample text.
pub fn sample_loss(found: &SampleLoss) -> JsValue {
    Object::new()
        .with("loss", found.loss)
        .count("predictions", found.predictions)
        .with("chance", found.chance)
        .with("usual", found.usual())
        .with("caution", text(found.caution.as_deref()))
        .into()
}

/// A text as tokens.
pub fn tokenization(tokens: &Tokenization) -> JsValue {
    Object::new()
        .list("tokens", &tokens.tokens, token)
        .with("bosPrepended", tokens.bos_prepended)
        .with("bosReason", &tokens.bos_reason)
        .count("nCtx", tokens.n_ctx)
        .into()
}

/// The state of a session.
pub fn info(info: &Info) -> JsValue {
    let counters = Object::new()
        .count("dispatches", info.counters.dispatches)
        .count("passes", info.counters.passes)
        .count("submits", info.counters.submits)
        .count("readBacks", info.counters.read_backs)
        .count("buffers", info.counters.buffers)
        .count("bindGroups", info.counters.bind_groups)
        .count("pipelines", info.counters.pipelines);
    Object::new()
        .with("backend", info.backend)
        .with("adapter", &info.adapter)
        .with(
            "fallbackReason",
            info.fallback_reason
                .as_deref()
                .map_or(JsValue::NULL, JsValue::from_str),
        )
        .with("model", info.model.as_ref().map_or(JsValue::NULL, model))
        .list("saes", &info.saes, sae)
        .count("deviceBytes", info.device_bytes)
        .count("pooledBytes", info.pooled_bytes)
        .count("loadedBytes", info.loaded_bytes)
        .with("counters", counters)
        .into()
}
