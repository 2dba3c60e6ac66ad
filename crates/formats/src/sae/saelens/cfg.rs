//! The settings in `cfg.json`, of today's SAELens and of older ones.

use serde_json::Value;

use super::CFG;
use crate::error::{Error, Result};
use crate::sae::{Architecture, Normalization, check_k};
use crate::settings::Settings;

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

    /// The first of these settings that is there.
    pub(super) fn text(&self, names: &[&str]) -> Result<Option<String>> {
        for name in names {
            if let Some(text) = self.settings.text(name)? {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    pub(super) fn architecture(&self, d_sae: usize) -> Result<Architecture> {
        let supported = "standard, topk, jumprelu, gated";
        let activation = self.text(&["activation_fn", "activation_fn_str"])?;
        let name = match self.text(&["architecture"])?.as_deref() {
            // Older files say `standard` for everything with one encoder, and tell top-k by its activation.
            None | Some("standard") => match activation.as_deref() {
                None | Some("relu") => "standard",
                Some("topk") => "topk",
                Some(other) => {
                    return Err(Error::unsupported(
                        CFG,
                        "the activation_fn",
                        other,
                        "relu, topk",
                    ));
                }
            },
            Some("topk") => "topk",
            Some("jumprelu") => return Ok(Architecture::JumpRelu),
            Some("gated") => return Ok(Architecture::Gated),
            Some(other) => {
                return Err(Error::unsupported(
                    CFG,
                    "the architecture",
                    other,
                    supported,
                ));
            }
        };
        if name == "standard" {
            return Ok(Architecture::Standard);
        }
        let from_kwargs = || {
            self.settings
                .get("activation_fn_kwargs")
                .and_then(|kwargs| kwargs.get("k"))
        };
        let Some(k) = self.settings.get("k").or_else(from_kwargs) else {
            return Err(Error::field(
                CFG,
                "k",
                "missing",
                "a topk autoencoder must state it",
            ));
        };
        let number = k.as_u64().and_then(|k| usize::try_from(k).ok());
        let number = number
            .ok_or_else(|| Error::field(CFG, "k", k, "it must be a positive whole number"))?;
        check_k(CFG, "k", number, d_sae)
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
            "none" => Ok(Normalization::None),
            "layer_norm" => Ok(Normalization::LayerNorm),
            "constant_norm_rescale" => Ok(Normalization::ConstantNormRescale),
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

    fn norm_scaling_factor(&self) -> Result<Option<f32>> {
        let name = "norm_scaling_factor";
        let Some(value) = self.settings.get(name) else {
            return Ok(None);
        };
        value
            .as_f64()
            .map(|factor| factor as f32)
            .filter(|factor| factor.is_normal() && *factor > 0.0)
            .map(Some)
            .ok_or_else(|| Error::field(CFG, name, value, "it must be a positive number"))
    }

    /// What the file says, or what SAELens took it to say when it was written: before version 6 a BOS went first unless
    /// the file denied it.
    pub(super) fn prepend_bos(&self) -> Result<Option<bool>> {
        Ok(match self.settings.flag("prepend_bos")? {
            None if self.is_legacy() => Some(true),
            stated => stated,
        })
    }

    /// Whether an older version than 6 wrote it. These had no `metadata`.
    fn is_legacy(&self) -> bool {
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
