//! Named points of the forward pass where an activation can be read or replaced.

use std::fmt;

use kernels::{Buffer, Recorder};

use crate::{Config, Error, Observation};

/// A point of the forward pass, under TransformerLens's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookPoint {
    /// `hook_embed`: token embeddings.
    Embed,
    /// `hook_pos_embed`: position embeddings.
    PosEmbed,
    /// `blocks.{L}.hook_resid_pre`: the residual stream into block L.
    ResidPre(usize),
    /// `blocks.{L}.attn.hook_z`: the heads' outputs before W_O, flattened.
    Z(usize),
    /// `blocks.{L}.hook_attn_out`: what attention adds.
    AttnOut(usize),
    /// `blocks.{L}.hook_resid_mid`: the residual stream between attention and MLP.
    ResidMid(usize),
    /// `blocks.{L}.mlp.hook_post`: the MLP's neurons after GELU.
    MlpPost(usize),
    /// `blocks.{L}.hook_mlp_out`: what the MLP adds.
    MlpOut(usize),
    /// `blocks.{L}.hook_resid_post`: the residual stream out of block L.
    ResidPost(usize),
    /// `ln_final.hook_normalized`: (x − mean)/√(variance + ε) of the last residual stream, before the final LayerNorm's weight
    /// and bias, as in TransformerLens 3 and, with folded LayerNorm, in every version.
    LnFinalNormalized,
    /// `ln_final.hook_out`: the final LayerNorm's output, after weight and bias. TransformerLens before version 3 called it
    /// `ln_final.hook_normalized` where LayerNorm was not folded.
    LnFinalOut,
}

impl HookPoint {
    /// Width of the activation.
    pub fn width(self, config: &Config) -> usize {
        match self {
            Self::MlpPost(_) => config.n_inner,
            _ => config.n_embd,
        }
    }

    /// The point's place in the order of the forward pass of a model of `n_layers` blocks: a point with a larger one comes
    /// later. The stream out of a block and the stream into the next one have the same.
    pub fn order(self, n_layers: usize) -> usize {
        // Six steps per block: a stream into it, z, attn_out, the stream between, mlp post, mlp_out.
        match self {
            Self::Embed => 0,
            Self::PosEmbed => 1,
            Self::ResidPre(layer) => 2 + 6 * layer,
            Self::Z(layer) => 3 + 6 * layer,
            Self::AttnOut(layer) => 4 + 6 * layer,
            Self::ResidMid(layer) => 5 + 6 * layer,
            Self::MlpPost(layer) => 6 + 6 * layer,
            Self::MlpOut(layer) => 7 + 6 * layer,
            Self::ResidPost(layer) => 2 + 6 * (layer + 1),
            Self::LnFinalNormalized => 3 + 6 * n_layers,
            Self::LnFinalOut => 4 + 6 * n_layers,
        }
    }

    /// True where the residual stream is read or written. The heads' outputs and the MLP's neurons have a basis of their own
    /// in each block, and the final LayerNorm scales each dimension.
    pub fn is_in_stream(self) -> bool {
        match self {
            Self::Embed
            | Self::PosEmbed
            | Self::ResidPre(_)
            | Self::AttnOut(_)
            | Self::ResidMid(_)
            | Self::MlpOut(_)
            | Self::ResidPost(_) => true,
            Self::Z(_) | Self::MlpPost(_) | Self::LnFinalNormalized | Self::LnFinalOut => false,
        }
    }

    /// The block, for hooks that lie in one.
    pub fn layer(self) -> Option<usize> {
        match self {
            Self::ResidPre(layer)
            | Self::Z(layer)
            | Self::AttnOut(layer)
            | Self::ResidMid(layer)
            | Self::MlpPost(layer)
            | Self::MlpOut(layer)
            | Self::ResidPost(layer) => Some(layer),
            Self::Embed | Self::PosEmbed | Self::LnFinalNormalized | Self::LnFinalOut => None,
        }
    }
}

impl fmt::Display for HookPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embed => f.write_str("hook_embed"),
            Self::PosEmbed => f.write_str("hook_pos_embed"),
            Self::ResidPre(layer) => write!(f, "blocks.{layer}.hook_resid_pre"),
            Self::Z(layer) => write!(f, "blocks.{layer}.attn.hook_z"),
            Self::AttnOut(layer) => write!(f, "blocks.{layer}.hook_attn_out"),
            Self::ResidMid(layer) => write!(f, "blocks.{layer}.hook_resid_mid"),
            Self::MlpPost(layer) => write!(f, "blocks.{layer}.mlp.hook_post"),
            Self::MlpOut(layer) => write!(f, "blocks.{layer}.hook_mlp_out"),
            Self::ResidPost(layer) => write!(f, "blocks.{layer}.hook_resid_post"),
            Self::LnFinalNormalized => f.write_str("ln_final.hook_normalized"),
            Self::LnFinalOut => f.write_str("ln_final.hook_out"),
        }
    }
}

/// Reads and replaces activations while a forward pass is recorded.
pub trait Hooks {
    /// True where [`Hooks::visit`] is to be called for this point. Where nobody wants `hook_attn_out`,
    /// `hook_mlp_out` and the like, their sums are fused into products and never stored.
    fn wants(&self, point: HookPoint) -> bool;

    /// Called once for every wanted point, in the order of the forward pass, with the activation `[rows, width]`.
    /// Its memory is used again later: copy what is to be kept. A returned buffer takes its place downstream.
    ///
    /// # Errors
    /// Whatever recording a kernel returns.
    fn visit(
        &mut self,
        recorder: &mut Recorder,
        point: HookPoint,
        activation: &Buffer,
    ) -> Result<Option<Buffer>, Error>;

    /// True where [`Hooks::observe`] is to be called for this value. It costs a dispatch, and changes nothing.
    fn observes(&self, _observation: Observation) -> bool {
        false
    }

    /// Keys per row that observed attention patterns have room for: the longest sequence's tokens, past ones included.
    fn pattern_keys(&self) -> usize {
        0
    }

    /// Called once for every observed value, in the order of the forward pass. The buffer is its own: it may be kept, and
    /// nothing writes to it later in the pass.
    ///
    /// # Errors
    /// Whatever recording a kernel returns.
    fn observe(
        &mut self,
        _recorder: &mut Recorder,
        _observation: Observation,
        _value: &Buffer,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// True where nothing that comes later in the pass is needed: the blocks that are left are then not recorded.
    fn is_done(&self) -> bool {
        false
    }
}

/// Wants nothing.
pub struct NoHooks;

impl Hooks for NoHooks {
    fn wants(&self, _point: HookPoint) -> bool {
        false
    }

    fn visit(
        &mut self,
        _recorder: &mut Recorder,
        _point: HookPoint,
        _activation: &Buffer,
    ) -> Result<Option<Buffer>, Error> {
        Ok(None)
    }
}

/// Shows an activation to the hooks, and takes what they give back.
pub(crate) fn visit(
    recorder: &mut Recorder,
    hooks: &mut dyn Hooks,
    point: HookPoint,
    activation: &mut Buffer,
) -> Result<(), Error> {
    if hooks.wants(point)
        && let Some(replacement) = hooks.visit(recorder, point, activation)?
    {
        *activation = replacement;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnknownHook;

    #[test]
    fn names_round_trip() {
        for point in [
            HookPoint::Embed,
            HookPoint::PosEmbed,
            HookPoint::ResidPre(0),
            HookPoint::Z(11),
            HookPoint::AttnOut(3),
            HookPoint::ResidMid(4),
            HookPoint::MlpPost(5),
            HookPoint::MlpOut(6),
            HookPoint::ResidPost(47),
            HookPoint::LnFinalNormalized,
            HookPoint::LnFinalOut,
        ] {
            assert_eq!(point.to_string().parse(), Ok(point));
        }
    }

    #[test]
    fn unknown_names_are_refused_by_name() {
        for name in [
            "",
            "blocks.x.hook_resid_post",
            "blocks.3",
            "blocks.-1.hook_z",
            "hook",
        ] {
            assert_eq!(name.parse::<HookPoint>(), Err(UnknownHook(name.to_owned())));
        }
    }
}
