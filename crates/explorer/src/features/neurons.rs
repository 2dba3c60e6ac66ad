//! Neurons as features: the dimensions of an activation, without an autoencoder.

use kernels::{
    ApplyEdits, Buffer, Copy, Directions, Normalization, OldValues, Recorder, apply_edits, copy,
};
use sae::EditTable;
use wire::Neighbour;

use crate::error::{Error, index};
use crate::features::coder::{Before, Coder, DeviceFeatures};
use crate::features::set::{Direction, FeatureSet, Later, nearest, norm};
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
            let found = candidates
                .filter(|(value, neuron)| Some(*neuron) != except && **value != 0.0)
                .map(|(value, latent)| Neighbour {
                    latent,
                    cosine: value / length,
                });
            Ok(Some(nearest(found)))
        })
    }
}
