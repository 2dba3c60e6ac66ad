//! Encoding, decoding and editing rows of activations.

use kernels::{
    ApplyEdits, Buffer, Copy, Directions, EditConditions, Gate, Linear, LinearTopK, MAX_K,
    Magnitude, OldValues, Recorder, SaeNormalize, SparseDecode, TopK, apply_edits, copy,
    edit_conditions, gate, linear, linear_topk, sae_normalize, sparse_decode, topk,
};

use crate::Error;
use crate::weights::{Architecture, Sae};

/// Pre-activations are computed for as many rows at a time as fit this many bytes.
pub(crate) const PRE_ACTIVATION_BYTES: u64 = 64 << 20;

/// Rows of latents on a device.
#[derive(Clone)]
pub struct Encoding {
    /// `[rows, k]`, the strongest first; `u32::MAX` is an empty slot.
    pub latents: Buffer,
    /// `[rows, k]`; zero where fewer than k latents are active.
    pub activations: Buffer,
    /// `[rows, 2]`: the rows' mean and deviation, with which the reconstruction is scaled back.
    pub statistics: Buffer,
    /// `[rows]`: NaNs among the row's pre-activations.
    pub nan_counts: Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Slots per row.
    pub k: usize,
}

/// Edits of latents from a table on the device, for the rows of a run.
pub struct EditTable<'a> {
    /// `[rows, d_in]`, which is changed in place.
    pub activation: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// The run's rows ([`kernels::rows`]).
    pub row_table: &'a Buffer,
    /// The edits, as [`kernels::Edit::table`] makes them.
    pub edits: &'a Buffer,
    /// Only edits with this number apply.
    pub set: u32,
    /// Takes as latents before the edits those of the reference run's row that each row names as its source.
    pub by_source: bool,
    /// The gates of the edits' conditions `[rows, conditions]`, and the number of conditions, where there are any.
    pub gates: Option<(&'a Buffer, usize)>,
}

/// Conditions of edits from a table on the device, for the rows of a run.
pub struct ConditionTable<'a> {
    /// Number of rows.
    pub rows: usize,
    /// The run's rows ([`kernels::rows`]).
    pub row_table: &'a Buffer,
    /// The conditions, as [`kernels::EditCondition::write_table`] makes them.
    pub conditions: &'a Buffer,
    /// Only conditions with this number are written.
    pub set: u32,
    /// Takes the latents of the reference run's row that each row names as its source.
    pub by_source: bool,
    /// `[rows, capacity]`, as [`kernels::edit_conditions`] writes them.
    pub gates: &'a Buffer,
}

impl Sae {
    /// Slots per row of an encoding: k of TopK; for the others, as many as the selection kernel takes. Their rows whose
    /// last slot is active may have more: see [`Sae::record_pre_activations`].
    pub fn slots(&self) -> usize {
        match self.config.architecture {
            Architecture::TopK { k } => k,
            Architecture::Standard | Architecture::JumpRelu | Architecture::Gated => {
                MAX_K.min(self.config.d_sae)
            }
        }
    }

    /// Records the encoding of `input [rows, d_in]`.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn record_encode(
        &self,
        recorder: &mut Recorder,
        input: &Buffer,
        rows: usize,
    ) -> Result<Encoding, Error> {
        let k = self.slots();
        let (normalised, statistics) = self.record_normalise(recorder, input, rows)?;
        let encoding = Encoding {
            latents: recorder.scratch("latents", rows * k)?,
            activations: recorder.scratch("activations", rows * k)?,
            statistics,
            nan_counts: recorder.scratch("NaN counts", rows)?,
            rows,
            k,
        };
        let chunk = self.rows_at_a_time(recorder, rows);
        let pre = recorder.scratch("pre-activations", chunk * self.config.d_sae)?;
        if chunk >= rows {
            self.record_latents(recorder, (&normalised, 0), &pre, &encoding)?;
            return Ok(encoding);
        }
        let part = Encoding {
            latents: recorder.scratch("latents", chunk * k)?,
            activations: recorder.scratch("activations", chunk * k)?,
            statistics: encoding.statistics.clone(),
            nan_counts: recorder.scratch("NaN counts", chunk)?,
            rows: chunk,
            k,
        };
        for first in (0..rows).step_by(chunk) {
            let count = chunk.min(rows - first);
            let part = Encoding {
                rows: count,
                latents: part.latents.clone(),
                activations: part.activations.clone(),
                statistics: part.statistics.clone(),
                nan_counts: part.nan_counts.clone(),
                k,
            };
            self.record_latents(recorder, (&normalised, first), &pre, &part)?;
            for (from, to, width) in [
                (&part.latents, &encoding.latents, k),
                (&part.activations, &encoding.activations, k),
                (&part.nan_counts, &encoding.nan_counts, 1),
            ] {
                copy(
                    recorder,
                    &Copy {
                        input: from,
                        input_offset: 0,
                        output: to,
                        output_offset: first * width,
                        words: count * width,
                    },
                )?;
            }
        }
        Ok(encoding)
    }

    /// Records the pre-activations `[rows, d_sae]` of rows of `input` (behind the gate, for the architectures that have one), and their statistics `[rows, 2]`.
    ///
    /// # Errors
    /// [`Error::Device`]; also where they do not fit one binding.
    pub fn record_pre_activations(
        &self,
        recorder: &mut Recorder,
        input: &Buffer,
        rows: usize,
    ) -> Result<(Buffer, Buffer), Error> {
        let (normalised, statistics) = self.record_normalise(recorder, input, rows)?;
        let pre = recorder.scratch("pre-activations", rows * self.config.d_sae)?;
        self.record_pre(recorder, &normalised, 0, rows, &pre)?;
        Ok((pre, statistics))
    }

    fn rows_at_a_time(&self, recorder: &Recorder, rows: usize) -> usize {
        let budget = PRE_ACTIVATION_BYTES.min(recorder.device().max_binding_bytes());
        let fitting = budget / (self.config.d_sae as u64 * 4).max(1);
        (fitting as usize).clamp(1, rows.max(1))
    }

    fn record_normalise(
        &self,
        recorder: &mut Recorder,
        input: &Buffer,
        rows: usize,
    ) -> Result<(Buffer, Buffer), Error> {
        let width = self.config.d_in;
        let output = recorder.scratch("encoder input", rows * width)?;
        let statistics = recorder.scratch("row statistics", rows * 2)?;
        sae_normalize(
            recorder,
            &SaeNormalize {
                input,
                rows,
                width,
                normalization: self.config.normalization,
                b_dec: self.config.apply_b_dec_to_input.then_some(&self.b_dec),
                output: &output,
                statistics: &statistics,
            },
        )?;
        Ok((output, statistics))
    }

    fn record_pre(
        &self,
        recorder: &mut Recorder,
        normalised: &Buffer,
        first: usize,
        rows: usize,
        output: &Buffer,
    ) -> Result<(), Error> {
        linear(
            recorder,
            &Linear {
                input_first_row: first,
                bias: Some(&self.b_enc),
                ..Linear::plain(normalised, rows, &self.w_enc, output)
            },
        )?;
        if let Some(device_gate) = &self.gate {
            gate(
                recorder,
                &Gate {
                    threshold: &device_gate.threshold,
                    magnitude: device_gate
                        .magnitude
                        .as_ref()
                        .map(|(scale, bias)| Magnitude { scale, bias }),
                    values: output,
                    rows,
                    n: self.config.d_sae,
                },
            )?;
        }
        Ok(())
    }

    /// Records the strongest latents of rows of `normalised`, from row `first` on. `pre [rows, d_sae]` is for the
    /// pre-activations, where all are computed.
    fn record_latents(
        &self,
        recorder: &mut Recorder,
        (normalised, first): (&Buffer, usize),
        pre: &Buffer,
        encoding: &Encoding,
    ) -> Result<(), Error> {
        if self.gate.is_none() {
            linear_topk(
                recorder,
                &LinearTopK {
                    input: normalised,
                    input_first_row: first,
                    rows: encoding.rows,
                    weights: &self.w_enc,
                    bias: &self.b_enc,
                    screen: &self.screen,
                    k: encoding.k,
                    values: pre,
                    top_indices: &encoding.latents,
                    top_values: &encoding.activations,
                    nan_counts: &encoding.nan_counts,
                },
            )?;
            return Ok(());
        }
        self.record_pre(recorder, normalised, first, encoding.rows, pre)?;
        Ok(topk(
            recorder,
            &TopK {
                values: pre,
                rows: encoding.rows,
                n: self.config.d_sae,
                k: encoding.k,
                relu: true,
                top_indices: &encoding.latents,
                top_values: &encoding.activations,
                nan_counts: &encoding.nan_counts,
            },
        )?)
    }

    /// Records the reconstruction `[rows, d_in]`, in the space of the input.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn record_decode(
        &self,
        recorder: &mut Recorder,
        encoding: &Encoding,
    ) -> Result<Buffer, Error> {
        let output = recorder.scratch("reconstruction", encoding.rows * self.config.d_in)?;
        sparse_decode(
            recorder,
            &SparseDecode {
                latents: &encoding.latents,
                activations: &encoding.activations,
                rows: encoding.rows,
                k: encoding.k,
                w_dec: &self.w_dec,
                b_dec: &self.b_dec,
                statistics: &encoding.statistics,
                output: &output,
            },
        )?;
        Ok(output)
    }

    /// Records x ← x + decode(z_edited) − decode(z): the error term is kept, and rows that do not change stay exactly as they
    /// are. `input [rows, d_in]` is the activation whose latents are edited, `encoding` its encoding where there is one
    /// already. Latents that no selection limits are edited whether or not a slot lists them. Returns the NaNs counted per
    /// row of the input, where a selection counts them.
    ///
    /// # Errors
    /// [`Error::Device`]; also where the pre-activations of an autoencoder that does not select do not fit one binding.
    pub fn record_edits(
        &self,
        recorder: &mut Recorder,
        table: &EditTable<'_>,
        (input, rows): (&Buffer, usize),
        encoding: Option<&Encoding>,
    ) -> Result<Option<Buffer>, Error> {
        if !matches!(self.config.architecture, Architecture::TopK { .. }) {
            let (values, statistics) = self.record_pre_activations(recorder, input, rows)?;
            let old = OldValues::Dense {
                values: &values,
                relu: true,
            };
            self.record_table(recorder, table, old, &statistics)?;
            return Ok(None);
        }
        let encoding = match encoding {
            Some(encoding) => encoding.clone(),
            None => self.record_encode(recorder, input, rows)?,
        };
        let old = OldValues::Sparse {
            latents: &encoding.latents,
            activations: &encoding.activations,
            k: encoding.k,
        };
        self.record_table(recorder, table, old, &encoding.statistics)?;
        Ok(Some(encoding.nan_counts))
    }

    /// Records which of a table's conditions hold at each row. `input [rows, d_in]` is the activation, `encoding` its encoding
    /// where there is one already. Returns the NaNs counted per row of the input, where a selection counts them.
    ///
    /// # Errors
    /// As [`Sae::record_edits`].
    pub fn record_conditions(
        &self,
        recorder: &mut Recorder,
        table: &ConditionTable<'_>,
        (input, rows): (&Buffer, usize),
        encoding: Option<&Encoding>,
    ) -> Result<Option<Buffer>, Error> {
        let record = |recorder: &mut Recorder, values: OldValues<'_>| {
            edit_conditions(
                recorder,
                &EditConditions {
                    conditions: table.conditions,
                    rows_table: table.row_table,
                    rows: table.rows,
                    set: table.set,
                    values,
                    latents: self.config.d_sae,
                    by_source: table.by_source,
                    gates: table.gates,
                },
            )
        };
        if !matches!(self.config.architecture, Architecture::TopK { .. }) {
            let (values, _) = self.record_pre_activations(recorder, input, rows)?;
            let values = OldValues::Dense {
                values: &values,
                relu: true,
            };
            record(recorder, values)?;
            return Ok(None);
        }
        let encoding = match encoding {
            Some(encoding) => encoding.clone(),
            None => self.record_encode(recorder, input, rows)?,
        };
        let values = OldValues::Sparse {
            latents: &encoding.latents,
            activations: &encoding.activations,
            k: encoding.k,
        };
        record(recorder, values)?;
        Ok(Some(encoding.nan_counts))
    }

    fn record_table(
        &self,
        recorder: &mut Recorder,
        table: &EditTable<'_>,
        old: OldValues<'_>,
        statistics: &Buffer,
    ) -> Result<(), Error> {
        Ok(apply_edits(
            recorder,
            &ApplyEdits {
                activation: table.activation,
                width: self.config.d_in,
                edits: table.edits,
                rows_table: table.row_table,
                rows: table.rows,
                set: table.set,
                old,
                by_source: table.by_source,
                statistics: Some(statistics),
                directions: Directions::Rows(&self.w_dec),
                gates: table.gates,
            },
        )?)
    }
}
