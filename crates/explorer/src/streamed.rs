//! Autoencoders that stay in their files: for a prompt, only the latents that it selects come to the device.

use std::ops::Range;
use std::rc::Rc;

use formats::sae::{Layout, SaeFile};
use gpt2::HookPoint;
use kernels::{Buffer, WeightFormat, rows_in_piece};
use sae::{Architecture, GateWeights, Sae, Vectors, WeightSource, Weights, select};

use crate::Error;
use crate::cancel::Running;
use crate::encoded::Encoded;
use crate::error::index;
use crate::load_sae::{Source, Stopped};
use crate::options::SaeOptions;
use crate::report::{Feature, SaeInfo};
use crate::session::{Features, LoadedModel, LoadedSae, Session};

/// The part of an encoder that is on the device at a time.
const PART_BYTES: usize = 256 << 20;

/// A TopK autoencoder in its file.
pub(crate) struct Streamed {
    file: Rc<SaeFile>,
    config: sae::Config,
    k: usize,
    b_enc: Vec<f32>,
    b_dec: Vec<f32>,
    latents_at_a_time: usize,
}

/// The autoencoder on the device that does for some rows of an activation what a loaded one does.
pub(crate) enum Resident<'a> {
    /// The loaded one itself.
    Whole(&'a Sae),
    /// Of one that stays in its file, the latents that the rows select.
    Selected {
        sae: Box<Sae>,
        /// The loaded one's latent for each of its own, ascending.
        latents: Vec<u32>,
    },
}

impl Resident<'_> {
    pub(crate) fn sae(&self) -> &Sae {
        match self {
            Self::Whole(sae) => sae,
            Self::Selected { sae, .. } => sae,
        }
    }

    /// The index here of a latent of the loaded autoencoder.
    ///
    /// # Errors
    /// [`Error::NoSuchIndex`] where the latent was not selected.
    pub(crate) fn index_of(&self, latent: u32) -> Result<usize, Error> {
        match self {
            Self::Whole(_) => Ok(latent as usize),
            Self::Selected { latents, .. } => {
                latents
                    .binary_search(&latent)
                    .map_err(|_| Error::NoSuchIndex {
                        what: "the selected latent",
                        index: latent as usize,
                        count: latents.len(),
                    })
            }
        }
    }

    /// Its encoding with the loaded autoencoder's indices.
    ///
    /// # Errors
    /// [`Error::NoSuchIndex`].
    pub(crate) fn remapped(&self, encoded: Encoded) -> Result<Encoded, Error> {
        match self {
            Self::Whole(_) => Ok(encoded),
            Self::Selected { latents, .. } => encoded.remapped(latents),
        }
    }
}

impl Session {
    /// Loads a TopK autoencoder that is too large for the device: its weights stay in the file, and every call reads it
    /// once through a buffer of 256 MiB (or of `part_bytes`). Results are those of the whole autoencoder; nearest features
    /// are not looked for.
    ///
    /// # Errors
    /// As [`Session::load_sae`]; [`Error::Unsupported`] for other architectures, and where the encoder is stored input by
    /// input, as SAELens does.
    pub async fn load_streamed_sae(
        &mut self,
        id: &str,
        file: Rc<SaeFile>,
        options: &SaeOptions,
        part_bytes: Option<usize>,
    ) -> Result<SaeInfo, Error> {
        let (hook, config) = self.attach(id, &file, options)?;
        let Architecture::TopK { k } = config.architecture else {
            return Err(Error::Unsupported {
                what: format!(
                    "reading a {} autoencoder part after part; only topk can be",
                    file.config.architecture.name()
                ),
            });
        };
        if file.encoder_layout() != Layout::LatentMajor {
            return Err(Error::Unsupported {
                what: "reading an encoder part after part that is stored input by input, as in a SAELens folder: export it as an OpenAI .pt first; it".to_owned(),
            });
        }
        let row_bytes = 4 * config.d_in.max(1);
        let part_bytes = part_bytes.unwrap_or(PART_BYTES);
        let info = SaeInfo {
            weights: "streamed",
            ..self.info_of(id, &file, (hook, options), &config, WeightFormat::F32)
        };
        let streamed = Streamed {
            b_enc: file.b_enc().await?,
            b_dec: file.b_dec().await?,
            latents_at_a_time: (part_bytes / row_bytes).max(1),
            config,
            k,
            file: file.clone(),
        };
        self.keep(LoadedSae {
            info: info.clone(),
            hook,
            positions: file.config.counted.clone(),
            features: Features::Streamed(Box::new(streamed)),
        });
        Ok(info)
    }

    /// What encodes rows of an activation, if features are an autoencoder's latents at all. `also` is a latent that has to
    /// be there even if no row selects it.
    pub(crate) async fn resident<'a>(
        &self,
        running: &Running,
        loaded: &'a LoadedSae,
        activation: &Buffer,
        rows: usize,
        also: Option<u32>,
    ) -> Result<Option<Resident<'a>>, Error> {
        Ok(match &loaded.features {
            Features::Sae(sae) => Some(Resident::Whole(sae)),
            Features::Streamed(streamed) => {
                let selected = self.selected(running, streamed, activation, rows, also);
                Some(selected.await?)
            }
            Features::Neurons => None,
        })
    }

    /// The latents that rows of an activation select, and `also`, as an autoencoder on the device.
    async fn selected(
        &self,
        running: &Running,
        streamed: &Streamed,
        activation: &Buffer,
        rows: usize,
        also: Option<u32>,
    ) -> Result<Resident<'static>, Error> {
        let source = Source::new(&streamed.file, self, running);
        let vectors = Vectors {
            b_enc: &streamed.b_enc,
            gate: GateWeights::None,
            b_dec: &streamed.b_dec,
        };
        let mut latents = select(
            &self.device,
            &streamed.config,
            &vectors,
            (activation, rows),
            streamed.latents_at_a_time,
            &source,
        )
        .await
        .map_err(Stopped::into_error)?;
        latents.extend(also);
        // TopK takes no fewer latents than k; those that nothing selects change nothing.
        latents.extend(0..streamed.k as u32);
        latents.sort_unstable();
        latents.dedup();
        let encoder = streamed.rows_of(&source, &latents, Which::Encoder).await?;
        let decoder = streamed.rows_of(&source, &latents, Which::Decoder).await?;
        let b_enc = latents.iter().map(|latent| streamed.bias(*latent));
        let b_enc = b_enc.collect::<Result<Vec<f32>, Error>>()?;
        let config = sae::Config {
            d_sae: latents.len(),
            ..streamed.config
        };
        let weights = Weights {
            w_enc: &encoder,
            b_enc: &b_enc,
            gate: GateWeights::None,
            w_dec: &decoder,
            b_dec: &streamed.b_dec,
        };
        let sae = Sae::load(&self.device, config, &weights, WeightFormat::F32)?;
        Ok(Resident::Selected {
            sae: Box::new(sae),
            latents,
        })
    }

    /// What a latent of an autoencoder in its file is; its neighbours would take a reading of the whole decoder.
    pub(crate) async fn streamed_feature(
        &self,
        running: &Running,
        model: &LoadedModel,
        (hook, streamed): (HookPoint, &Streamed),
        latent: u32,
    ) -> Result<Feature, Error> {
        let source = Source::new(&streamed.file, self, running);
        let direction = streamed.rows_of(&source, &[latent], Which::Decoder).await?;
        let bias = streamed.bias(latent)?;
        self.describe(model, hook, latent, (&direction, bias)).await
    }
}

/// One of an autoencoder's matrices.
#[derive(Clone, Copy)]
enum Which {
    Encoder,
    Decoder,
}

impl Streamed {
    fn bias(&self, latent: u32) -> Result<f32, Error> {
        index(&self.b_enc, "the encoder bias of latent", latent)
    }

    /// Some latents' rows of a matrix, `[latents, d_in]`. A decoder that is stored input by input is read as a whole for
    /// them, so others get a turn between two pieces.
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
