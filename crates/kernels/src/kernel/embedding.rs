//! Token and position embedding.

use crate::cpu::embedding::{Flags, Parameters};
use crate::rows::ROW_WORDS;
use crate::{Buffer, Error, Matrix, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("embedding", Read Read Read Write);

/// Arguments of [`embedding`].
pub struct Embedding<'a> {
    /// The row table `[rows, ROW_WORDS]`, of which tokens and positions are read: see [`crate::rows`].
    pub row_table: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// W_E `[vocabulary, d_model]`; `None` leaves the tokens out (the position embedding alone).
    pub token_embedding: Option<&'a Matrix>,
    /// W_pos `[n_positions, d_model]` f32; `None` leaves the positions out.
    pub position_embedding: Option<&'a Buffer>,
    /// d_model.
    pub width: usize,
    /// `[rows, d_model]`.
    pub output: &'a Buffer,
}

/// Records `output[r] = token_embedding[token[r]] + position_embedding[position[r]]`, one dispatch per shard.
///
/// Tokens at or above the vocabulary leave their row unwritten: check them before.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn embedding(recorder: &mut Recorder, args: &Embedding<'_>) -> Result<(), Error> {
    kernel::require(
        "embedding",
        "row table",
        args.row_table,
        args.rows * ROW_WORDS,
    )?;
    kernel::require("embedding", "output", args.output, args.rows * args.width)?;
    let dummy = recorder.device().dummy()?;
    let flags = Flags {
        weights_f16: args.token_embedding.is_some_and(Matrix::is_f16),
        add_token: args.token_embedding.is_some(),
        add_position: args.position_embedding.is_some(),
    };
    let shards = match args.token_embedding {
        Some(matrix) if matrix.cols() != args.width => {
            return Err(Error::shape(
                "embedding",
                format!(
                    "the token embedding has width {}, not {}",
                    matrix.cols(),
                    args.width
                ),
            ));
        }
        Some(matrix) => matrix
            .shards
            .iter()
            .map(|shard| (shard.rows.clone(), shard.buffer.clone(), matrix.row_words()))
            .collect(),
        None => vec![(0..u32::MAX as usize, dummy.clone(), 0)],
    };
    for (rows, buffer, row_words) in shards {
        let parameters = Parameters {
            rows: kernel::dimension("embedding", "rows", args.rows)?,
            width: kernel::dimension("embedding", "width", args.width)?,
            row_words: kernel::dimension("embedding", "row words", row_words)?,
            shard_first_row: kernel::dimension("embedding", "first row", rows.start)?,
            shard_rows: kernel::dimension("embedding", "shard rows", rows.len())?,
        };
        recorder.dispatch(
            &SHADER,
            &[
                kernel::flag("weights_f16", flags.weights_f16),
                kernel::flag("add_token", flags.add_token),
                kernel::flag("add_position", flags.add_position),
            ],
            parameters,
            &[
                args.row_table,
                &buffer,
                args.position_embedding.unwrap_or(&dummy),
                args.output,
            ],
            [parameters.rows, 1, 1],
            move |bindings| cpu::embedding::run(&parameters, flags, bindings),
        )?;
    }
    Ok(())
}
