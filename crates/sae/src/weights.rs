//! An autoencoder's weights on a device.

use std::ops::Range;

use kernels::{Buffer, Device, EncoderScreen, MAX_K, Matrix, Normalization, Stored, WeightFormat};

use crate::Error;

/// Activation function from pre-activations to latents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Architecture {
    /// z = ReLU(a).
    Standard,
    /// z = ReLU of the k largest a, the rest zero.
    TopK {
        /// Number of latents kept.
        k: usize,
    },
    /// `z = ReLU(a) · [a > θ]`; BatchTopK autoencoders are saved in this form.
    JumpRelu,
    /// z = [s·W_enc + b_gate > 0] · ReLU((s·W_enc) · exp(r_mag) + b_mag).
    Gated,
}

/// Computation of an autoencoder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Activation function from pre-activations to latents.
    pub architecture: Architecture,
    /// Width of the activation it reads.
    pub d_in: usize,
    /// Number of latents.
    pub d_sae: usize,
    /// Normalization of every input row, undone at the output.
    pub normalization: Normalization,
    /// True where b_dec is subtracted from the (normalised) input.
    pub apply_b_dec_to_input: bool,
}

/// An autoencoder's weights, latent-major.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// `[d_sae, d_in]`.
    pub w_enc: &'a [f32],
    /// `[d_sae]`; zeros for a gated autoencoder.
    pub b_enc: &'a [f32],
    /// Thresholds or gates of the latents, for the architectures that have them.
    pub gate: GateWeights<'a>,
    /// `[d_sae, d_in]`.
    pub w_dec: &'a [f32],
    /// `[d_in]`.
    pub b_dec: &'a [f32],
}

/// Thresholds or gates of the latents, all `[d_sae]`.
#[derive(Debug, Clone, Copy)]
pub enum GateWeights<'a> {
    /// Standard and TopK have none.
    None,
    /// θ of JumpReLU.
    Threshold(&'a [f32]),
    /// Of a gated autoencoder.
    Gated {
        /// b_gate.
        b_gate: &'a [f32],
        /// r_mag.
        r_mag: &'a [f32],
        /// b_mag.
        b_mag: &'a [f32],
    },
}

/// A gate on the device.
#[derive(Clone)]
pub(crate) struct DeviceGate {
    pub(crate) threshold: Buffer,
    /// exp(r_mag) and b_mag.
    pub(crate) magnitude: Option<(Buffer, Buffer)>,
}

/// A sparse autoencoder on a device. Cheap to clone but for a few vectors; clones share the device's memory.
#[derive(Clone)]
pub struct Sae {
    pub(crate) config: Config,
    pub(crate) w_enc: Matrix,
    pub(crate) b_enc: Buffer,
    pub(crate) screen: EncoderScreen,
    pub(crate) gate: Option<DeviceGate>,
    pub(crate) w_dec: Matrix,
    pub(crate) b_dec: Buffer,
    decoder_norms: Vec<f32>,
    encoder_biases: Vec<f32>,
}

/// The parts of an autoencoder that are small enough to be in memory at once.
#[derive(Debug, Clone, Copy)]
pub struct Vectors<'a> {
    /// `[d_sae]`; zeros for a gated autoencoder.
    pub b_enc: &'a [f32],
    /// Thresholds or gates of the latents, for the architectures that have them.
    pub gate: GateWeights<'a>,
    /// `[d_in]`.
    pub b_dec: &'a [f32],
}

/// Source of the two matrices, piece by piece.
pub trait WeightSource {
    /// Error of reading.
    type Error: From<Error> + From<kernels::Error>;

    /// Layout in which W_enc, used as `[d_sae, d_in]`, is stored.
    fn encoder_stored(&self) -> Stored;

    /// Layout in which W_dec, used as `[d_sae, d_in]`, is stored.
    fn decoder_stored(&self) -> Stored;

    /// True where W_dec lies before W_enc, so that it is read first.
    fn decoder_first(&self) -> bool;

    /// Entries `range` of the leading dimension of W_enc as it is stored, row-major.
    ///
    /// # Errors
    /// The reason why they are refused.
    fn encoder(&self, range: Range<usize>) -> impl Future<Output = Result<Vec<f32>, Self::Error>>;

    /// Entries `range` of the leading dimension of W_dec as it is stored, row-major.
    ///
    /// # Errors
    /// The reason why they are refused.
    fn decoder(&self, range: Range<usize>) -> impl Future<Output = Result<Vec<f32>, Self::Error>>;
}

impl Sae {
    /// Checks and uploads weights that are whole in memory.
    ///
    /// # Errors
    /// [`Error::WrongSize`], [`Error::UnusableK`], [`Error::WrongGate`], [`Error::Device`].
    pub fn load(
        device: &Device,
        config: Config,
        weights: &Weights<'_>,
        format: WeightFormat,
    ) -> Result<Self, Error> {
        let shape = (config.d_sae, config.d_in);
        for (tensor, matrix) in [("W_enc", weights.w_enc), ("W_dec", weights.w_dec)] {
            check_size(tensor, matrix.len(), shape.0 * shape.1)?;
        }
        let vectors = Vectors {
            b_enc: weights.b_enc,
            gate: weights.gate,
            b_dec: weights.b_dec,
        };
        check(&config, &vectors)?;
        let mut squares = Squares::new(&config);
        squares.add(Stored::AsUsed, 0, weights.w_dec);
        let matrix = |label, weights| Matrix::from_rows(device, label, shape, format, weights);
        Self::assemble(
            device,
            config,
            &vectors,
            matrix("W_enc", weights.w_enc)?,
            matrix("W_dec", weights.w_dec)?,
            &squares,
        )
    }

    /// Checks the small parts and uploads the matrices piece by piece as `source` gives them, in the order of the file.
    ///
    /// # Errors
    /// As [`Sae::load`], and whatever the source returns.
    pub async fn stream<S: WeightSource>(
        device: &Device,
        config: Config,
        vectors: &Vectors<'_>,
        format: WeightFormat,
        source: &S,
    ) -> Result<Self, S::Error> {
        check(&config, vectors)?;
        let shape = (config.d_sae, config.d_in);
        let mut squares = Squares::new(&config);
        let encoder = async || {
            let stored = source.encoder_stored();
            let read = async |range| source.encoder(range).await;
            Matrix::upload(device, "W_enc", shape, format, stored, read).await
        };
        let decoder = async |squares: &mut Squares| {
            let stored = source.decoder_stored();
            let read = async |range: Range<usize>| {
                let first = range.start;
                let weights = source.decoder(range).await?;
                squares.add(stored, first, &weights);
                Ok::<_, S::Error>(weights)
            };
            Matrix::upload(device, "W_dec", shape, format, stored, read).await
        };
        let (w_enc, w_dec) = if source.decoder_first() {
            let w_dec = decoder(&mut squares).await?;
            (encoder().await?, w_dec)
        } else {
            (encoder().await?, decoder(&mut squares).await?)
        };
        Ok(Self::assemble(
            device, config, vectors, w_enc, w_dec, &squares,
        )?)
    }

    fn assemble(
        device: &Device,
        config: Config,
        vectors: &Vectors<'_>,
        w_enc: Matrix,
        w_dec: Matrix,
        squares: &Squares,
    ) -> Result<Self, Error> {
        let b_enc = device.buffer_with("b_enc", vectors.b_enc)?;
        let screen = match config.architecture {
            Architecture::TopK { k } => EncoderScreen::new(device, &w_enc, &b_enc, k),
            _ => EncoderScreen::default(),
        };
        Ok(Self {
            config,
            w_enc,
            b_enc,
            screen,
            gate: device_gate(device, &config, vectors.gate)?,
            w_dec,
            b_dec: device.buffer_with("b_dec", vectors.b_dec)?,
            decoder_norms: squares.norms(),
            encoder_biases: vectors.b_enc.to_vec(),
        })
    }

    /// Its computation.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// W_dec `[d_sae, d_in]`.
    pub fn w_dec(&self) -> &Matrix {
        &self.w_dec
    }

    /// ‖W_dec row‖ of every latent.
    pub fn decoder_norms(&self) -> &[f32] {
        &self.decoder_norms
    }

    /// b_enc of every latent.
    pub fn encoder_biases(&self) -> &[f32] {
        &self.encoder_biases
    }
}

/// ‖W_dec row‖² of every latent, summed as the decoder passes by.
struct Squares {
    d_in: usize,
    sums: Vec<f64>,
}

impl Squares {
    fn new(config: &Config) -> Self {
        Self {
            d_in: config.d_in,
            sums: vec![0.0; config.d_sae],
        }
    }

    /// Adds entries of the stored leading dimension, from `first` on.
    fn add(&mut self, stored: Stored, first: usize, weights: &[f32]) {
        let square = |weight: &f32| f64::from(*weight).powi(2);
        match stored {
            Stored::AsUsed => {
                let rows = weights.chunks_exact(self.d_in.max(1));
                for (sum, row) in self.sums.iter_mut().skip(first).zip(rows) {
                    *sum += row.iter().map(square).sum::<f64>();
                }
            }
            Stored::Transposed => {
                for column in weights.chunks_exact(self.sums.len().max(1)) {
                    for (sum, weight) in self.sums.iter_mut().zip(column) {
                        *sum += square(weight);
                    }
                }
            }
        }
    }

    fn norms(&self) -> Vec<f32> {
        self.sums.iter().map(|sum| sum.sqrt() as f32).collect()
    }
}

fn check_size(tensor: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::WrongSize {
        tensor,
        found,
        expected,
    })
}

/// Refuses a k that cannot be, and vectors of another size.
fn check(config: &Config, vectors: &Vectors<'_>) -> Result<(), Error> {
    check_size("b_enc", vectors.b_enc.len(), config.d_sae)?;
    check_size("b_dec", vectors.b_dec.len(), config.d_in)?;
    if let Architecture::TopK { k } = config.architecture {
        let limit = MAX_K.min(config.d_sae);
        if k == 0 || k > limit {
            return Err(Error::UnusableK {
                k,
                d_sae: config.d_sae,
                limit,
            });
        }
    }
    Ok(())
}

fn device_gate(
    device: &Device,
    config: &Config,
    gate: GateWeights<'_>,
) -> Result<Option<DeviceGate>, Error> {
    let sized = |tensor: &'static str, values: &[f32]| -> Result<_, Error> {
        check_size(tensor, values.len(), config.d_sae)?;
        Ok(device.buffer_with(tensor, values)?)
    };
    match (config.architecture, gate) {
        (Architecture::Standard | Architecture::TopK { .. }, GateWeights::None) => Ok(None),
        (Architecture::JumpRelu, GateWeights::Threshold(threshold)) => Ok(Some(DeviceGate {
            threshold: sized("threshold", threshold)?,
            magnitude: None,
        })),
        (
            Architecture::Gated,
            GateWeights::Gated {
                b_gate,
                r_mag,
                b_mag,
            },
        ) => {
            let scale: Vec<f32> = r_mag.iter().map(|r_mag| r_mag.exp()).collect();
            Ok(Some(DeviceGate {
                threshold: sized("b_gate", b_gate)?,
                magnitude: Some((sized("r_mag", &scale)?, sized("b_mag", b_mag)?)),
            }))
        }
        (architecture, _) => Err(Error::WrongGate { architecture }),
    }
}
