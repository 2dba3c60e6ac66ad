//! Recording of one block's part of a pass: attention, then the MLP.

use kernels::{
    Add, Attention, AttentionCache, AttentionPattern, Buffer, Linear, NormedInput, Recorder, add,
    attention, attention_pattern, linear,
};

use crate::hooks::visit;
use crate::rows::RowTable;
use crate::weights::{Block, Gpt2, Product};
use crate::{Error, HookPoint, Hooks, Norm, Observation};

/// Buffers that every block uses again.
pub(crate) struct Scratch {
    normalised: Buffer,
    qkv: Buffer,
    z: Buffer,
    /// A branch's output before it is added, where somebody wants it.
    branch: Option<Buffer>,
    resid_mid: Buffer,
    mlp_post: Buffer,
    resid_post: [Buffer; 2],
}

impl Scratch {
    /// For passes over `rows` tokens.
    pub(crate) fn new(
        model: &Gpt2,
        recorder: &Recorder,
        rows: usize,
        hooks: &dyn Hooks,
    ) -> Result<Self, Error> {
        let config = &model.config;
        let width = config.n_embd;
        let wants_branch = (0..config.n_layer).any(|layer| {
            hooks.wants(HookPoint::AttnOut(layer)) || hooks.wants(HookPoint::MlpOut(layer))
        });
        let buffer = |label, words| recorder.scratch(label, words);
        Ok(Self {
            normalised: buffer("normalised", rows * width)?,
            qkv: buffer("qkv", rows * 3 * width)?,
            z: buffer("hook_z", rows * width)?,
            branch: match wants_branch {
                true => Some(buffer("branch", rows * width)?),
                false => None,
            },
            resid_mid: buffer("hook_resid_mid", rows * width)?,
            mlp_post: buffer("mlp.hook_post", rows * config.n_inner)?,
            resid_post: [
                buffer("hook_resid_post", rows * width)?,
                buffer("hook_resid_post", rows * width)?,
            ],
        })
    }
}

/// One block's part of a pass.
pub(crate) struct BlockPass<'a> {
    pub(crate) model: &'a Gpt2,
    pub(crate) block: &'a Block,
    pub(crate) layer: usize,
    pub(crate) rows: &'a RowTable,
    pub(crate) scratch: &'a Scratch,
    pub(crate) cache: AttentionCache<'a>,
}

impl BlockPass<'_> {
    /// Records the block and returns its output.
    pub(crate) fn record(
        &self,
        recorder: &mut Recorder,
        resid_pre: Buffer,
        hooks: &mut dyn Hooks,
    ) -> Result<Buffer, Error> {
        let config = &self.model.config;
        let (block, scratch, layer) = (self.block, self.scratch, self.layer);
        let rows = self.rows.rows();
        self.model
            .observe_scale(recorder, Norm::Ln1(layer), &resid_pre, rows, hooks)?;
        linear(
            recorder,
            &Linear {
                norm: Some(self.norm(&block.ln_1)),
                ..self.product(&resid_pre, &block.attn_qkv, &scratch.qkv)
            },
        )?;
        self.observe_pattern(recorder, hooks)?;
        attention(
            recorder,
            &Attention {
                row_table: self.rows.buffer(),
                qkv: &scratch.qkv,
                cache: self.cache,
                rows,
                n_heads: config.n_head,
                head_dim: config.head_dim(),
                scale: config.attention_factor(layer),
                few_rows_per_sequence: self.rows.has_one_row_each(),
                output: &scratch.z,
            },
        )?;
        let mut z = scratch.z.clone();
        visit(recorder, hooks, HookPoint::Z(layer), &mut z)?;
        let mut resid_mid = self.branch(
            recorder,
            hooks,
            HookPoint::AttnOut(layer),
            (&z, &block.attn_out),
            (&resid_pre, &scratch.resid_mid),
        )?;
        visit(recorder, hooks, HookPoint::ResidMid(layer), &mut resid_mid)?;
        self.model
            .observe_scale(recorder, Norm::Ln2(layer), &resid_mid, rows, hooks)?;
        linear(
            recorder,
            &Linear {
                norm: Some(self.norm(&block.ln_2)),
                activation: config.activation,
                ..self.product(&resid_mid, &block.mlp_in, &scratch.mlp_post)
            },
        )?;
        let mut mlp_post = scratch.mlp_post.clone();
        visit(recorder, hooks, HookPoint::MlpPost(layer), &mut mlp_post)?;
        let mut resid_post = self.branch(
            recorder,
            hooks,
            HookPoint::MlpOut(layer),
            (&mlp_post, &block.mlp_out),
            (&resid_mid, &scratch.resid_post[layer % 2]),
        )?;
        visit(
            recorder,
            hooks,
            HookPoint::ResidPost(layer),
            &mut resid_post,
        )?;
        Ok(resid_post)
    }

    /// Records attention's softmax weights where the hooks observe them.
    fn observe_pattern(&self, recorder: &mut Recorder, hooks: &mut dyn Hooks) -> Result<(), Error> {
        let observation = Observation::AttentionPattern { layer: self.layer };
        if !hooks.observes(observation) {
            return Ok(());
        }
        let config = &self.model.config;
        let (rows, keys) = (self.rows.rows(), hooks.pattern_keys());
        let pattern = recorder.scratch("hook_pattern", rows * config.n_head * keys)?;
        attention_pattern(
            recorder,
            &AttentionPattern {
                row_table: self.rows.buffer(),
                qkv: &self.scratch.qkv,
                cache: self.cache,
                rows,
                n_heads: config.n_head,
                head_dim: config.head_dim(),
                scale: config.attention_factor(self.layer),
                keys,
                pattern: &pattern,
            },
        )?;
        hooks.observe(recorder, observation, &pattern)
    }

    /// `resid + input · weights`: one dispatch, or two where somebody wants the branch by itself.
    fn branch(
        &self,
        recorder: &mut Recorder,
        hooks: &mut dyn Hooks,
        point: HookPoint,
        (input, product): (&Buffer, &Product),
        (resid, output): (&Buffer, &Buffer),
    ) -> Result<Buffer, Error> {
        match &self.scratch.branch {
            Some(branch) if hooks.wants(point) => {
                linear(recorder, &self.product(input, product, branch))?;
                let mut branch = branch.clone();
                visit(recorder, hooks, point, &mut branch)?;
                add(
                    recorder,
                    &Add {
                        left: &branch,
                        right: resid,
                        output,
                        words: self.rows.rows() * self.model.config.n_embd,
                    },
                )?;
            }
            _ => linear(
                recorder,
                &Linear {
                    residual: Some(resid),
                    ..self.product(input, product, output)
                },
            )?,
        }
        Ok(output.clone())
    }

    fn norm<'b>(&'b self, weight_bias: &'b Buffer) -> NormedInput<'b> {
        NormedInput {
            weight_bias,
            epsilon: self.model.config.layer_norm_epsilon,
            scratch: &self.scratch.normalised,
        }
    }

    fn product<'b>(
        &self,
        input: &'b Buffer,
        product: &'b Product,
        output: &'b Buffer,
    ) -> Linear<'b> {
        Linear {
            bias: Some(&product.bias),
            ..Linear::plain(input, self.rows.rows(), &product.weights, output)
        }
    }
}
