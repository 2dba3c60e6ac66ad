//! Directions to compare others with, as a matrix on the device.

use std::ops::Range;

use gpt2::HookPoint;
use kernels::{Matrix, Stored, WeightFormat};

use crate::analysis::question::Question;
use crate::error::Error;
use crate::features::set::Decoder;
use crate::pace::Pace;
use crate::store::feature_set::LoadedSet;
use crate::store::model::LoadedModel;

/// The basis in which directions stand; those of one can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// That of the residual stream.
    Stream,
    /// That of the activation at one hook.
    Hook(HookPoint),
}

/// The space of a set's directions. Dimensions before W_O or W_out stand for what they write to the stream.
pub(super) fn space(set: &LoadedSet) -> Space {
    let is_dimensions = matches!(set.features.decoder(), Decoder::Dimensions);
    match set.hook {
        HookPoint::Z(_) | HookPoint::MlpPost(_) if is_dimensions => Space::Stream,
        hook if hook.is_in_stream() => Space::Stream,
        hook => Space::Hook(hook),
    }
}

/// Directions on the device.
pub(super) struct Target {
    /// `[directions, width]`.
    pub(super) matrix: Matrix,
    /// Their norms.
    pub(super) norms: Vec<f32>,
}

impl Target {
    /// Directions of a set; None where they stay in a file.
    ///
    /// # Errors
    /// [`Error::Model`], [`Error::Device`], [`Error::Cancelled`].
    pub(super) async fn of_set(
        question: &Question<'_>,
        model: &LoadedModel,
        set: &LoadedSet,
    ) -> Result<Option<Self>, Error> {
        let pace = &question.pace;
        let model = &model.model;
        Ok(match (set.features.decoder(), set.hook) {
            (Decoder::InFile, _) => None,
            (Decoder::OnDevice(matrix, norms), _) => Some(Self {
                matrix: matrix.clone(),
                norms: norms.to_vec(),
            }),
            (Decoder::Dimensions, HookPoint::Z(layer)) => {
                Some(Self::of_inputs(pace, model.attn_out(layer)?).await?)
            }
            (Decoder::Dimensions, HookPoint::MlpPost(layer)) => {
                Some(Self::of_inputs(pace, model.mlp_out(layer)?).await?)
            }
            (Decoder::Dimensions, hook) => {
                let width = hook.width(model.config());
                let rows = set.features.decoder_rows(pace, 0..width).await?;
                let (device, shape) = (pace.device(), (width, width));
                let format = WeightFormat::F32;
                Some(Self {
                    matrix: Matrix::from_rows(device, "dimensions", shape, format, &rows)?,
                    norms: vec![1.0; width],
                })
            }
        })
    }

    /// What each input of a product writes: the columns of `weights [outputs, inputs]` as rows.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::Cancelled`].
    pub(super) async fn of_inputs(pace: &Pace, weights: &Matrix) -> Result<Self, Error> {
        let (outputs, inputs) = (weights.rows(), weights.cols());
        let mut squares = vec![0.0_f64; inputs];
        let source = async |range: Range<usize>| {
            pace.step().await?;
            let rows = weights.read_rows(pace.device(), range).await?;
            for row in rows.chunks_exact(inputs.max(1)) {
                for (square, weight) in squares.iter_mut().zip(row) {
                    *square += f64::from(*weight).powi(2);
                }
            }
            Ok::<_, Error>(rows)
        };
        let (device, stored) = (pace.device(), Stored::Transposed);
        let (label, shape, format) = ("output directions", (inputs, outputs), WeightFormat::F32);
        let matrix = Matrix::upload(device, label, shape, format, stored, source).await?;
        Ok(Self {
            matrix,
            norms: squares.iter().map(|square| square.sqrt() as f32).collect(),
        })
    }
}
