//! The settings in `cfg.json`, of today's SAELens and of older ones.

use serde_json::Value;

use super::{CFG, known};
use crate::error::{Error, Result, shortened};
use crate::sae::{Architecture, Normalization, check_k};
use crate::settings::{Settings, number, whole};

const FACTOR: &str = "norm_scaling_factor";

/// Activations that older files distinguish.
#[derive(Clone, Copy)]
enum Activation {
    Relu,
    TopK,
}

/// True for a setting that changes what is computed or shown, so that two different values of it cannot both be right.
fn is_read(name: &str) -> bool {
    const DESCRIBES: [&str; 4] = ["metadata", "sae_lens_version", "model_name", "context_size"];
    known::READ.contains(&name) && !DESCRIBES.contains(&name)
}

/// `cfg.json`: settings at the top level or, since SAELens 6, some of them under `metadata`.
pub(super) struct Cfg {
    pub(super) settings: Settings<'static>,
}

impl Cfg {
    pub(super) fn parse(json: &[u8]) -> Result<Self> {
        let mut settings = Settings::parse(CFG, json)?;
        settings.lift("metadata");
        Ok(Self { settings })
    }

    /// True for a setting that stands under `metadata`, which SAELens keeps free for notes about the training.
    pub(super) fn is_metadata(&self, name: &str) -> bool {
        let metadata = self.settings.get("metadata");
        metadata.is_some_and(|metadata| metadata.get(name).is_some())
    }

    /// The first of these settings that is there.
    pub(super) fn text(&self, names: &[&str]) -> Result<Option<String>> {
        for name in names {
            if let Some(text) = self.settings.text(name)? {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// Refuses settings that make it a transcoder's, whatever its architecture is called.
    pub(super) fn refuse_transcoder(&self) -> Result<()> {
        let signs = ["d_out", "hook_name_out", "hook_point_out", "hook_layer_out"];
        if let Some(sign) = signs.iter().find(|name| self.settings.get(name).is_some()) {
            return Err(Error::transcoder(CFG, format!("`{sign}` is stated")));
        }
        if self.settings.get("is_transcoder") == Some(&Value::Bool(true)) {
            return Err(Error::transcoder(CFG, "`is_transcoder` is true"));
        }
        match self.text(&["architecture"])? {
            Some(name) if name.contains("transcoder") || name == "clt" => {
                let sign = format!("the architecture is `{}`", shortened(&name));
                Err(Error::transcoder(CFG, sign))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn architecture(&self, d_sae: usize) -> Result<Architecture> {
        let supported = "standard, topk, jumprelu, gated";
        let activation = self.activation()?;
        let stated = self.text(&["architecture"])?;
        let architecture = match (stated.as_deref(), activation) {
            // Older files say `standard` for everything with one encoder, and mark top-k by the activation.
            (None | Some("standard"), Activation::TopK) | (Some("topk"), _) => self.top_k(d_sae)?,
            (None | Some("standard"), Activation::Relu) => Architecture::Standard,
            (Some("jumprelu"), Activation::Relu) => Architecture::JumpRelu,
            (Some("gated"), Activation::Relu) => Architecture::Gated,
            (Some(name @ ("jumprelu" | "gated")), Activation::TopK) => {
                let expected = format!(
                    "`architecture` is {name}, which has no such activation: keep the right one of the two"
                );
                return Err(Error::field(CFG, "activation_fn", "topk", expected));
            }
            (Some(name @ ("batchtopk" | "matryoshka_batchtopk")), _) => {
                return Err(Error::TrainingCheckpoint {
                    file: CFG.to_owned(),
                    architecture: name.to_owned(),
                });
            }
            (Some(other), _) => {
                return Err(Error::unsupported(
                    CFG,
                    "the architecture",
                    other,
                    supported,
                ));
            }
        };
        if architecture == Architecture::Standard
            && let Some((name, k)) = self.stated_k().into_iter().next()
        {
            let expected = "the architecture is `standard`, which keeps any number of latents: state `topk`, or remove the setting";
            return Err(Error::field(CFG, name, k, expected));
        }
        Ok(architecture)
    }

    fn activation(&self) -> Result<Activation> {
        match self
            .text(&["activation_fn", "activation_fn_str"])?
            .as_deref()
        {
            None | Some("relu" | "ReLU") => Ok(Activation::Relu),
            Some("topk") => Ok(Activation::TopK),
            Some(other) => Err(Error::unsupported(
                CFG,
                "the activation_fn",
                other,
                "relu, topk",
            )),
        }
    }

    /// Every statement of k.
    pub(super) fn stated_k(&self) -> Vec<(&'static str, &Value)> {
        let kwargs = self.settings.get("activation_fn_kwargs");
        let kwargs = kwargs.and_then(|kwargs| kwargs.get("k"));
        let kwargs = kwargs.filter(|k| !k.is_null());
        let own = self.settings.get("k").map(|k| ("k", k));
        own.into_iter()
            .chain(kwargs.map(|k| ("activation_fn_kwargs.k", k)))
            .collect()
    }

    fn top_k(&self, d_sae: usize) -> Result<Architecture> {
        let stated = self.stated_k();
        let Some(&(name, k)) = stated.first() else {
            let expected = "a topk autoencoder must state it";
            return Err(Error::field(CFG, "k", "missing", expected));
        };
        if let Some(&other) = stated.get(1) {
            self.settings.agree((name, k), other)?;
        }
        let number = whole(k)
            .and_then(|k| usize::try_from(k).ok())
            .ok_or_else(|| Error::field(CFG, name, k, "it must be a positive whole number"))?;
        check_k(CFG, name, number, d_sae)
    }

    /// Refuses two different values of a setting that this reader uses: at the top level and under `metadata`, or under an
    /// old and a new name.
    pub(super) fn refuse_contradictions(&self) -> Result<()> {
        let settings = &self.settings;
        if let Some(Value::Object(metadata)) = settings.get("metadata") {
            for (name, inner) in metadata {
                if let Some(outer) = settings.get(name).filter(|_| is_read(name))
                    && !inner.is_null()
                {
                    settings.agree((name, outer), (&format!("metadata.{name}"), inner))?;
                }
            }
        }
        for (new, old) in [
            ("hook_name", "hook_point"),
            ("hook_head_index", "hook_point_head_index"),
            ("activation_fn", "activation_fn_str"),
        ] {
            if let (Some(value), Some(other)) = (settings.get(new), settings.get(old)) {
                settings.agree((new, value), (old, other))?;
            }
        }
        Ok(())
    }

    pub(super) fn normalization(&self) -> Result<Normalization> {
        let name = match self.settings.get("normalize_activations") {
            None | Some(Value::Bool(false)) => "none",
            // What the boolean meant when it was one.
            Some(Value::Bool(true)) => "expected_average_only_in",
            Some(Value::String(name)) => name,
            Some(other) => {
                return Err(Error::field(
                    CFG,
                    "normalize_activations",
                    other,
                    "it must be a name",
                ));
            }
        };
        match name {
            "none" => self.without_factor(name, Normalization::None),
            "layer_norm" => self.without_factor(name, Normalization::LayerNorm),
            "constant_norm_rescale" => {
                self.without_factor(name, Normalization::ConstantNormRescale)
            }
            "expected_average_only_in" => Ok(Normalization::ExpectedAverageOnlyIn {
                norm_scaling_factor: self.norm_scaling_factor()?,
            }),
            other => Err(Error::unsupported(
                CFG,
                "normalize_activations =",
                other,
                "none, layer_norm, constant_norm_rescale, expected_average_only_in",
            )),
        }
    }

    /// A normalisation that has no factor, refused beside one that would do something.
    fn without_factor(&self, name: &str, normalization: Normalization) -> Result<Normalization> {
        match self.norm_scaling_factor()? {
            None | Some(1.0) => Ok(normalization),
            Some(factor) => {
                let expected = format!(
                    "`normalize_activations` is {name}, which does not use it: state expected_average_only_in, or remove the factor if it is folded into the weights"
                );
                Err(Error::field(CFG, FACTOR, factor, expected))
            }
        }
    }

    fn norm_scaling_factor(&self) -> Result<Option<f32>> {
        let name = FACTOR;
        let Some(value) = self.settings.get(name) else {
            return Ok(None);
        };
        number(value)
            .map(|factor| factor as f32)
            .filter(|factor| factor.is_normal() && *factor > 0.0)
            .map(Some)
            .ok_or_else(|| Error::field(CFG, name, value, "it must be a positive number"))
    }

    /// The setting of the file, or the default of SAELens when the file was written: before version 6 a BOS went first unless
    /// the file denied it.
    pub(super) fn prepend_bos(&self) -> Result<Option<bool>> {
        Ok(match self.settings.flag("prepend_bos")? {
            None if self.is_legacy() => Some(true),
            stated => stated,
        })
    }

    /// True if an older version than 6 wrote it. These had no `metadata`.
    pub(super) fn is_legacy(&self) -> bool {
        let version = self
            .settings
            .get("sae_lens_version")
            .and_then(Value::as_str);
        let major = version.and_then(|v| v.split('.').next()?.parse::<u32>().ok());
        self.settings.get("metadata").is_none() && major.is_none_or(|major| major < 6)
    }

    /// A setting of the model's loading.
    pub(super) fn center_writing_weights(&self) -> Result<Option<bool>> {
        let name = "center_writing_weights";
        let of_model = self.settings.get("model_from_pretrained_kwargs");
        match of_model.and_then(|settings| settings.get(name)) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => Err(Error::field(CFG, name, other, "it must be true or false")),
        }
    }

    pub(super) fn refuse_what_changes_the_input(&self) -> Result<()> {
        match self.text(&["reshape_activations"])?.as_deref() {
            // `hook_z` joins the heads, which is how activations at that hook come anyway.
            None | Some("none" | "hook_z") => {}
            Some(other) => {
                return Err(Error::unsupported(
                    CFG,
                    "reshape_activations =",
                    other,
                    "none, hook_z",
                ));
            }
        }
        if let Some(head) = ["hook_head_index", "hook_point_head_index"]
            .iter()
            .find_map(|name| self.settings.get(name))
        {
            return Err(Error::unsupported(
                CFG,
                "a single head, hook_head_index =",
                head,
                "all heads (null)",
            ));
        }
        Ok(())
    }
}
