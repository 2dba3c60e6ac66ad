//! Autoencoders that stay in their files: for a prompt, only the latents that it selects come to the device.

use std::ops::Range;
use std::rc::Rc;

use formats::sae::{Layout, SaeFile};
use kernels::{Buffer, WeightFormat, rows_in_piece};
use sae::{GateWeights, Sae, Vectors, WeightSource, Weights, select};

use crate::error::{Error, index};
use crate::features::coder::Coder;
use crate::features::set::{Decoder, Direction, FeatureSet, Later, Prepared};
use crate::features::source::{Source, Stopped};
use crate::pace::Pace;

/// A TopK autoencoder in its file.
pub(crate) struct Streamed {
    pub(crate) file: Rc<SaeFile>,
    pub(crate) config: sae::Config,
    pub(crate) k: usize,
    pub(crate) b_enc: Vec<f32>,
    pub(crate) b_dec: Vec<f32>,
    /// The part of the encoder that is on the device at a time.
    pub(crate) latents_at_a_time: usize,
}

impl FeatureSet for Streamed {
    fn resident(&self) -> Option<&dyn Coder> {
        None
    }

    /// The latents that the rows select, and `also`, as an autoencoder on the device.
    fn prepare<'a>(
        &'a self,
        pace: &'a Pace,
        activation: Buffer,
        rows: usize,
        also: Vec<u32>,
    ) -> Later<'a, Prepared<'a>> {
        Box::pin(self.selected(pace, activation, rows, also))
    }

    fn direction<'a>(&'a self, pace: &'a Pace, latent: u32) -> Later<'a, Direction> {
        Box::pin(async move {
            let source = Source::new(&self.file, pace);
            Ok(Direction {
                direction: self.rows_of(&source, &[latent], Which::Decoder).await?,
                encoder_bias: self.bias(latent)?,
            })
        })
    }

    fn decoder_rows<'a>(&'a self, pace: &'a Pace, latents: Range<usize>) -> Later<'a, Vec<f32>> {
        Box::pin(async move {
            let source = Source::new(&self.file, pace);
            if let Layout::LatentMajor = self.file.decoder_layout() {
                let rows = source.decoder(latents).await;
                return rows.map_err(Stopped::into_error);
            }
            let latents: Vec<u32> = latents.map(|latent| latent as u32).collect();
            self.rows_of(&source, &latents, Which::Decoder).await
        })
    }

    fn decoder(&self) -> Decoder<'_> {
        Decoder::InFile
    }
}

/// One of an autoencoder's matrices.
#[derive(Clone, Copy)]
enum Which {
    Encoder,
    Decoder,
}

impl Streamed {
    async fn selected(
        &self,
        pace: &Pace,
        activation: Buffer,
        rows: usize,
        also: Vec<u32>,
    ) -> Result<Prepared<'_>, Error> {
        let source = Source::new(&self.file, pace);
        let vectors = Vectors {
            b_enc: &self.b_enc,
            gate: GateWeights::None,
            b_dec: &self.b_dec,
        };
        let mut latents = select(
            pace.device(),
            &self.config,
            &vectors,
            (&activation, rows),
            self.latents_at_a_time,
            &source,
        )
        .await
        .map_err(Stopped::into_error)?;
        latents.extend(also);
        // TopK takes no fewer latents than k; those that nothing selects change nothing.
        latents.extend(0..self.k as u32);
        latents.sort_unstable();
        latents.dedup();
        let encoder = self.rows_of(&source, &latents, Which::Encoder).await?;
        let decoder = self.rows_of(&source, &latents, Which::Decoder).await?;
        let b_enc = latents.iter().map(|latent| self.bias(*latent));
        let b_enc = b_enc.collect::<Result<Vec<f32>, Error>>()?;
        let config = sae::Config {
            d_sae: latents.len(),
            ..self.config
        };
        let weights = Weights {
            w_enc: &encoder,
            b_enc: &b_enc,
            gate: GateWeights::None,
            w_dec: &decoder,
            b_dec: &self.b_dec,
        };
        let sae = Sae::load(pace.device(), config, &weights, WeightFormat::F32)?;
        Ok(Prepared::Own {
            coder: Box::new(sae),
            latents: Some(latents),
        })
    }

    fn bias(&self, latent: u32) -> Result<f32, Error> {
        index(&self.b_enc, "the encoder bias of latent", latent)
    }

    /// Some latents' rows of a matrix, `[latents, d_in]`. A decoder that is stored input by input is read as a whole for
    /// them, which yields between two pieces.
    async fn rows_of(
        &self,
        source: &Source<'_>,
        latents: &[u32],
        which: Which,
    ) -> Result<Vec<f32>, Error> {
        let part = async |range: Range<usize>| {
            let part = match which {
                Which::Encoder => source.encoder(range).await,
                Which::Decoder => source.decoder(range).await,
            };
            part.map_err(Stopped::into_error)
        };
        let (d_in, d_sae) = (self.config.d_in, self.config.d_sae);
        let layout = match which {
            Which::Encoder => self.file.encoder_layout(),
            Which::Decoder => self.file.decoder_layout(),
        };
        let mut rows = vec![0.0; latents.len() * d_in];
        match layout {
            Layout::LatentMajor => {
                for (latent, row) in latents.iter().zip(rows.chunks_exact_mut(d_in)) {
                    let latent = *latent as usize;
                    row.copy_from_slice(&part(latent..latent + 1).await?);
                }
            }
            Layout::InputMajor => {
                let step = rows_in_piece(d_sae);
                for first in (0..d_in).step_by(step) {
                    let range = first..(first + step).min(d_in);
                    let stored = part(range.clone()).await?;
                    for (input, stored) in range.zip(stored.chunks_exact(d_sae)) {
                        for (place, latent) in latents.iter().enumerate() {
                            rows[place * d_in + input] = stored[*latent as usize];
                        }
                    }
                }
            }
        }
        Ok(rows)
    }
}
