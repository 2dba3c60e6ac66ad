//! Weights, and whatever has their shape, on a device.

use std::ops::Range;

use kernels::{Buffer, Device, Matrix, Recorder, Stored, WeightFormat, rows_in_piece};

use crate::error::Error;
use crate::parameters::Parameters;

/// [`Parameters`] on a device.
pub(super) struct Group {
    /// `[latents, width]`
    pub(super) w_enc: Matrix,
    /// `[latents, width]`
    pub(super) w_dec: Matrix,
    /// `[latents]`
    pub(super) b_enc: Buffer,
    /// `[width]`
    pub(super) b_dec: Buffer,
}

impl Group {
    /// Zeros.
    pub(super) fn zeros(
        device: &Device,
        label: &str,
        shape: (usize, usize),
    ) -> Result<Self, Error> {
        let matrix = |name: &str| {
            Matrix::zeros(device, &format!("{label} {name}"), shape, WeightFormat::F32)
        };
        Ok(Self {
            w_enc: matrix("W_enc")?,
            w_dec: matrix("W_dec")?,
            b_enc: device.buffer(&format!("{label} b_enc"), shape.0)?,
            b_dec: device.buffer(&format!("{label} b_dec"), shape.1)?,
        })
    }

    /// A copy of what is in memory.
    pub(super) async fn upload(
        device: &Device,
        label: &str,
        parameters: &Parameters,
    ) -> Result<Self, Error> {
        let shape = (parameters.latents(), parameters.width());
        let matrix = async |name: &str, values: &[f32]| {
            let rows = async |rows: Range<usize>| {
                Ok::<_, Error>(values[rows.start * shape.1..rows.end * shape.1].to_vec())
            };
            let label = format!("{label} {name}");
            let format = WeightFormat::F32;
            Matrix::upload(device, &label, shape, format, Stored::AsUsed, rows).await
        };
        Ok(Self {
            w_enc: matrix("W_enc", &parameters.w_enc).await?,
            w_dec: matrix("W_dec", &parameters.w_dec).await?,
            b_enc: device.buffer_with(&format!("{label} b_enc"), &parameters.b_enc)?,
            b_dec: device.buffer_with(&format!("{label} b_dec"), &parameters.b_dec)?,
        })
    }

    /// Reads it back.
    pub(super) async fn read_into(
        &self,
        device: &Device,
        into: &mut Parameters,
    ) -> Result<(), Error> {
        let (latents, width) = (into.latents(), into.width());
        for (matrix, into) in [
            (&self.w_enc, &mut into.w_enc),
            (&self.w_dec, &mut into.w_dec),
        ] {
            let per_piece = rows_in_piece(width);
            for first in (0..latents).step_by(per_piece) {
                let rows = first..(first + per_piece).min(latents);
                let values = matrix.read_rows(device, rows.clone()).await?;
                into[rows.start * width..rows.end * width].copy_from_slice(&values);
            }
        }
        for (buffer, into) in [
            (&self.b_enc, &mut into.b_enc),
            (&self.b_dec, &mut into.b_dec),
        ] {
            let values = Recorder::new(device).read_f32(buffer, into.len()).await?;
            into.copy_from_slice(&values);
        }
        Ok(())
    }
}
