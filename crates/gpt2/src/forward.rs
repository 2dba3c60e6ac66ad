//! Recording the forward pass.

use std::ops::Range;

use kernels::{
    Add, Attention, Buffer, Device, Embedding, LayerNorm, Linear, NormedInput, Recorder, add,
    attention, embedding, layer_norm, linear,
};

use crate::weights::{Block, Gpt2, Product};
use crate::{Error, HookPoint, Hooks};

/// Equal-length sequences, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// How many sequences.
    pub sequences: usize,
    /// Tokens of each.
    pub tokens_per_sequence: usize,
}

impl Batch {
    /// Rows of every activation.
    pub fn rows(self) -> usize {
        self.sequences * self.tokens_per_sequence
    }
}

/// Where a forward pass starts.
#[derive(Clone, Copy)]
pub enum Start<'a> {
    /// At the tokens.
    Tokens,
    /// After block `layer`, from this residual stream `[rows, d_model]`.
    After {
        /// The block whose output is given.
        layer: usize,
        /// Its output.
        resid_post: &'a Buffer,
    },
}

/// Queries, keys and values of one sequence's past, a buffer `[n_positions, 3 * d_model]` a block. The query's third is
/// never read again; it buys that the projection writes the cache itself, without another dispatch.
pub struct Cache {
    blocks: Vec<Buffer>,
}

impl Cache {
    /// An empty cache for `n_positions` tokens.
    ///
    /// # Errors
    /// As [`Device::buffer`].
    pub fn new(model: &Gpt2) -> Result<Self, Error> {
        let config = &model.config;
        let words = config.n_positions * 3 * config.n_embd;
        Ok(Self {
            blocks: (0..config.n_layer)
                .map(|layer| model.device.buffer(&format!("kv cache {layer}"), words))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// Buffers that every block uses again.
struct Scratch {
    normalised: Buffer,
    qkv: Option<Buffer>,
    z: Buffer,
    /// A branch's output before it is added, where somebody wants it.
    branch: Option<Buffer>,
    resid_mid: Buffer,
    mlp_post: Buffer,
    resid_post: [Buffer; 2],
}

impl Gpt2 {
    /// Checks a batch of tokens and puts it on the device, the way the kernels read it: the first token's position, then
    /// the tokens.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::ContextFull`], [`Error::UnknownToken`].
    pub fn upload_tokens(
        &self,
        tokens: &[u32],
        batch: Batch,
        first_position: usize,
    ) -> Result<Buffer, Error> {
        if tokens.is_empty() || batch.rows() != tokens.len() {
            return Err(Error::Empty);
        }
        let end = first_position + batch.tokens_per_sequence;
        if end > self.config.n_positions {
            return Err(Error::ContextFull {
                tokens: end,
                limit: self.config.n_positions,
            });
        }
        self.check_tokens(tokens)?;
        let mut words = Vec::with_capacity(tokens.len() + 1);
        words.push(first_position as u32);
        words.extend_from_slice(tokens);
        Ok(self.device.buffer_with("tokens", &words)?)
    }

    pub(crate) fn check_tokens(&self, tokens: &[u32]) -> Result<(), Error> {
        match tokens
            .iter()
            .find(|token| **token as usize >= self.config.vocab_size)
        {
            Some(token) => Err(Error::UnknownToken {
                token: *token,
                vocab_size: self.config.vocab_size,
            }),
            None => Ok(()),
        }
    }

    /// Records the blocks and returns the last residual stream `[rows, d_model]`. `tokens` is as
    /// [`Gpt2::upload_tokens`] makes it. With a cache the batch is one sequence, whose past the cache holds.
    ///
    /// # Errors
    /// [`Error::Device`], and whatever the hooks return.
    pub fn record(
        &self,
        recorder: &mut Recorder,
        tokens: &Buffer,
        batch: Batch,
        start: Start<'_>,
        cache: Option<&Cache>,
        hooks: &mut dyn Hooks,
    ) -> Result<Buffer, Error> {
        let rows = batch.rows();
        let scratch = self.scratch(recorder.device(), rows, cache.is_some(), hooks)?;
        let (mut resid, first_layer) = match start {
            Start::Tokens => (self.record_embedding(recorder, tokens, batch, hooks)?, 0),
            Start::After { layer, resid_post } => (resid_post.clone(), layer + 1),
        };
        for (layer, block) in self.blocks.iter().enumerate().skip(first_layer) {
            visit(recorder, hooks, HookPoint::ResidPre(layer), &mut resid)?;
            resid = BlockPass {
                model: self,
                block,
                layer,
                rows,
                tokens_per_sequence: batch.tokens_per_sequence,
                scratch: &scratch,
                cache: cache.map(|cache| (&cache.blocks[layer], tokens)),
            }
            .record(recorder, resid, hooks)?;
        }
        Ok(resid)
    }

    fn scratch(
        &self,
        device: &Device,
        rows: usize,
        cached: bool,
        hooks: &dyn Hooks,
    ) -> Result<Scratch, Error> {
        let width = self.config.n_embd;
        let wants_branch = (0..self.config.n_layer).any(|layer| {
            hooks.wants(HookPoint::AttnOut(layer)) || hooks.wants(HookPoint::MlpOut(layer))
        });
        let buffer = |label, words| device.buffer(label, words);
        Ok(Scratch {
            normalised: buffer("normalised", rows * width)?,
            qkv: match cached {
                true => None,
                false => Some(buffer("qkv", rows * 3 * width)?),
            },
            z: buffer("hook_z", rows * width)?,
            branch: match wants_branch {
                true => Some(buffer("branch", rows * width)?),
                false => None,
            },
            resid_mid: buffer("hook_resid_mid", rows * width)?,
            mlp_post: buffer("mlp.hook_post", rows * self.config.n_inner)?,
            resid_post: [
                buffer("hook_resid_post", rows * width)?,
                buffer("hook_resid_post", rows * width)?,
            ],
        })
    }

    fn record_embedding(
        &self,
        recorder: &mut Recorder,
        tokens: &Buffer,
        batch: Batch,
        hooks: &mut dyn Hooks,
    ) -> Result<Buffer, Error> {
        let (rows, width) = (batch.rows(), self.config.n_embd);
        let embed = |recorder: &mut Recorder, token: bool, position: bool| {
            let output = recorder.scratch("embedding", rows * width)?;
            embedding(
                recorder,
                &Embedding {
                    tokens,
                    rows,
                    tokens_per_sequence: batch.tokens_per_sequence,
                    token_embedding: token.then_some(&self.token_embedding),
                    position_embedding: position.then_some(&self.position_embedding),
                    width,
                    output: &output,
                },
            )?;
            Ok::<_, Error>(output)
        };
        if !hooks.wants(HookPoint::Embed) && !hooks.wants(HookPoint::PosEmbed) {
            return embed(recorder, true, true);
        }
        let mut token = embed(recorder, true, false)?;
        visit(recorder, hooks, HookPoint::Embed, &mut token)?;
        let mut position = embed(recorder, false, true)?;
        visit(recorder, hooks, HookPoint::PosEmbed, &mut position)?;
        let output = recorder.scratch("embedding", rows * width)?;
        add(
            recorder,
            &Add {
                left: &token,
                right: &position,
                output: &output,
                words: rows * width,
            },
        )?;
        Ok(output)
    }

    /// Records the final LayerNorm and the unembedding of rows of a residual stream into `logits [rows, vocab_size]`.
    ///
    /// # Errors
    /// [`Error::Device`], and whatever the hooks return.
    pub fn record_logits(
        &self,
        recorder: &mut Recorder,
        resid: &Buffer,
        rows: Range<usize>,
        logits: &Buffer,
        hooks: &mut dyn Hooks,
    ) -> Result<(), Error> {
        let unembed = |input| Linear::plain(input, rows.len(), &self.token_embedding, logits);
        if hooks.wants(HookPoint::LnFinalNormalized) {
            let normalised = self.record_final_norm(recorder, resid, rows.clone(), hooks)?;
            return Ok(linear(recorder, &unembed(&normalised))?);
        }
        let norm = NormedInput {
            weight_bias: &self.ln_final,
            epsilon: self.config.layer_norm_epsilon,
            scratch: &recorder.scratch("ln_final", rows.len() * self.config.n_embd)?,
        };
        Ok(linear(
            recorder,
            &Linear {
                input_first_row: rows.start,
                norm: Some(norm),
                ..unembed(resid)
            },
        )?)
    }

    /// Records the final LayerNorm of rows of a residual stream, as the hooks leave it.
    ///
    /// # Errors
    /// [`Error::Device`], and whatever the hooks return.
    pub fn record_final_norm(
        &self,
        recorder: &mut Recorder,
        resid: &Buffer,
        rows: Range<usize>,
        hooks: &mut dyn Hooks,
    ) -> Result<Buffer, Error> {
        let width = self.config.n_embd;
        let mut normalised = recorder.scratch("ln_final", rows.len() * width)?;
        layer_norm(
            recorder,
            &LayerNorm {
                input: resid,
                input_first_row: rows.start,
                rows: rows.len(),
                width,
                weight_bias: &self.ln_final,
                epsilon: self.config.layer_norm_epsilon,
                output: &normalised,
            },
        )?;
        visit(
            recorder,
            hooks,
            HookPoint::LnFinalNormalized,
            &mut normalised,
        )?;
        Ok(normalised)
    }
}

/// Shows an activation to the hooks, and takes what they give back.
fn visit(
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

/// One block's part of a pass.
struct BlockPass<'a> {
    model: &'a Gpt2,
    block: &'a Block,
    layer: usize,
    rows: usize,
    tokens_per_sequence: usize,
    scratch: &'a Scratch,
    /// The block's cache, and the buffer whose word 0 is the position.
    cache: Option<(&'a Buffer, &'a Buffer)>,
}

impl BlockPass<'_> {
    fn record(
        &self,
        recorder: &mut Recorder,
        resid_pre: Buffer,
        hooks: &mut dyn Hooks,
    ) -> Result<Buffer, Error> {
        let config = &self.model.config;
        let (block, scratch, layer) = (self.block, self.scratch, self.layer);
        let (qkv, position) = match (self.cache, &scratch.qkv) {
            (Some((cache, tokens)), _) => (cache, Some(tokens)),
            (None, Some(qkv)) => (qkv, None),
            (None, None) => return Err(Error::Empty),
        };
        linear(
            recorder,
            &Linear {
                norm: Some(self.norm(&block.ln_1)),
                position,
                ..self.product(&resid_pre, &block.attn_qkv, qkv)
            },
        )?;
        attention(
            recorder,
            &Attention {
                qkv,
                rows: self.rows,
                tokens_per_sequence: self.tokens_per_sequence,
                n_heads: config.n_head,
                head_dim: config.head_dim(),
                position,
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
        linear(
            recorder,
            &Linear {
                norm: Some(self.norm(&block.ln_2)),
                gelu: true,
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
                        words: self.rows * self.model.config.n_embd,
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
            ..Linear::plain(input, self.rows, &product.weights, output)
        }
    }
}
