//! Recording the forward pass: embedding, blocks, logits.

use std::ops::Range;

use kernels::{
    Add, Buffer, Embedding, LayerNorm, Linear, NormedInput, Recorder, add, embedding, layer_norm,
    linear,
};

use crate::block::{BlockPass, Scratch};
use crate::decode::Cache;
use crate::hooks::visit;
use crate::tokens::Batch;
use crate::weights::Gpt2;
use crate::{Error, HookPoint, Hooks};

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

impl Gpt2 {
    /// Records the blocks and returns the last residual stream `[rows, d_model]`. `tokens` is as
    /// [`Gpt2::upload_tokens`] makes it. With a cache the batch is one sequence, whose past the cache holds. Where the hooks
    /// are done before the last block, it is the residual stream that they were done with.
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
        let scratch = Scratch::new(self, rows, cache.is_some(), hooks)?;
        let (mut resid, first_layer) = match start {
            Start::Tokens => (self.record_embedding(recorder, tokens, batch, hooks)?, 0),
            Start::After { layer, resid_post } => (resid_post.clone(), layer + 1),
        };
        for (layer, block) in self.blocks.iter().enumerate().skip(first_layer) {
            if hooks.is_done() {
                break;
            }
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
