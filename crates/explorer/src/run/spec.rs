//! Description of a run as data: equal descriptions share one plan.

use gpt2::{HookPoint, Norm, Observation};

use crate::store::feature_set::{LoadedSet, SetId};

/// A run of the model over some rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RunSpec {
    pub(crate) start: StartAt,
    pub(crate) cache: CacheMode,
    /// The hook point after which nothing is needed; None for the whole pass.
    pub(crate) stop_at: Option<HookPoint>,
    /// Values to take from the pass.
    pub(crate) taps: Vec<Tap>,
    /// A feature set whose reconstruction replaces the activation on the rows of the mask.
    pub(crate) splice: Option<SetAt>,
    /// Feature sets that the rows of the edit table change.
    pub(crate) edits: Vec<SetAt>,
    /// Edits that the table has room for.
    pub(crate) edit_capacity: usize,
    /// Feature sets whose latents decide where edits apply.
    pub(crate) conditions: Vec<SetAt>,
    /// Conditions that their table has room for.
    pub(crate) condition_capacity: usize,
    /// Results to make of the logits.
    pub(crate) head: Option<HeadSpec>,
}

impl RunSpec {
    /// A pass from the tokens on that takes nothing.
    pub(crate) fn new() -> Self {
        Self {
            start: StartAt::Tokens,
            cache: CacheMode::None,
            stop_at: None,
            taps: Vec::new(),
            splice: None,
            edits: Vec::new(),
            edit_capacity: 0,
            conditions: Vec::new(),
            condition_capacity: 0,
            head: None,
        }
    }

    /// A pass from the base's residual stream on, at the block where `hook` can be replaced.
    pub(crate) fn from_hook(hook: HookPoint, n_layers: usize, gather: bool) -> Self {
        let layer = match hook {
            HookPoint::Embed | HookPoint::PosEmbed => return Self::new(),
            HookPoint::ResidPost(layer) => layer + 1,
            HookPoint::LnFinalNormalized | HookPoint::LnFinalOut => n_layers,
            HookPoint::ResidPre(layer)
            | HookPoint::Z(layer)
            | HookPoint::AttnOut(layer)
            | HookPoint::ResidMid(layer)
            | HookPoint::MlpPost(layer)
            | HookPoint::MlpOut(layer) => layer,
        };
        Self {
            start: StartAt::Block { layer, gather },
            ..Self::new()
        }
    }
}

/// The place in the pass where a run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StartAt {
    /// At the tokens.
    Tokens,
    /// At a block (after the last one: at the final LayerNorm), from the base's residual stream.
    Block {
        layer: usize,
        /// True if each row starts from the base's row that it names as its source; else the rows are the base's own.
        gather: bool,
    },
}

/// The use of the KV cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CacheMode {
    None,
    /// The run sees the past of its sequence and appends to it; one row per sequence where `one_row`.
    Append {
        one_row: bool,
    },
    /// The run's sequences see their pasts, which they may share, and append nothing.
    Read,
}

/// A feature set and its hook point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SetAt {
    pub(crate) set: SetId,
    pub(crate) hook: HookPoint,
}

impl SetAt {
    /// A loaded set where it is attached.
    pub(crate) fn of(set: &LoadedSet) -> Self {
        Self {
            set: set.id,
            hook: set.hook,
        }
    }
}

/// A value to take from a pass. Taps of activations and features see what arrives at the hook point: edits of layers before,
/// and not those at the hook point itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tap {
    /// The activation `[rows, width]` that arrives, read back.
    Activation(HookPoint),
    /// The activation `[rows, width]` that leaves, edited or replaced, read back.
    Leaving(HookPoint),
    /// The activation that arrives, kept on the device until the plan runs again.
    Keep(HookPoint),
    /// A set's features, read back.
    Features(SetAt),
    /// A set's reconstruction `[rows, width]`, read back.
    Reconstruction(SetAt),
    /// Moments of every latent over the rows, and the `top` rows where each is largest.
    Statistics { at: SetAt, top: usize },
    /// Attention's softmax weights in a block, `[rows, n_heads, keys]`.
    AttentionPattern { layer: usize, keys: usize },
    /// The scale of a LayerNorm, `[rows]`.
    NormScale(Norm),
    /// The logits that the residual stream at a hook point would give, through the final LayerNorm and the unembedding.
    LogitLens { at: HookPoint, top: usize },
}

impl Tap {
    /// The value that the model shows for it, where it is none of a hook point.
    pub(crate) fn observation(&self) -> Option<Observation> {
        match *self {
            Self::AttentionPattern { layer, .. } => Some(Observation::AttentionPattern { layer }),
            Self::NormScale(norm) => Some(Observation::NormScale(norm)),
            _ => None,
        }
    }
}

/// Rows whose logits are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum HeadRows {
    /// All.
    All,
    /// So many, which each run names.
    Chosen(usize),
}

/// Results to make of logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HeadSpec {
    pub(crate) rows: HeadRows,
    /// Number of likeliest next tokens to list per row; 0 for none.
    pub(crate) top: usize,
    /// True if to compute the divergence from the base's distribution at each row's source.
    pub(crate) compare: bool,
    /// True if the logits stay on the device where they fit, for runs that are compared with this one.
    pub(crate) keep: bool,
    /// True if the logits are read back.
    pub(crate) read: bool,
    /// Rows whose logits are read back beside the other results, which each run names; 0 for none.
    pub(crate) shown: usize,
}
