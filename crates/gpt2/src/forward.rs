//! Recording of the forward pass: embedding, blocks, logits.

use std::ops::Range;

use kernels::{
    Add, Buffer, Embedding, GatherRows, LayerNorm, Linear, NormedInput, Recorder, RowIndex,
    ScaleShift, add, embedding, gather_rows, layer_norm, linear, scale_shift,
};

use crate::block::{BlockPass, Scratch};
use crate::cache::CacheUse;
use crate::hooks::visit;
use crate::rows::RowTable;
use crate::weights::Gpt2;
use crate::{Error, HookPoint, Hooks, Norm};

/// Start of a forward pass.
#[derive(Clone, Copy)]
pub enum Start<'a> {
    /// At the tokens.
    Tokens,
    /// At block `layer`, from this residual stream `[rows, d_model]`. After the last block, at `n_layer`, the pass is only
    /// what follows the blocks.
    Block {
        /// The first block.
        layer: usize,
        /// Its input.
        resid_pre: &'a Buffer,
    },
}

/// A forward pass to record.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// Its sequences.
    pub rows: &'a RowTable,
    /// Its start.
    pub start: Start<'a>,
    /// The sequences' past. The row table must be written with the same.
    pub cache: CacheUse<'a>,
}

impl Gpt2 {
    /// Records the blocks and returns the last residual stream `[rows, d_model]`. Where the hooks are done before the last
    /// block, it is the residual stream that they were done with. The plan reads the row table as it is when it runs.
    ///
    /// # Errors
    /// [`Error::NoBlock`], [`Error::Config`] for a cache of another model, [`Error::Device`], and whatever the hooks return.
    pub fn record(
        &self,
        recorder: &mut Recorder,
        pass: &Pass<'_>,
        hooks: &mut dyn Hooks,
    ) -> Result<Buffer, Error> {
        pass.cache.check(self)?;
        let (mut resid, first_layer) = match pass.start {
            Start::Tokens => (self.record_embedding(recorder, pass.rows, hooks)?, 0),
            Start::Block { layer, resid_pre } => (resid_pre.clone(), layer),
        };
        let blocks = self.blocks.len();
        if first_layer > blocks {
            return Err(Error::NoBlock {
                layer: first_layer,
                blocks,
            });
        }
        if first_layer == blocks {
            return Ok(resid);
        }
        let scratch = Scratch::new(self, recorder, pass.rows.rows(), hooks)?;
        for (layer, block) in self.blocks.iter().enumerate().skip(first_layer) {
            if hooks.is_done() {
                break;
            }
            visit(recorder, hooks, HookPoint::ResidPre(layer), &mut resid)?;
            resid = BlockPass {
                model: self,
                block,
                layer,
                rows: pass.rows,
                scratch: &scratch,
                cache: pass.cache.block(layer),
            }
            .record(recorder, resid, hooks)?;
        }
        Ok(resid)
    }

    fn record_embedding(
        &self,
        recorder: &mut Recorder,
        table: &RowTable,
        hooks: &mut dyn Hooks,
    ) -> Result<Buffer, Error> {
        let (rows, width) = (table.rows(), self.config.n_embd);
        let embed = |recorder: &mut Recorder, token: bool, position: bool| {
            let output = recorder.scratch("embedding", rows * width)?;
            embedding(
                recorder,
                &Embedding {
                    row_table: table.buffer(),
                    rows,
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
        let last = rows.end;
        let stream = self.record_final_norm(recorder, resid, last, hooks)?;
        self.record_unembedding(recorder, &stream, rows, logits)
    }

    /// Records the final LayerNorm of the first `rows` rows of a residual stream where hooks want to see it; where they do
    /// not, it is fused into the unembedding. Observes `ln_final.hook_scale`.
    ///
    /// # Errors
    /// [`Error::Device`], and whatever the hooks return.
    pub fn record_final_norm(
        &self,
        recorder: &mut Recorder,
        resid: &Buffer,
        rows: usize,
        hooks: &mut dyn Hooks,
    ) -> Result<FinalStream, Error> {
        self.observe_scale(recorder, Norm::Final, resid, rows, hooks)?;
        let wanted = [HookPoint::LnFinalNormalized, HookPoint::LnFinalOut];
        if !wanted.into_iter().any(|point| hooks.wants(point)) {
            return Ok(FinalStream {
                stream: resid.clone(),
                normalised: false,
            });
        }
        let width = self.config.n_embd;
        let mut normalised = recorder.scratch("ln_final.hook_normalized", rows * width)?;
        layer_norm(
            recorder,
            &LayerNorm {
                input: resid,
                input_first_row: 0,
                rows,
                width,
                weight_bias: &self.unit_norm,
                epsilon: self.config.layer_norm_epsilon,
                output: &normalised,
            },
        )?;
        let point = HookPoint::LnFinalNormalized;
        visit(recorder, hooks, point, &mut normalised)?;
        let mut stream = recorder.scratch("ln_final.hook_out", rows * width)?;
        scale_shift(
            recorder,
            &ScaleShift {
                input: &normalised,
                weight_bias: &self.ln_final,
                rows,
                width,
                output: &stream,
            },
        )?;
        visit(recorder, hooks, HookPoint::LnFinalOut, &mut stream)?;
        Ok(FinalStream {
            stream,
            normalised: true,
        })
    }

    /// Records the unembedding of some rows into `logits [rows, vocab_size]`.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn record_unembedding(
        &self,
        recorder: &mut Recorder,
        stream: &FinalStream,
        rows: Range<usize>,
        logits: &Buffer,
    ) -> Result<(), Error> {
        let scratch;
        let norm = if stream.normalised {
            None
        } else {
            scratch = recorder.scratch("ln_final", rows.len() * self.config.n_embd)?;
            Some(NormedInput {
                weight_bias: &self.ln_final,
                epsilon: self.config.layer_norm_epsilon,
                scratch: &scratch,
            })
        };
        let product = Linear::plain(&stream.stream, rows.len(), &self.token_embedding, logits);
        Ok(linear(
            recorder,
            &Linear {
                input_first_row: rows.start,
                norm,
                ..product
            },
        )?)
    }
}

/// The unembedding's input.
pub struct FinalStream {
    stream: Buffer,
    /// True where the final LayerNorm has been applied.
    normalised: bool,
}

impl FinalStream {
    /// A residual stream `[rows, d_model]` before the final LayerNorm, which is fused into the unembedding.
    pub fn of_residual(resid: &Buffer) -> Self {
        Self {
            stream: resid.clone(),
            normalised: false,
        }
    }

    /// An output of the final LayerNorm, `[rows, d_model]`.
    pub fn of_normed(normed: &Buffer) -> Self {
        Self {
            stream: normed.clone(),
            normalised: true,
        }
    }

    /// Records the choice of some of its rows, `[rows, d_model]`, in the order of `index [rows]`.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn gather(
        &self,
        recorder: &mut Recorder,
        index: &Buffer,
        rows: usize,
        width: usize,
    ) -> Result<Self, Error> {
        let output = recorder.scratch("chosen rows", rows * width)?;
        gather_rows(
            recorder,
            &GatherRows {
                input: &self.stream,
                index: RowIndex::List(index),
                rows,
                width,
                output: &output,
            },
        )?;
        Ok(Self {
            stream: output,
            normalised: self.normalised,
        })
    }
}
