//! Neurons as features: the dimensions of an activation, without an autoencoder.

use std::ops::Range;

use kernels::{
    ApplyEdits, Buffer, Copy, Directions, EditConditions, Normalization, OldValues, Recorder,
    apply_edits, copy, edit_conditions,
};
use sae::{ConditionTable, EditTable};

use crate::error::{Error, index};
use crate::features::coder::{Before, Coder, DeviceFeatures};
use crate::features::set::{Decoder, Direction, FeatureSet, Later, Neighbour, nearest, norm};
use crate::pace::Pace;

/// The dimensions of the activation at a hook.
pub(crate) struct Neurons {
    pub(crate) width: usize,
    /// The bias before the activation function, `[width]`, where there is one.
    pub(crate) bias: Option<Buffer>,
}

impl Coder for Neurons {
    fn width(&self) -> usize {
        self.width
    }

    fn n_latents(&self) -> usize {
        self.width
    }

    fn normalization(&self) -> Normalization {
        Normalization::None
    }

    fn is_exact(&self) -> bool {
        true
    }

    fn may_overflow(&self) -> bool {
        false
    }

    fn record_encode(
        &self,
        recorder: &mut Recorder,
        activation: &Buffer,
        rows: usize,
    ) -> Result<DeviceFeatures, Error> {
        // The pass uses the activation's memory again.
        let words = rows * self.width;
        let output = recorder.scratch("neurons", words)?;
        copy(recorder, &Copy::beginning(activation, &output, words))?;
        Ok(DeviceFeatures::Dimensions(output))
    }

    fn record_decode(
        &self,
        _recorder: &mut Recorder,
        features: &DeviceFeatures,
    ) -> Result<Buffer, Error> {
        match features {
            DeviceFeatures::Dimensions(values) => Ok(values.clone()),
            DeviceFeatures::Listed(_) => Err(Error::missing("the dimensions of an activation")),
        }
    }

    fn record_edits(
        &self,
        recorder: &mut Recorder,
        edits: &EditTable<'_>,
        _before: Before<'_>,
    ) -> Result<Option<Buffer>, Error> {
        apply_edits(
            recorder,
            &ApplyEdits {
                activation: edits.activation,
                width: self.width,
                edits: edits.edits,
                rows_table: edits.row_table,
                rows: edits.rows,
                set: edits.set,
                old: OldValues::Activation,
                by_source: false,
                statistics: None,
                directions: Directions::Identity,
                gates: edits.gates,
            },
        )?;
        Ok(None)
    }

    fn record_conditions(
        &self,
        recorder: &mut Recorder,
        conditions: &ConditionTable<'_>,
        at: Before<'_>,
    ) -> Result<Option<Buffer>, Error> {
        edit_conditions(
            recorder,
            &EditConditions {
                conditions: conditions.conditions,
                rows_table: conditions.row_table,
                rows: conditions.rows,
                set: conditions.set,
                values: OldValues::Dense {
                    values: at.activation,
                    relu: false,
                },
                latents: self.width,
                by_source: conditions.by_source,
                gates: conditions.gates,
            },
        )?;
        Ok(None)
    }
}

impl FeatureSet for Neurons {
    fn resident(&self) -> Option<&dyn Coder> {
        Some(self)
    }

    /// The latent of an identity autoencoder, with the model's bias in the place of the encoder's.
    fn direction<'a>(&'a self, pace: &'a Pace, latent: u32) -> Later<'a, Direction> {
        Box::pin(async move {
            let encoder_bias = match &self.bias {
                None => 0.0,
                Some(bias) => {
                    let recorder = Recorder::new(pace.device());
                    let biases = recorder.read_f32(bias, self.width).await?;
                    index(&biases, "the bias of neuron", latent)?
                }
            };
            let mut direction = vec![0.0; self.width];
            if let Some(value) = direction.get_mut(latent as usize) {
                *value = 1.0;
            }
            Ok(Direction {
                direction,
                encoder_bias,
            })
        })
    }

    fn decoder_rows<'a>(&'a self, _pace: &'a Pace, latents: Range<usize>) -> Later<'a, Vec<f32>> {
        Box::pin(async move {
            let mut rows = vec![0.0; latents.len() * self.width];
            for (latent, row) in latents.zip(rows.chunks_exact_mut(self.width.max(1))) {
                if let Some(value) = row.get_mut(latent) {
                    *value = 1.0;
                }
            }
            Ok(rows)
        })
    }

    fn decoder(&self) -> Decoder<'_> {
        Decoder::Dimensions
    }

    /// A neuron's direction is its dimension, so its cosine with a direction is that direction's share of it. What is
    /// orthogonal, as all neurons are to each other, is not near.
    fn nearest<'a>(
        &'a self,
        _pace: &'a Pace,
        direction: &'a [f32],
        except: Option<u32>,
    ) -> Later<'a, Option<Vec<Neighbour>>> {
        Box::pin(async move {
            let length = norm(direction);
            let candidates = direction.iter().zip(0_u32..);
            let candidates = candidates
                .filter(|(value, neuron)| Some(*neuron) != except && **value != 0.0)
                .map(|(value, latent)| Neighbour {
                    latent,
                    cosine: value / length,
                });
            Ok(Some(nearest(candidates)))
        })
    }
}
