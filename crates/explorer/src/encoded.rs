//! Features of rows of an activation: an autoencoder's latents, or the activation's own dimensions.

use kernels::{Buffer, Recorder};
use sae::{Architecture, Encoding, Sae};

use crate::Error;
use crate::error::index;
use crate::metrics::counted_mean;
use crate::neurons::check_finite;
use crate::session::{LoadedSae, Session};

/// Features read back.
pub(crate) struct Encoded {
    /// Slots per row.
    k: usize,
    /// `[rows, k]`, the strongest first; `u32::MAX` is an empty slot.
    latents: Vec<u32>,
    /// `[rows, k]`.
    activations: Vec<f32>,
    /// `[rows, 2]`: shift and scale of the encoder's input.
    pub(crate) statistics: Vec<f32>,
    /// `[rows]`: how many features are above 0.
    counts: Vec<f32>,
}

impl Session {
    /// Encodes rows of an activation and reads the latents back; the encoding itself stays on the device.
    pub(crate) async fn encode(
        &self,
        loaded: &LoadedSae,
        sae: &Sae,
        activation: &Buffer,
        rows: usize,
    ) -> Result<(Encoded, Encoding), Error> {
        let mut recorder = Recorder::new(&self.device);
        let encoding = sae.record_encode(&mut recorder, activation, rows)?;
        let words = rows * encoding.k;
        let latents = recorder.read_back(&encoding.latents, words)?;
        let activations = recorder.read_back(&encoding.activations, words)?;
        let statistics = recorder.read_back(&encoding.statistics, rows * 2)?;
        let nan_counts = recorder.read_back(&encoding.nan_counts, rows)?;
        let readings = recorder.finish().run().await?;
        if let Some(position) = readings
            .words(nan_counts)
            .iter()
            .position(|count| *count > 0)
        {
            return Err(Error::NotANumber {
                what: format!("a pre-activation of {}", loaded.info.id),
                position,
            });
        }
        let encoded = Encoded::new(
            encoding.k,
            readings.words(latents).to_vec(),
            readings.f32(activations).to_vec(),
            readings.f32(statistics).to_vec(),
        );
        if !matches!(sae.config().architecture, Architecture::TopK { .. })
            && encoded.is_full(loaded.info.n_latents)
        {
            return self
                .encode_densely(sae, activation, encoding, encoded.statistics)
                .await;
        }
        Ok((encoded, encoding))
    }

    /// For a row with more active latents than the selection kernel keeps: reads the pre-activations back and keeps all
    /// that are active.
    async fn encode_densely(
        &self,
        sae: &Sae,
        activation: &Buffer,
        selected: Encoding,
        statistics: Vec<f32>,
    ) -> Result<(Encoded, Encoding), Error> {
        let (rows, d_sae) = (selected.rows, sae.config().d_sae);
        let mut recorder = Recorder::new(&self.device);
        let (pre, _) = sae.record_pre_activations(&mut recorder, activation, rows)?;
        let pre = recorder.read_f32(&pre, rows * d_sae).await?;
        let active: Vec<Vec<(u32, f32)>> = pre
            .chunks_exact(d_sae)
            .map(|row| strongest(row, |value| value > 0.0))
            .collect();
        let k = active.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let (latents, activations) = slots(&active, k);
        let encoding = Encoding {
            latents: self.device.buffer_with("latents", &latents)?,
            activations: self.device.buffer_with("activations", &activations)?,
            k,
            ..selected
        };
        Ok((Encoded::new(k, latents, activations, statistics), encoding))
    }

    /// The dimensions of an activation as features, all of them, the largest in magnitude first; and the activation.
    pub(crate) async fn read_neurons(
        &self,
        loaded: &LoadedSae,
        activation: &Buffer,
        rows: usize,
    ) -> Result<(Encoded, Vec<f32>), Error> {
        let width = loaded.info.d_in;
        let recorder = Recorder::new(&self.device);
        let values = recorder.read_f32(activation, rows * width).await?;
        check_finite(loaded, &values, width)?;
        let k = width.max(1);
        let listed: Vec<Vec<(u32, f32)>> = values
            .chunks_exact(width)
            .map(|row| strongest(row, |value| value != 0.0))
            .collect();
        let (latents, activations) = slots(&listed, k);
        let mut encoded = Encoded::new(k, latents, activations, [0.0, 1.0].repeat(rows));
        encoded.counts = values.chunks_exact(width).map(active).collect();
        Ok((encoded, values))
    }
}

/// How many of a row's values are above 0.
fn active(row: &[f32]) -> f32 {
    row.iter().filter(|value| **value > 0.0).count() as f32
}

/// A row's chosen values with their indices, the largest in magnitude first, then the lower index.
fn strongest(row: &[f32], chosen: impl Fn(f32) -> bool) -> Vec<(u32, f32)> {
    let mut values: Vec<(u32, f32)> = (0_u32..)
        .zip(row.iter().copied())
        .filter(|(_, value)| chosen(*value))
        .collect();
    values.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    values
}

/// Lists as arrays with `k` slots per row; longer lists are cut.
fn slots(lists: &[Vec<(u32, f32)>], k: usize) -> (Vec<u32>, Vec<f32>) {
    let mut latents = vec![u32::MAX; lists.len() * k];
    let mut activations = vec![0.0; lists.len() * k];
    for (row, list) in lists.iter().enumerate() {
        for (slot, (latent, value)) in list.iter().take(k).enumerate() {
            latents[row * k + slot] = *latent;
            activations[row * k + slot] = *value;
        }
    }
    (latents, activations)
}

impl Encoded {
    fn new(k: usize, latents: Vec<u32>, activations: Vec<f32>, statistics: Vec<f32>) -> Self {
        Self {
            k,
            counts: activations.chunks_exact(k).map(active).collect(),
            latents,
            activations,
            statistics,
        }
    }

    /// The same with remapped indices: `latents[i]` instead of i.
    ///
    /// # Errors
    /// [`Error::NoSuchIndex`] for a latent that has no counterpart.
    pub(crate) fn remapped(mut self, latents: &[u32]) -> Result<Self, Error> {
        for latent in self
            .latents
            .iter_mut()
            .filter(|latent| **latent != u32::MAX)
        {
            *latent = index(latents, "a selected latent", *latent)?;
        }
        Ok(self)
    }

    fn rows(&self) -> impl Iterator<Item = (&[u32], &[f32])> {
        self.latents
            .chunks_exact(self.k)
            .zip(self.activations.chunks_exact(self.k))
    }

    /// Whether a row's last slot is active although the autoencoder has more latents than slots.
    fn is_full(&self, n_latents: usize) -> bool {
        self.k < n_latents
            && self
                .rows()
                .any(|(_, activations)| activations.last().is_some_and(|last| *last > 0.0))
    }

    /// Mean number of features above 0, over the rows that count; None of none.
    pub(crate) fn l0(&self, counted: &[bool]) -> Option<f64> {
        counted_mean(&self.counts, counted)
    }

    /// Slots per row, latents and activations without the slots that no row uses; empty slots hold -1.
    pub(crate) fn trimmed(&self) -> (usize, Vec<i32>, Vec<f32>) {
        let used = |activations: &[f32]| activations.iter().filter(|value| **value != 0.0).count();
        let slots = self.rows().map(|(_, activations)| used(activations)).max();
        let slots = slots.unwrap_or(0).max(1);
        let mut latents = Vec::new();
        let mut kept = Vec::new();
        for (row, activations) in self.rows() {
            for (latent, activation) in row.iter().zip(activations).take(slots) {
                let empty = *activation == 0.0;
                latents.push(if empty { -1 } else { *latent as i32 });
                kept.push(if empty { 0.0 } else { *activation });
            }
        }
        (slots, latents, kept)
    }
}
