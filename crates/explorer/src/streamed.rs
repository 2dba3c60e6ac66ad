//! Autoencoders that stay in their files: for a prompt, only the latents that it selects come to the device.

use std::ops::Range;
use std::rc::Rc;

use formats::sae::{Layout, SaeFile};
use kernels::{Buffer, WeightFormat, rows_in_piece};
use sae::{Architecture, GateWeights, Sae, Vectors, WeightSource, Weights, select};

use crate::Error;
use crate::cancel::Running;
use crate::encoded::Encoded;
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

    /// Which of its latents is this one of the loaded autoencoder.
    pub(crate) fn place(&self, latent: u32) -> usize {
        match self {
            Self::Whole(_) => latent as usize,
            Self::Selected { latents, .. } => latents.binary_search(&latent).unwrap_or_default(),
        }
    }

    /// What it encoded, under the loaded autoencoder's names.
    pub(crate) fn named(&self, encoded: Encoded) -> Encoded {
        match self {
            Self::Whole(_) => encoded,
            Self::Selected { latents, .. } => encoded.renamed(latents),
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
        if !matches!(config.architecture, Architecture::TopK { .. }) {
            return Err(Error::Unsupported {
                what: format!(
                    "reading a {} autoencoder part after part; only topk can be",
                    file.config.architecture.name()
                ),
            });
        }
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
            file,
        };
        self.keep(LoadedSae {
            info: info.clone(),
            hook,
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
        // TopK takes no fewer latents than it has places; k of them that nothing selects change nothing.
        let k = streamed.places();
        latents.extend(0..k as u32);
        latents.sort_unstable();
        latents.dedup();
        let encoder = streamed.rows_of(&source, &latents, Which::Encoder).await?;
        let decoder = streamed.rows_of(&source, &latents, Which::Decoder).await?;
        let b_enc = latents.iter().map(|latent| streamed.bias(*latent));
        let config = sae::Config {
            d_sae: latents.len(),
            ..streamed.config
        };
        let weights = Weights {
            w_enc: &encoder,
            b_enc: &b_enc.collect::<Vec<f32>>(),
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
        streamed: &Streamed,
        latent: u32,
    ) -> Result<Feature, Error> {
        let source = Source::new(&streamed.file, self, running);
        let direction = streamed.rows_of(&source, &[latent], Which::Decoder).await?;
        self.written(model, latent, &direction, streamed.bias(latent))
            .await
    }
}

/// One of an autoencoder's matrices.
#[derive(Clone, Copy)]
enum Which {
    Encoder,
    Decoder,
}

impl Streamed {
    fn places(&self) -> usize {
        match self.config.architecture {
            Architecture::TopK { k } => k,
            _ => 0,
        }
    }

    fn bias(&self, latent: u32) -> f32 {
        self.b_enc.get(latent as usize).copied().unwrap_or(0.0)
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
