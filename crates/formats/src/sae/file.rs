//! Reading of an autoencoder's weights from its file, in parts.

use std::collections::BTreeMap;
use std::ops::Range;

use super::sparsity::{self, read_sparsity};
use super::{Architecture, Gate, Sae, SaeConfig, transposed};
use crate::error::Result;
use crate::tensors::{PIECE_BYTES, TensorFile, check_finite};
use crate::torch::{TorchDict, TorchFile, View};

/// Layout of a matrix between inputs and latents in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `[d_sae, d_in]`: a latent's weights are contiguous.
    LatentMajor,
    /// `[d_in, d_sae]`: an input's weights are contiguous.
    InputMajor,
}

impl Layout {
    /// This layout, or that of the transpose.
    fn transposed_if(self, transposed: bool) -> Self {
        match (self, transposed) {
            (Self::LatentMajor, false) | (Self::InputMajor, true) => Self::LatentMajor,
            (Self::InputMajor, false) | (Self::LatentMajor, true) => Self::InputMajor,
        }
    }

    /// Rows and columns in the file.
    fn shape(self, d_in: usize, d_sae: usize) -> (usize, usize) {
        match self {
            Self::LatentMajor => (d_sae, d_in),
            Self::InputMajor => (d_in, d_sae),
        }
    }
}

/// The file that holds the tensors.
pub(super) enum Tensors {
    /// In a `.pt` file.
    Torch(TorchFile, BTreeMap<&'static str, View>),
    /// In a `safetensors` file.
    Safetensors(TensorFile),
}

impl Tensors {
    fn file_name(&self) -> &str {
        match self {
            Self::Torch(file, _) => file.name(),
            Self::Safetensors(file) => file.file_name(),
        }
    }

    async fn rows(&self, key: &str, rows: Range<usize>) -> Result<Vec<f32>> {
        match self {
            Self::Torch(file, views) => match views.get(key) {
                Some(view) => view.rows(file, rows).await,
                None => Ok(Vec::new()),
            },
            Self::Safetensors(file) => file.read_rows(key, rows).await,
        }
    }

    fn position(&self, key: &str) -> u64 {
        match self {
            Self::Torch(file, views) => views.get(key).map_or(u64::MAX, |view| view.position(file)),
            Self::Safetensors(file) => file.offset(key).unwrap_or(u64::MAX),
        }
    }
}

/// The weights in the dictionary of a `.pt` file.
pub(super) struct TorchWeights {
    pub(super) views: BTreeMap<&'static str, View>,
    pub(super) encoder_layout: Layout,
    pub(super) decoder_layout: Layout,
}

impl TorchWeights {
    /// `encoder` and `decoder` are the layouts that the tensors' shapes have. A tensor may have been saved as the transpose
    /// of what lies in the file.
    pub(super) fn find(
        dict: &TorchDict<'_>,
        keys: Keys,
        (d_in, d_sae): (usize, usize),
        (encoder, decoder): (Layout, Layout),
    ) -> Result<Self> {
        let matrix = |key, layout: Layout| {
            let (rows, cols) = layout.shape(d_in, d_sae);
            let (view, transposed) = dict.view(key, &[rows, cols])?.by_rows();
            Ok((view, layout.transposed_if(transposed)))
        };
        let (encoder, encoder_layout) = matrix(keys.encoder, encoder)?;
        let (decoder, decoder_layout) = matrix(keys.decoder, decoder)?;
        let views = BTreeMap::from([
            (keys.encoder, encoder),
            (keys.decoder, decoder),
            (keys.b_enc, dict.view(keys.b_enc, &[d_sae])?),
            (keys.b_dec, dict.view(keys.b_dec, &[d_in])?),
        ]);
        Ok(Self {
            views,
            encoder_layout,
            decoder_layout,
        })
    }
}

/// The keys under which a format has an autoencoder's tensors.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    pub(super) encoder: &'static str,
    pub(super) b_enc: &'static str,
    pub(super) decoder: &'static str,
    pub(super) b_dec: &'static str,
}

/// Source of the firing frequencies.
pub(super) enum Frequency {
    /// Nowhere.
    Unknown,
    /// In this tensor beside the weights.
    Buffer(&'static str),
    /// In a file of its own, as logarithms.
    Sparsity(TensorFile),
}

/// A sparse autoencoder's file: its settings, and its tensors read on demand, only the requested bytes. All of
/// them were found and their shapes compared when it was opened.
///
/// Weights come as the engine uses them: what a setting such as `rescale_acts_by_decoder_norm` does to them is done.
pub struct SaeFile {
    /// The settings that the file states.
    pub config: SaeConfig,
    /// Sentences for whoever loads it: what its file left open and what was assumed, and what looks wrong without being
    /// certain.
    pub notices: Vec<String>,
    pub(super) tensors: Tensors,
    pub(super) keys: Keys,
    pub(super) encoder_layout: Layout,
    pub(super) decoder_layout: Layout,
    /// Norms of the decoder's directions, `[d_sae]`, where they are to be folded into the weights.
    pub(super) norms: Option<Vec<f32>>,
    pub(super) frequency: Frequency,
}

impl std::fmt::Debug for SaeFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SaeFile")
            .field("file", &self.file_name())
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl SaeFile {
    /// The name of the file that holds the weights.
    pub fn file_name(&self) -> &str {
        self.tensors.file_name()
    }

    /// Layout of the encoder in the file.
    pub fn encoder_layout(&self) -> Layout {
        self.encoder_layout
    }

    /// Layout of the decoder in the file.
    pub fn decoder_layout(&self) -> Layout {
        self.decoder_layout
    }

    /// Approximate offset at which the encoder begins in the file: matrices are read fastest in the file's order.
    pub fn encoder_position(&self) -> u64 {
        self.tensors.position(self.keys.encoder)
    }

    /// Approximate offset at which the decoder begins in the file.
    pub fn decoder_position(&self) -> u64 {
        self.tensors.position(self.keys.decoder)
    }

    /// Rows of the encoder as they lie in the file: of latents or of inputs, as [`SaeFile::encoder_layout`] says.
    ///
    /// # Errors
    /// `wrong-shape` where the rows reach past the end, `non-finite-weights`, `unreadable`; `bad-file` where the archive's
    /// checksum is another, which shows once a `.pt` file's matrix was read from its beginning to its end in order.
    pub async fn encoder(&self, rows: Range<usize>) -> Result<Vec<f32>> {
        let mut values = self.tensors.rows(self.keys.encoder, rows.clone()).await?;
        self.fold(
            self.keys.encoder,
            self.encoder_layout,
            rows,
            &mut values,
            |weight, norm| *weight *= norm,
        )?;
        Ok(values)
    }

    /// Rows of the decoder as they lie in the file: of latents or of inputs, as [`SaeFile::decoder_layout`] says.
    ///
    /// # Errors
    /// As [`SaeFile::encoder`].
    pub async fn decoder(&self, rows: Range<usize>) -> Result<Vec<f32>> {
        let mut values = self.tensors.rows(self.keys.decoder, rows.clone()).await?;
        self.fold(
            self.keys.decoder,
            self.decoder_layout,
            rows,
            &mut values,
            |weight, norm| {
                if norm > 0.0 {
                    *weight /= norm;
                }
            },
        )?;
        Ok(values)
    }

    /// The encoder's bias, `[d_sae]`; zeros for a gated autoencoder.
    ///
    /// # Errors
    /// `non-finite-weights`, `bad-file` for a wrong checksum, `unreadable`.
    pub async fn b_enc(&self) -> Result<Vec<f32>> {
        let d_sae = self.config.d_sae;
        if self.config.architecture == Architecture::Gated {
            return Ok(vec![0.0; d_sae]);
        }
        let mut bias = self.tensors.rows(self.keys.b_enc, 0..d_sae).await?;
        if let Some(norms) = &self.norms {
            for (bias, norm) in bias.iter_mut().zip(norms) {
                *bias *= norm;
            }
            check_finite(self.file_name(), self.keys.b_enc, &bias, 0)?;
        }
        Ok(bias)
    }

    /// Parameters of the activation function.
    ///
    /// # Errors
    /// As [`SaeFile::b_enc`].
    pub async fn gate(&self) -> Result<Gate> {
        let all = 0..self.config.d_sae;
        let vector = |key| self.tensors.rows(key, all.clone());
        Ok(match self.config.architecture {
            Architecture::Standard | Architecture::TopK { .. } => Gate::None,
            Architecture::JumpRelu => Gate::Threshold(vector("threshold").await?),
            Architecture::Gated => Gate::Gated {
                b_gate: vector("b_gate").await?,
                r_mag: vector("r_mag").await?,
                b_mag: vector("b_mag").await?,
            },
        })
    }

    /// The decoder's bias, `[d_in]`.
    ///
    /// # Errors
    /// As [`SaeFile::b_enc`].
    pub async fn b_dec(&self) -> Result<Vec<f32>> {
        self.tensors
            .rows(self.keys.b_dec, 0..self.config.d_in)
            .await
    }

    /// Fraction of tokens on which each latent was active, `[d_sae]`, if the file says so.
    ///
    /// # Errors
    /// As [`SaeFile::b_enc`].
    pub async fn firing_frequency(&self) -> Result<Option<Vec<f32>>> {
        let d_sae = self.config.d_sae;
        match &self.frequency {
            Frequency::Unknown => Ok(None),
            Frequency::Sparsity(file) => read_sparsity(file, d_sae).await.map(Some),
            // The buffer starts as all ones and may never have been filled, and it is no weight: whatever is not a
            // frequency is left out instead of refusing the file.
            Frequency::Buffer(key) => match self.tensors.rows(key, 0..d_sae).await {
                Ok(values) => Ok(Some(values).filter(|f| is_frequency(f))),
                Err(crate::Error::NonFinite { .. }) => Ok(None),
                Err(other) => Err(other),
            },
        }
    }

    /// The same autoencoder with the firing frequencies of SAELens's `sparsity.safetensors`.
    ///
    /// # Errors
    /// As [`read_sparsity`](super::saelens::read_sparsity), but for its values, which are read later.
    pub fn with_sparsity(mut self, sparsity: TensorFile) -> Result<Self> {
        sparsity::check(&sparsity, self.config.d_sae)?;
        self.frequency = Frequency::Sparsity(sparsity);
        Ok(self)
    }

    /// The whole autoencoder in memory, its matrices latent-major.
    ///
    /// # Errors
    /// As [`SaeFile::encoder`].
    pub async fn read(&self) -> Result<Sae> {
        Ok(Sae {
            w_enc: self.whole(self.encoder_layout, true).await?,
            b_enc: self.b_enc().await?,
            gate: self.gate().await?,
            w_dec: self.whole(self.decoder_layout, false).await?,
            b_dec: self.b_dec().await?,
            firing_frequency: self.firing_frequency().await?,
            config: self.config.clone(),
        })
    }

    async fn whole(&self, layout: Layout, encoder: bool) -> Result<Vec<f32>> {
        let (rows, columns) = layout.shape(self.config.d_in, self.config.d_sae);
        let stored = if encoder {
            self.encoder(0..rows).await?
        } else {
            self.decoder(0..rows).await?
        };
        Ok(match layout {
            Layout::LatentMajor => stored,
            Layout::InputMajor => transposed(&stored, rows, columns),
        })
    }

    /// Reads the decoder in pieces and keeps its directions' norms, so that they are folded into the weights from here
    /// on.
    ///
    /// `rescale_acts_by_decoder_norm` multiplies h by the norm of the latent's decoder row and divides z by it again when
    /// decoding. Both are the same once and for all in the weights.
    pub(super) async fn fold_decoder_norms(&mut self) -> Result<()> {
        let (height, width) = self
            .decoder_layout
            .shape(self.config.d_in, self.config.d_sae);
        let mut squares = vec![0f64; self.config.d_sae];
        let step = (PIECE_BYTES / 4 / width.max(1)).max(1);
        for first in (0..height).step_by(step) {
            let rows = first..height.min(first + step);
            let values = self.tensors.rows(self.keys.decoder, rows.clone()).await?;
            for (row, values) in rows.zip(values.chunks_exact(width)) {
                for (column, &weight) in values.iter().enumerate() {
                    let latent = match self.decoder_layout {
                        Layout::LatentMajor => row,
                        Layout::InputMajor => column,
                    };
                    if let Some(sum) = squares.get_mut(latent) {
                        *sum += f64::from(weight).powi(2);
                    }
                }
            }
        }
        self.norms = Some(squares.iter().map(|sum| sum.sqrt() as f32).collect());
        Ok(())
    }

    /// Applies `change` with the norm of its latent to every weight of some rows.
    fn fold(
        &self,
        key: &str,
        layout: Layout,
        rows: Range<usize>,
        values: &mut [f32],
        change: impl Fn(&mut f32, f32),
    ) -> Result<()> {
        let Some(norms) = &self.norms else {
            return Ok(());
        };
        let (_, width) = layout.shape(self.config.d_in, self.config.d_sae);
        let first = rows.start * width;
        match layout {
            Layout::LatentMajor => {
                let norms = norms.get(rows).unwrap_or_default();
                for (row, &norm) in values.chunks_exact_mut(width).zip(norms) {
                    row.iter_mut().for_each(|weight| change(weight, norm));
                }
            }
            Layout::InputMajor => {
                for row in values.chunks_exact_mut(width) {
                    for (weight, &norm) in row.iter_mut().zip(norms) {
                        change(weight, norm);
                    }
                }
            }
        }
        check_finite(self.file_name(), key, values, first)
    }
}

fn is_frequency(values: &[f32]) -> bool {
    values.iter().all(|f| (0.0..=1.0).contains(f)) && values.iter().any(|&f| f != 1.0)
}
